"""Recipes: every section's schema, one module a section, named like the folder it configures. Free of torch."""
