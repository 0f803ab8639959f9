"""The document format: Parquet parts, their schema, readers and writers."""
