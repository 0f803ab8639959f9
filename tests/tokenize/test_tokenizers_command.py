"""`danlu tokenizers`: a person's texts, two tokenizers, and the numbers that the library itself gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from selectolax.lexbor import LexborHTMLParser as Document
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from commands import danlu, last_line
from pages import parsed

TEXTS = {
    "en.txt": "The old man walked to the river. " * 30,
    "zh.txt": "老人走到河边，看见一条小船。" * 30 + "\n𠀀字很少见。",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a tokenizer of danlu's, and one as they are published: it lower-cases, cuts, pads, and knows little."""
    path = tmp_path_factory.mktemp("tokenizers")
    (path / "texts").mkdir()
    for name, text in TEXTS.items():
        for number in range(3):
            (path / "texts" / f"{number}-{name}").write_text(f"{number}: {text}", encoding="utf-8")
    danlu("tokenize", "texts", "--set", "tokenize.vocabulary=512", "--set", "clean.preset=none", cwd=path)
    names = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "the",
        "old",
        "man",
        "walk",
        "##ed",
        "river",
        "to",
        ".",
        "老",
        "人",
        "水",
        "0",
        ":",
    ]
    published = Tokenizer(models.WordPiece(vocab={name: place for place, name in enumerate(names)}, unk_token="[UNK]"))
    published.normalizer = normalizers.BertNormalizer()
    published.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    published.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    published.enable_truncation(8)
    published.enable_padding(length=8)
    (path / "published").mkdir()
    published.save(str(path / "published/tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "pad_token": "[PAD]"}
    (path / "published/tokenizer_config.json").write_text(json.dumps(config))
    return path


def test_the_numbers_are_those_of_the_library(place: Path) -> None:
    done = danlu("tokenizers", "tokenize.train", "published", "--json", cwd=place)
    found = last_line(done)
    [ours, published] = found["tokenizers"]
    rows = pq.read_table(Path(place / found["documents"]) / "documents").to_pylist()
    assert {row["language"] for row in rows} == {"en", "zh-Hans"}
    [made] = (place / ".danlu/artifacts").glob("tokenize.train-*")
    for entry, path in ((ours, made), (published, place / "published")):
        reference = Tokenizer.from_file(str(path / "tokenizer.json"))
        reference.no_truncation()
        reference.no_padding()
        for language, amount in entry["languages"].items():
            mine = [row["text"] for row in rows if row["language"] == language]
            tokens = sum(len(reference.encode(text, add_special_tokens=False).ids) for text in mine)
            assert (amount["documents"], amount["tokens"]) == (len(mine), tokens)
            assert amount["bytes"] == sum(len(text.encode()) for text in mine)
            assert amount["bytes_per_token"] == pytest.approx(amount["bytes"] / tokens, abs=1e-4)
    assert published["unknown_share"] > 0.2
    assert ours["unknown_share"] == 0
    assert ours["partial_share"] > 0
    assert published["unused"] >= 1, "水 is in no text"


@pytest.mark.parametrize("again", [False, True])
def test_texts_can_be_named_and_words_are_chinese(place: Path, tmp_path: Path, again: bool) -> None:
    """Also a second time: to measure on the files of a run leaves that run as it is."""
    (tmp_path / "texts.txt").write_text("一段足够长的新文本，用来比较分词器，看看每个词元有多少字节。" * 5, encoding="utf-8")
    done = danlu("--lang", "zh", "tokenizers", "tokenize.train", "--on", tmp_path / "texts.txt", cwd=place)
    assert "词表" in done.stdout
    assert "任何文本都得不到" not in done.stderr


def test_without_a_run_it_says_what_to_do(tmp_path: Path) -> None:
    done = danlu("tokenizers", "tokenize.train", cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert "No run of this workspace" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_page_has_the_numbers_in_both_languages(place: Path, tmp_path: Path) -> None:
    page = tmp_path / "new/page.html"
    done = danlu("--lang", "zh", "tokenizers", "tokenize.train", "published", "--page", page, "--json", cwd=place)
    found = last_line(done)
    assert found["page"] == str(page)
    assert str(page) in done.stderr
    text = page.read_text(encoding="utf-8")
    parsed(text)
    document = Document(text)
    assert [node.id for node in document.css("input[checked]")] == ["show-zh"]
    for name, language in (("en", "Chinese"), ("zh", "中文")):
        rows = {
            row.css_first("th").text(): [cell.text() for cell in row.css("td")]
            for row in document.css(f"#{name}-measures tbody tr")
        }
        amounts = [entry["languages"]["zh-Hans"] for entry in found["tokenizers"]]
        assert rows[language] == [f"{each['bytes_per_token']:.2f} ({each['characters_per_token']:.2f})" for each in amounts]
        assert f"{found['tokenizers'][1]['unknown_share']:.2%}" in {cell for row in rows.values() for cell in row}
    for example in (entry for each in found["tokenizers"] for entry in each["examples"]):
        assert len(example["text"]) <= 60
    boxes = [[span.text() for span in node.css("span")] for node in document.css("#en-cuts .boxes")]
    ours = [entry["tokens"] for entry in found["tokenizers"][0]["examples"]]
    assert [[token.replace("␣", " ") for token in row] for row in boxes[::2]] == ours


def test_names_are_written_as_they_are(place: Path, tmp_path: Path) -> None:
    """In the terminal and on the page: what looks like mark-up is part of a name."""
    name = tmp_path / "[red]<b>&amp; x"
    shutil.copytree(place / "published", name)
    done = danlu("tokenizers", name, "--page", tmp_path / "page.html", cwd=place)
    assert "[red]<b>&amp; x" in done.stdout
    document = Document((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [node.text() for node in document.css("#en-measures thead bdi")] == [str(name)]
    assert not document.css("b")


@pytest.mark.parametrize("page", ["texts", "published/tokenizer.json/page.html"])
def test_a_page_that_cannot_be_written_is_said_before_the_work(place: Path, page: str) -> None:
    done = danlu("tokenizers", "tokenize.train", "--page", page, "--json", cwd=place, check=False)
    assert done.returncode == 1
    assert page.split("/")[0] in str(last_line(done)["where"])
    assert last_line(done)["error"] in ("workspace.file-error", "workspace.not-a-folder")
    assert "Traceback" not in done.stderr
