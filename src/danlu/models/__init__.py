"""Models: where they are, their shapes, their initialisation, their files. The classes are transformers' own."""
