"""The `danlu` command: each module reads arguments, calls one function, prints."""
