"""Counting n-grams, and looking their probabilities up.

An n-gram is known by a 64-bit key, made from its last token leftwards, so that the key of each n-gram extends the key of its
suffix. Two of ten million keys are the same with a chance of 3 in a million.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from danlu.compute.kernel import kernel
from danlu.text.kernels.tokens import BOUNDARY, UNKNOWN, mix, read_tokens

NONE = np.uint32(0xFFFFFFFF)
CHUNK = 512
STEP = 1 / 1024  # bits; the grain of stored logarithms, so that 16 bits reach to 64
SPELLED = 257  # bytes, and the end of a word

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LOW, _HALF, _SHORT = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(16)
_SHORT_MASK = np.uint64(0xFFFF)


@kernel
def extend(key: np.uint64, token: np.uint64) -> np.uint64:
    """The key of an n-gram from the key of all but its first token."""
    return mix(key * _FACTOR + token)


@kernel
def split_lines(data: NDArray[np.uint8], one_in: int, learned: NDArray[np.uint8], held: NDArray[np.uint8]) -> tuple[int, int]:
    """Copy the lines of a text into two: one in `one_in`, chosen by its bytes alone, to `held`. Returns how many bytes of each.

    Equal lines go to the same side. Both need a byte more than the text, for the end of the last line.
    """
    kept = left = begin = 0
    state = np.uint64(0)
    for at in range(len(data) + 1):
        if at < len(data) and data[at] != 10:
            state = (state ^ np.uint64(data[at])) * _FACTOR
            state ^= state >> _HALF
            continue
        size = at - begin
        if mix(state) % np.uint64(one_in) == 0:
            held[left : left + size] = data[begin:at]
            held[left + size] = 10
            left += size + 1
        else:
            learned[kept : kept + size] = data[begin:at]
            learned[kept + size] = 10
            kept += size + 1
        begin, state = at + 1, np.uint64(0)
    return kept, left


@kernel
def count_keys(
    keys: NDArray[np.uint64],
    index: NDArray[np.uint32],
    slots: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    firsts: NDArray[np.uint32],
) -> int:
    """Number equal keys in the order of their first appearance; 0 is no key. Returns how many there are.

    Writes the number of each key to `index`, how often and where it came first to `counts` and `firsts`. `slots` is a hash
    table, a power of two long, full of NONE.
    """
    mask = len(slots) - 1
    found = 0
    for place in range(len(keys)):
        key = keys[place]
        if key == 0:
            index[place] = NONE
            continue
        slot = np.int64(key & _LOW) & mask
        while True:
            number = slots[slot]
            if number == NONE:
                slots[slot] = number = np.uint32(found)
                counts[found], firsts[found] = 1, place
                found += 1
                break
            if keys[firsts[number]] == key:
                counts[number] += np.uint32(1)
                break
            slot = (slot + 1) & mask
        index[place] = number
    return found


@kernel
def replace_rare(
    tokens: NDArray[np.uint64],
    index: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    spelled: NDArray[np.int64],
) -> None:
    """Put UNKNOWN in the place of tokens that came once, and count their pairs of bytes in `spelled`, [SPELLED, SPELLED]."""
    for place in range(len(tokens)):
        if index[place] != NONE and counts[index[place]] == 1 and tokens[place] != BOUNDARY:
            tokens[place] = UNKNOWN
            before = np.int64(SPELLED - 1)
            for at in range(starts[place], ends[place]):
                byte = plain(data[at])
                spelled[before, byte] += 1
                before = byte
            spelled[before, SPELLED - 1] += 1


@kernel
def plain(byte: int) -> np.int64:
    """A byte of a word as it is spelled: ASCII in lower case, and one digit for all."""
    if 0x41 <= byte <= 0x5A:
        return np.int64(byte) + 32
    return np.int64(0x30 if 0x30 <= byte <= 0x39 else byte)


@kernel
def extend_keys(
    tokens: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    order: int,
    index: NDArray[np.uint32],
    counts: NDArray[np.uint32],
    loose: NDArray[np.int64],
    least: int,
) -> tuple[int, int]:
    """Turn the keys of (n-1)-grams that end at each token into those of n-grams, n = `order`; 0 where no more is wanted.

    A suffix that came less than `least` times makes no key: what it ends came once and has one token before it. Such an n-gram
    counts in `loose`, by the number of its first n-1 tokens. Returns how many of them, and how many keys.
    """
    run = 0  # tokens since the beginning of the line
    dropped = left = 0
    before = NONE  # the number of the (n-1)-gram that ends before this token
    for place in range(len(tokens)):
        number = index[place]
        if place and tokens[place - 1] == BOUNDARY:
            run = 0
        run += 1
        if place == 0 or run < order - 1:
            keys[place] = 0
        elif number == NONE or counts[number] < least:
            keys[place] = 0
            dropped += 1
            if before != NONE:
                loose[before] += 1
        else:
            keys[place] = extend(keys[place], tokens[place - order + 1])
            left += 1
        before = number
    return dropped, left


@kernel
def count_suffixes(suffixes: NDArray[np.uint32], before: NDArray[np.int64]) -> None:
    """How many different tokens stand before each (n-1)-gram, from the suffixes of all n-grams."""
    for suffix in suffixes:
        before[suffix] += 1


@kernel
def totals_of(
    prefixes: NDArray[np.uint32],
    adjusted: NDArray[np.int64],
    counts: NDArray[np.uint32],
    least: int,
    discounts: NDArray[np.float64],
    totals: NDArray[np.int64],
    kept: NDArray[np.float64],
) -> None:
    """For each context the sum of the counts of what follows, and how much of it is `kept` for n-grams after discounts."""
    for place in range(len(prefixes)):
        prefix, value = prefixes[place], adjusted[place]
        totals[prefix] += value
        if counts[place] >= least:
            kept[prefix] += value - discounts[min(value, 3)]


@kernel
def probabilities_of(
    prefixes: NDArray[np.uint32],
    suffixes: NDArray[np.uint32],
    adjusted: NDArray[np.int64],
    counts: NDArray[np.uint32],
    least: int,
    discounts: NDArray[np.float64],
    totals: NDArray[np.int64],
    weights: NDArray[np.float64],
    shorter: NDArray[np.float64],
    result: NDArray[np.float64],
) -> None:
    """Interpolated probabilities of n-grams; those that came less than `least` times have none (0)."""
    for place in range(len(prefixes)):
        prefix, value = prefixes[place], adjusted[place]
        if counts[place] >= least:
            share = (value - discounts[min(value, 3)]) / totals[prefix]
            result[place] = share + weights[prefix] * shorter[suffixes[place]]
        else:
            result[place] = 0.0


@kernel
def pack(
    keys: NDArray[np.uint64], probabilities: NDArray[np.float64], weights: NDArray[np.float64], slots: NDArray[np.uint64]
) -> None:
    """Fill a hash table: in each slot 32 bits of the key, then minus the logarithms of probability and back-off weight."""
    for place in range(len(keys)):
        if probabilities[place] > 0:
            key = keys[place]
            slot = find_start(key, len(slots))
            while slots[slot] != 0:
                slot = slot + np.int64(1) if slot + 1 < len(slots) else np.int64(0)
            value = _stored(probabilities[place]) << _SHORT | _stored(weights[place])
            slots[slot] = fingerprint(key) << _HALF | value


@kernel
def _stored(probability: float) -> np.uint64:
    return np.uint64(min(max(round(-np.log2(probability) / STEP), 0), 0xFFFF))


@kernel
def fingerprint(key: np.uint64) -> np.uint64:
    return max(key >> _HALF, np.uint64(1))


@kernel
def find_start(key: np.uint64, size: int) -> np.int64:
    return np.int64((key & _LOW) * np.uint64(size) >> _HALF)


@kernel
def look_up(slots: NDArray[np.uint64], begin: int, size: int, key: np.uint64) -> np.uint64:
    """The slot of a key in the table `slots[begin:begin + size]`; 0 if it is not there."""
    mark = fingerprint(key)
    slot = find_start(key, size)
    while True:
        value: np.uint64 = slots[begin + slot]
        if value == 0 or value >> _HALF == mark:
            return value
        slot = slot + np.int64(1) if slot + 1 < size else np.int64(0)


@kernel
def cost_of(slot: np.uint64) -> np.int64:
    """Minus the logarithm of an n-gram's probability, in steps."""
    return np.int64(slot >> _SHORT & _SHORT_MASK)


@kernel
def back_of(slot: np.uint64) -> np.int64:
    """Minus the logarithm of its back-off weight, in steps."""
    return np.int64(slot & _SHORT_MASK)


@kernel
def score_tokens(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    kinds: NDArray[np.uint16],
    fold: NDArray[np.uint32],
    slots: NDArray[np.uint64],
    begins: NDArray[np.int64],
    spelling: NDArray[np.float32],
    bits: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """Bits of each wanted text, and in `counts` [texts, 4] how many tokens (ends of lines too), words, unknown tokens and
    characters it has. `begins` are the borders in `slots` of the tables of 1-grams, 2-grams, ...
    """
    orders = len(begins) - 1
    hashes = np.empty(CHUNK, np.uint64)
    starts, ends = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    words = np.empty(CHUNK, np.bool_)
    # The last tokens of the chunk before stand first.
    tokens, keys = np.empty(CHUNK + orders, np.uint64), np.empty(CHUNK + orders, np.uint64)
    longest, costs = np.empty(CHUNK + orders, np.int64), np.empty(CHUNK + orders, np.int64)
    backs = np.zeros((orders + 1, CHUNK + orders), np.int64)
    first = look_up(slots, begins[0], begins[1] - begins[0], BOUNDARY)
    for text in range(len(offsets) - 1):
        if not wanted[text]:
            continue
        place, stop, pending = offsets[text], offsets[text + 1], False
        for at in range(orders):
            tokens[at] = BOUNDARY
            for order in range(orders + 1):
                backs[order, at] = 0
        backs[1, orders - 1] = back_of(first)
        while place <= stop:
            count, place, pending = read_tokens(data, place, stop, pending, kinds, fold, hashes, starts, ends, words)
            for at in range(count):
                counts[text, 1] += words[at]
                keys[orders + at] = hashes[at]
            counts[text, 0] += count
            counts[text, 2] += know(data, starts, ends, spelling, slots, begins, count, keys, longest, costs, backs, bits, text)
            for here in range(orders, orders + count):
                tokens[here] = keys[here]
            for order in range(2, orders + 1):
                lengthen(order, orders, count, slots, begins, tokens, keys, longest, costs, backs[order])
            total = 0
            for here in range(orders, orders + count):
                total += costs[here]
                for order in range(longest[here], orders):
                    total += backs[order, here - 1]
            bits[text] += total * STEP
            for at in range(orders):
                tokens[at] = tokens[count + at]
                for order in range(orders + 1):
                    backs[order, at] = backs[order, count + at]
        characters = 0
        for at in range(offsets[text], stop):
            characters += data[at] & 0xC0 != 0x80
        counts[text, 3] = characters


@kernel
def know(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    spelling: NDArray[np.float32],
    slots: NDArray[np.uint64],
    begins: NDArray[np.int64],
    count: int,
    keys: NDArray[np.uint64],
    longest: NDArray[np.int64],
    costs: NDArray[np.int64],
    backs: NDArray[np.int64],
    bits: NDArray[np.float64],
    text: int,
) -> int:
    """Look the tokens of a chunk up one by one, the unknown as UNKNOWN with the bits of their spelling; returns how many."""
    unknown = 0
    orders, size = len(begins) - 1, begins[1] - begins[0]
    for here in range(orders, orders + count):
        value = look_up(slots, begins[0], size, keys[here])
        if value == 0:
            value = look_up(slots, begins[0], size, UNKNOWN)
            keys[here] = UNKNOWN
            unknown += 1
            bits[text] += spell(data, starts[here - orders], ends[here - orders], spelling)
        longest[here], costs[here] = 1, cost_of(value)
        backs[1, here] = back_of(value)
    return unknown


@kernel
def lengthen(
    order: int,
    orders: int,
    count: int,
    slots: NDArray[np.uint64],
    begins: NDArray[np.int64],
    tokens: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    longest: NDArray[np.int64],
    costs: NDArray[np.int64],
    backs: NDArray[np.int64],
) -> None:
    """Look the n-grams of an order up wherever the one that is shorter by its first token was found.

    A chunk goes through one table after another, so that the processor fetches many slots at once.
    """
    begin, size = begins[order - 1], begins[order] - begins[order - 1]
    for here in range(orders, orders + count):
        backs[here] = 0
        if longest[here] == order - 1:
            key = extend(keys[here], tokens[here - order + 1])
            value = look_up(slots, begin, size, key)
            if value != 0:
                keys[here] = key
                longest[here], costs[here] = order, cost_of(value)
                backs[here] = back_of(value)


@kernel
def spell(data: NDArray[np.uint8], start: int, end: int, spelling: NDArray[np.float32]) -> float:
    """Bits of the bytes of an unknown word, its end included."""
    cost: float = 0.0
    before = np.int64(SPELLED - 1)
    for at in range(start, end):
        byte = plain(data[at])
        cost += spelling[before, byte]
        before = byte
    return float(cost + spelling[before, SPELLED - 1])
