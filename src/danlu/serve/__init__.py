"""A model behind HTTP: the OpenAI API for completions, and classification and masks beside it. It knows no stage."""
