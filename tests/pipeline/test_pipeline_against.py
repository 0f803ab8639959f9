"""A second corpus against a first, as a user types it; a changed threshold; what is asked in vain."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow.parquet as pq

from commands import danlu, last_line


def write(folder: Path, texts: list[str]) -> None:
    folder.mkdir()
    for number, text in enumerate(texts):
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")


def test_a_second_corpus_leaves_the_first_and_goes_where_it_repeats_it(tmp_path: Path) -> None:
    draw = random.Random(2)
    words = "it was the in one evening people city house of and then with some about world work year a good film".split()  # noqa: SIM905
    old = [" ".join(draw.choices(words, k=80)).capitalize() + "." for _ in range(6)]
    new = [" ".join(draw.choices(words, k=80)).capitalize() + "." for _ in range(3)]
    write(tmp_path / "old", old)
    write(tmp_path / "new", [*new, f"Somebody said: {old[0]}", f"{old[1]} That was all.", f"{new[0]} That was all."])
    settings = ["--set", "collect.holdout.bytes=0", "--set", "clean.preset=none"]
    first = last_line(danlu("clean", "old", *settings, "--json", cwd=tmp_path))["artifacts"]
    against = ["clean", "new", *settings, "--set", "clean.dedup.against=[old-clean]", "--json"]
    made = last_line(danlu(*against, cwd=tmp_path))["artifacts"]
    verdicts = pq.read_table(tmp_path / made["clean.decide"] / "verdicts.parquet").to_pylist()
    ids = pq.read_table(tmp_path / first["clean.decide"] / "documents/part-00000.parquet")["id"].to_pylist()
    gone = [row for row in verdicts if not row["kept"]]
    assert [row["reason"] for row in gone] == ["near"] * 3
    assert sum(row["twin"] in ids for row in gone) == 2
    assert all(row["value"] >= row["threshold"] for row in gone)

    # By the folder of the artifact it is the same work; another threshold only decides anew.
    folder = (tmp_path / first["clean.decide"]).as_posix()
    again = [*against[:-2], f"clean.dedup.against=[{folder}]", "--set", "clean.dedup.threshold=0.99", "--json"]
    other = last_line(danlu(*again, cwd=tmp_path))["artifacts"]
    assert {stage for stage in made if made[stage] != other[stage]} == {"clean.decide"}

    for wrong, word in (("new-clean", "itself"), ("nowhere", "no run 'nowhere'")):
        done = danlu(*against[:-2], f"clean.dedup.against=[{wrong}]", cwd=tmp_path, check=False)
        assert done.returncode != 0
        assert word in done.stderr
