"""From recipe to stages: graph, plan with a bill, run, resume, status, show."""
