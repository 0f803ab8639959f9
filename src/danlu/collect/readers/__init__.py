"""One module a format: each turns a file into records and rejections, in bounded memory."""
