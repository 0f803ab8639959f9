"""The page of a run: one self-contained HTML file in both languages, made of facts, with figures drawn on the server."""
