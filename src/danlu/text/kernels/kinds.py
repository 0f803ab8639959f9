"""Flags of characters: what the tables of `danlu.text.characters` hold and kernels ask for.

They stand here because machine code is kept by the sources of kernels: a flag that moves must compile them anew.
"""

LETTER = 1  # letters and the marks on them, of any script
DIGIT = 2
ALONE = 4  # letters of scripts that put no space between words: each counts as a word
HAN = 8
LATIN = 16
SPACE = 32
ENDING = 64  # ends a sentence, or closes after its end
BROKEN = 128  # no character of a text: replacement character, control, private use, unassigned
MARK = 256  # punctuation and symbols
UPPER = 512
KANA = 1024
HANGUL = 2048
CYRILLIC = 4096
INVISIBLE = 8192  # format characters: joiners, directions, zero-width spaces
CONTINUED = 16384  # what the second byte of a character looks like where UTF-8 was read as Windows-1252 or Latin-1
SIGN = 32768  # what `danlu.text.kernels.signs` looks at twice

TABLE_SIZE = 0x40000  # of the tables; beyond are Han extensions not yet made, tags, variation selectors and private use only
NEWLINE = 10
