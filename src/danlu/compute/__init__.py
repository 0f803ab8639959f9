"""What this machine has, and what a run of it costs."""
