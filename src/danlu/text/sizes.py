"""Sizes that measures of texts are about: known to whoever shows them, without the kernels that count."""

TOP_SIZES = (2, 3, 4)
REPEAT_SIZES = (5, 6, 7, 8, 9, 10)
SIZES = (*TOP_SIZES, *REPEAT_SIZES)
# A Chinese word has 1.6 characters on average, so an n-gram of words is one of ceil(1.6 n) characters.
HAN_SIZES = {2: 4, 3: 5, 4: 7, 5: 8, 6: 10, 7: 12, 8: 13, 9: 15, 10: 16}
FIRST_WORDS = 100  # words looked at for `distinct_words`: the share of distinct words falls with length
RUN = 5  # equal characters in a row from which on they are a run
SHORT_LINE = 30  # characters, as FineWeb
MOST_CHARACTERS = 1_000_000  # of one text that are measured; the beginning of a book tells what the book is
