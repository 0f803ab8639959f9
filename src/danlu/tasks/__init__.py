"""Tasks: one module each says what its rows are, which head it needs, what it learns by, and how outputs become answers."""
