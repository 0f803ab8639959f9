"""The token store, its reader and writer, special tokens, tokenizer files and packing into windows."""
