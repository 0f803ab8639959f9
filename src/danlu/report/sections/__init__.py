"""The sections of the page: each module turns facts into what one template shows, in one language; None if there is nothing."""
