"""Readers: every format, and every bad input that a reader may meet."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danlu.collect.locate import SourceFile
from danlu.collect.read import BY_NAME, READERS, format_of
from danlu.collect.readers import plain
from danlu.collect.readers.docstrings import read_docstrings, read_module
from danlu.collect.readers.plain import read_txt
from danlu.collect.records import Layout, Record, Rejected
from danlu.recipe.sources import FilesSource
from danlu.workspace.errors import DanluError
from danlu.workspace.messages import text as words

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1).filter(str.strip)


def read(
    tmp_path: Path, name: str, data: bytes | str, form: str = "", *, label: str | None = None, most: int = 1 << 20
) -> tuple[list[Record], list[Rejected]]:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    form = form or BY_NAME[path.suffix]
    events = list(READERS[form](SourceFile(path, name), Layout(form, "text", label), most))  # type: ignore[call-arg]
    rejected = [event for event in events if isinstance(event, Rejected)]
    for event in rejected:  # every reason has its words, and the parameters that they need
        for language in ("en", "zh"):
            assert words(event.key, language, **event.parameters)
    return [event for event in events if isinstance(event, Record)], rejected


def texts(found: tuple[list[Record], list[Rejected]]) -> list[str]:
    return [record.text for record in found[0]]


def reasons(found: tuple[list[Record], list[Rejected]]) -> list[str]:
    return [event.reason for event in found[1]]


# --- plain text ---


def test_txt_is_one_document(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt", "第一行\r\n\r\nsecond line\r\n")
    assert texts(found) == ["第一行\n\nsecond line"]
    assert found[0][0].ordinal == 0


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.htm"])
def test_markup_is_left_for_cleaning(tmp_path: Path, name: str) -> None:
    assert texts(read(tmp_path, name, "<p># Title</p>\n")) == ["<p># Title</p>"]


def test_txt_loses_only_its_bad_line(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt", "好的一行\n".encode() + b"\xff\xfe\xfd\n" + "又一行好的\n".encode())
    assert texts(found) == ["好的一行\n又一行好的"]
    assert [(event.where, event.reason) for event in found[1]] == [("a.txt:2", "encoding")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b" \n\t\n", ["empty"]),
        (b"\0\1\2", ["binary"]),
        ("été à\n".encode("latin-1"), ["encoding"]),
        (b"x\n" * 60, ["too-long"]),
    ],
)
def test_txt_that_is_no_document(tmp_path: Path, data: bytes, expected: list[str]) -> None:
    found = read(tmp_path, "a.txt", data, most=100)
    assert texts(found) == []
    assert reasons(found) == expected


def test_txt_of_just_the_limit(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "a.txt", "x" * 60 + "\n" + "y" * 39, most=100)) == ["x" * 60 + "\n" + "y" * 39]
    assert texts(read(tmp_path, "a.txt", "x" * 60 + "\n" + "y" * 39 + "\n", most=100)) != []
    assert reasons(read(tmp_path, "a.txt", "x" * 60 + "\n" + "y" * 40, most=100)) == ["too-long"]


@given(
    st.lists(st.sampled_from(["a", "河", " ", "\r", "\n", "\r\n", "\ufeff", "\0", "\x85", "q" * 30]), max_size=12),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_txt_at_once_is_txt_line_by_line(pieces: list[str], broken: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "a.txt"
        path.write_bytes("".join(pieces).encode() + (b"\xff" if broken else b""))
        file, layout = SourceFile(path, "a.txt"), Layout("txt")
        at_once = list(read_txt(file, layout, 60))
        patch.setattr(plain, "read_whole", lambda path, most: None)
        assert at_once == list(read_txt(file, layout, 60))


def test_lines(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt", b"\xef\xbb\xbf one \n\n\xe4\xba\x8c\n" + b"x" * 200 + b"\nend", "lines", most=100)
    assert [(record.ordinal, record.text) for record in found[0]] == [(1, "one"), (3, "二"), (5, "end")]
    assert reasons(found) == ["too-long"]


# --- JSON lines ---


def test_jsonl_bad_lines(tmp_path: Path) -> None:
    rows = [
        '{"text": "好"}', "{broken", "[1]", '{"text": 5}', '{"text": null}', '{"text": "\\ud800"}', "", '{"other": "x"}',
        '{"text": "good", "url": "http://a.b/c", "created": "2020-01-01", "more": [1]}', "[" * 100_000, "1" * 5000,
        '{"text": "   "}', json.dumps({"text": "字" * 34}),
    ]  # fmt: skip
    found = read(tmp_path, "a.jsonl", "\n".join(rows).encode() + b'\n{"text": "\xff"}\n', most=100)
    assert [(record.ordinal, record.text) for record in found[0]] == [(1, "好"), (9, "good")]
    assert (found[0][1].url, found[0][1].created) == ("http://a.b/c", "2020-01-01")
    assert reasons(found) == [
        "json", "json", "not-text", "empty", "encoding", "empty", "too-long", "too-long", "empty", "too-long", "encoding",
    ]  # fmt: skip


def test_deeply_nested_json_is_set_aside(tmp_path: Path) -> None:
    found = read(tmp_path, "a.jsonl", "[" * 100_000 + "\n" + "1" * 5000 + '\n{"text": "a"}')
    assert reasons(found) == ["json", "json"]
    assert texts(found) == ["a"]


def test_jsonl_without_the_key_names_the_keys(tmp_path: Path) -> None:
    with pytest.raises(DanluError) as caught:
        read(tmp_path, "a.jsonl", '{"content": "a", "id": 1}\n' * 3)
    assert caught.value.key == "collect.column-missing"
    assert caught.value.parameters["columns"] == "content, id"
    for language in ("en", "zh"):
        explained = caught.value.explain(language)
        assert "content, id" in explained["cause"]
        assert set(explained) == {"what", "where", "cause", "remedy"}


def test_jsonl_key_that_comes_late_is_found(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "a.jsonl", '{"id": 1}\n{"id": 2, "text": "a"}\n')) == ["a"]


@pytest.mark.parametrize(
    ("value", "label"),
    [("1", "1"), (1, "1"), (1.0, "1"), (True, "true"), (None, None), ("", None), ([1], None), ("差评", "差评")],
)
def test_labels_become_words(tmp_path: Path, value: object, label: str | None) -> None:
    found = read(tmp_path, "a.jsonl", json.dumps({"text": "a", "label": value}), label="label")
    if label is None:
        assert reasons(found) == ["no-label"]
    else:
        assert found[0][0].label == label


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, min_size=1), st.booleans())
def test_jsonl_round_trip(rows: list[str], ascii_only: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = "".join(json.dumps({"text": row}, ensure_ascii=ascii_only) + "\n" for row in rows)
        assert texts(read(Path(folder), "a.jsonl", data)) == rows


# --- CSV and TSV ---


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(st.sampled_from("a中\",;\n\t 'x"), min_size=1).filter(str.strip), st.sampled_from("01"))))
def test_csv_round_trip(rows: list[tuple[str, str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([("text", "label"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        found = read(Path(folder), "a.csv", out.getvalue(), label="label")
    assert [(record.text, record.label) for record in found[0]] == rows
    assert found[1] == []


def test_csv_bad_rows(tmp_path: Path) -> None:
    data = (
        b'id,text,label\n1,good,a\n2,too,many,fields\n\n3,"a ""quoted""\nsecond line",b\n4\n'
        b'5,bad\xff,c\n6,"x"y,d\n7,,e\n8,\xe5\xa5\xbd,f\n'
    )
    found = read(tmp_path, "a.csv", data, label="label")
    assert [(record.ordinal, record.text) for record in found[0]] == [(2, "good"), (5, 'a "quoted"\nsecond line'), (11, "好")]
    assert [(event.where, event.reason) for event in found[1]] == [
        ("a.csv:3", "columns"), ("a.csv:7", "columns"), ("a.csv:8", "encoding"), ("a.csv:9", "csv"), ("a.csv:10", "empty"),
    ]  # fmt: skip


def test_csv_field_longer_than_the_csv_module_allows_at_first(tmp_path: Path) -> None:
    text = "很长 " * 50_000
    assert texts(read(tmp_path, "a.csv", f'text\n"{text}"\n')) == [text]


def test_csv_quote_that_nothing_closes(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", 'text,n\na,1\n"open,2\nb,3\n')
    assert texts(found) == ["a"]
    assert reasons(found) == ["csv"]
    assert dict(found[1][0].parameters) == {"first": 3, "last": 4}
    found = read(tmp_path, "a.csv", 'text,n\na,1\n"open,2\n' + "b,3\n" * 1000, most=100)
    assert reasons(found)[0] == "too-long"
    assert texts(found).count("b") > 900  # reading goes on after it


def test_csv_too_long_row(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", f"text,n\na,1\n{'x' * 150},2\n{'y' * 500},3\nb,4\n", most=100)
    assert texts(found) == ["a", "b"]
    assert len(found[1]) == 2


def test_csv_without_the_column_names_the_columns(tmp_path: Path) -> None:
    for label, data in ((None, "review,stars\na,1\n"), ("label", "text,stars\na,1\n")):
        with pytest.raises(DanluError) as caught:
            read(tmp_path, "a.csv", data, label=label)
        assert caught.value.key == "collect.column-missing"
        assert "stars" in str(caught.value.parameters["columns"])


def test_csv_of_a_header_alone_and_of_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "text,label\n") == ([], [])
    assert read(tmp_path, "a.csv", "") == ([], [])


def test_tsv_with_stray_and_with_real_quotes(tmp_path: Path) -> None:
    found = read(tmp_path, "a.tsv", 'label\ttext\n1\t"so he said\n0\t5" screen\n1\t"a ""b"" c"\n', label="label")
    assert texts(found) == ['"so he said', '5" screen', 'a "b" c']
    assert texts(read(tmp_path, "b.tsv", 'label\ttext\n1\t"two\nlines"\n0\tx\n')) == ["two\nlines", "x"]


def test_csv_in_gb18030(tmp_path: Path) -> None:
    rows = "标签,text\n1,这家酒店的服务很好，我们很满意\n0,房间不大，也不干净，不会再来了\n"
    assert texts(read(tmp_path, "a.csv", rows.encode("gb18030"))) == [
        "这家酒店的服务很好，我们很满意",
        "房间不大，也不干净，不会再来了",
    ]


# --- Parquet ---


def parquet(tmp_path: Path, columns: Mapping[str, object]) -> bytes:
    path = tmp_path / "made.parquet"
    pq.write_table(pa.table(dict(columns)), path)
    return path.read_bytes()


def test_parquet(tmp_path: Path) -> None:
    data = parquet(tmp_path, {"text": ["好", None, "b", "x" * 200], "label": [1, 0, None, 1], "more": [[1]] * 4})
    found = read(tmp_path, "a.parquet", data, label="label", most=100)
    assert [(record.ordinal, record.text, record.label) for record in found[0]] == [(1, "好", "1")]
    assert reasons(found) == ["empty", "no-label", "too-long"]


def test_parquet_that_is_none(tmp_path: Path) -> None:
    data = parquet(tmp_path, {"text": ["a"] * 1000})
    assert reasons(read(tmp_path, "a.parquet", data[:-10])) == ["parquet"]
    assert reasons(read(tmp_path, "a.parquet", b"not parquet")) == ["parquet"]
    with pytest.raises(DanluError, match="no_text") as caught:
        read(tmp_path, "a.parquet", parquet(tmp_path, {"no_text": ["a"]}))
    assert caught.value.key == "collect.column-missing"


def test_parquet_with_strings_that_are_not_utf8(tmp_path: Path) -> None:
    column = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"\xff\xfea")]
    )
    pq.write_table(pa.table({"text": column}), tmp_path / "made.parquet")
    found = read(tmp_path, "a.parquet", (tmp_path / "made.parquet").read_bytes())
    assert reasons(found) == ["encoding"]
    assert texts(found) == ["a"]


# --- the People's Daily format ---


def test_pku_words_and_articles(tmp_path: Path) -> None:
    data = (
        "迈向/v  新/a  世纪/n\n（/w  图片/n  ）/w\n同胞/n  们/k  ：/w\n[中央/n  电视台/n]nt  行{hang2}/n  ＡＢ/nx  。/w\n"
        "第二/m  篇/q\n本报/r  讯/Ng  Windows/nx  95/m  和/c  1/2/m  。/w\n[/w  ]/w  。/w\n"
    )
    found = read(tmp_path, "a.txt", data, "pku")
    assert texts(found) == ["迈向新世纪\n（图片）\n同胞们：\n中央电视台行ＡＢ。", "第二篇\n本报讯Windows 95和1/2。\n[]。"]
    assert [record.ordinal for record in found[0]] == [1, 5]


def test_pku_with_article_numbers_and_with_blank_lines(tmp_path: Path) -> None:
    numbered = (
        "19980101-01-001-001/m  标题/n\n19980101-01-001-002/m  正文/n  。/w\n19980101-01-002-001/m  又/d  一/m  篇/q  。/w\n"
    )
    assert texts(read(tmp_path, "a.txt", numbered, "pku")) == ["标题\n正文。", "又一篇。"]
    assert texts(read(tmp_path, "a.txt", "一/m  。/w\n\n二/m  。/w\n", "pku")) == ["一。", "二。"]


def test_pku_bad_lines(tmp_path: Path) -> None:
    found = read(tmp_path, "a.txt", "没有 标注 的 一行\n好/a  。/w\n" + "长/a  " * 200 + "\n", "pku", most=100)
    assert reasons(found) == ["pku", "too-long"]
    assert texts(found) == ["好。"]


# --- Python's documentation ---


def test_docstrings(tmp_path: Path) -> None:
    path = tmp_path / "thing.py"
    path.write_text('"""The module it is."""\nclass A:\n    """A class of things."""\n    def f(self):\n        """Short."""\n')
    file = SourceFile(path, "python-docs:thing/inner.py")
    assert [record.text for record in read_module(file, Layout("python-docs"))] == [  # type: ignore[union-attr]
        "The module it is.\n\nA class of things.\n\nShort."
    ]
    rows = list(read_docstrings(file, Layout("python-docs")))
    assert [(row.text, row.label) for row in rows] == [  # type: ignore[union-attr]
        ("The module it is.", "thing"),
        ("A class of things.", "thing"),
    ]
    path.write_text("def broken(:")
    assert [event.reason for event in read_module(file, Layout("python-docs"))] == ["python"]  # type: ignore[union-attr]


def test_topics(tmp_path: Path) -> None:
    path = tmp_path / "topics.py"
    path.write_text("# -*- coding: utf-8 -*-\ntopics = {'b': 'second', 'a': 'first'}\n")
    found = list(read_module(SourceFile(path, "python-docs:pydoc_data/topics.py"), Layout("python-docs")))
    assert [(record.ordinal, record.text) for record in found] == [(1, "first"), (2, "second")]  # type: ignore[union-attr]


# --- which reader ---


def test_format_goes_by_name_unless_named() -> None:
    def form(name: str, label: str | None = None, form: str = "auto") -> str:
        source = FilesSource.model_validate({"type": "files", "path": ".", "format": form})
        return format_of(source, SourceFile(Path(name), name, label))

    assert [form(name) for name in ("a.TXT", "a.md", "a.tsv", "a.parquet", "a.jsonl")] == [
        "txt",
        "txt",
        "csv",
        "parquet",
        "jsonl",
    ]
    assert form("a.txt", label="positive") == "lines"
    assert form("a.txt", form="pku") == "pku"
    with pytest.raises(DanluError) as caught:
        form("a.docx")
    assert caught.value.key == "collect.format-unknown"
    assert ".docx" in str(caught.value)
