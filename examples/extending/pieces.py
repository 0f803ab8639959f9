"""Which tokens go on with a word: a module beside the others, that `masking.py` imports. 判断哪些词元是前一个词的延续。"""


def continues_word(piece):
    """Whether a token's bytes go on with the word before it: an English one, or a character whose bytes were cut apart."""
    if not piece:
        return False
    first = piece[0]
    return 0x80 <= first < 0xC0 or (chr(first).isalnum() and first < 0x80)
