from __future__ import annotations

import gzip
import lzma
import random
import shutil
import subprocess

import pytest

from danlu.metrics.compression import bits_per_byte, primed_bits_per_byte

TEXTS = {
    "en": [f"The weather in town number {n} was good, and the children played in park {n * n}." for n in range(200)],
    "zh": [f"第{n}座城市的天气很好，孩子们在第{n * n}号公园里玩。" for n in range(200)],
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_sizes_are_those_of_the_formats(language: str) -> None:
    texts = TEXTS[language]
    joined = "\n".join(texts).encode()
    size = sum(len(text.encode()) for text in texts)
    assert bits_per_byte(texts, "gzip") == 8 * len(gzip.compress(joined, 9, mtime=0)) / size
    assert bits_per_byte(texts, "xz") == 8 * len(lzma.compress(joined, preset=9 | lzma.PRESET_EXTREME)) / size
    assert 0 < bits_per_byte(texts, "xz") < 3
    assert gzip.decompress(gzip.compress(joined, 9)) == joined


@pytest.mark.parametrize("command, compressor", [(["gzip", "-9", "-n"], "gzip"), (["xz", "-9e"], "xz")])
def test_as_the_commands_say(command: list[str], compressor: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no command {command[0]} here")
    joined = "\n".join(TEXTS["zh"]).encode()
    found = len(subprocess.run([*command, "-c"], input=joined, capture_output=True, check=True).stdout)
    size = sum(len(text.encode()) for text in TEXTS["zh"])
    assert bits_per_byte(TEXTS["zh"], compressor) == pytest.approx(8 * found / size, rel=0.02)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_priming_helps_where_the_texts_are_alike(language: str) -> None:
    train, test = TEXTS[language][:150], TEXTS[language][150:]
    primed = primed_bits_per_byte(test, train)
    assert primed < bits_per_byte(test, "xz")
    assert primed_bits_per_byte(test, train, most=100) > primed


def test_noise_costs_eight_bits() -> None:
    noise = random.Random(0).choices([chr(code) for code in range(0x4E00, 0x9FA5)], k=20000)
    assert bits_per_byte(["".join(noise)], "xz") > 4.5  # 14.4 bits of noise in a character of 24
