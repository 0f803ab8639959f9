"""`danlu forget` from the command to the last byte: a document is found, a tombstone written, a new run does not hold it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from tokenizers import Tokenizer
from typer.testing import CliRunner

from commands import danlu as command
from danlu.cli.app import app
from danlu.pipeline.forget import Hits, document_of_text, find, reach, rebuilds, refuse_while_reading
from danlu.pipeline.lineage import read_manifests
from danlu.pipeline.plan import stand
from danlu.recipe.load import load_recipe
from danlu.text.canonical import canonical_digest
from danlu.workspace.artifact import Workspace, read_payload
from danlu.workspace.errors import DanluError
from danlu.workspace.lock import locked
from danlu.workspace.messages import choose_language
from danlu.workspace.tombstones import FILE, Tombstone, add_tombstones, forgotten, read_tombstones, undo

MARK = "zanzibar"


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """What `--lang` chose in this process ends with the test."""
    yield
    choose_language(None)


def danlu(*arguments: str | Path) -> str:
    """What the command prints; runs in a process of their own, the rest in this one."""
    if "run" not in arguments:
        done = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        return done.stdout
    return command(*arguments).stdout


def last(printed: str) -> dict[str, Any]:
    return json.loads(printed.splitlines()[-1])  # type: ignore[no-any-return]


def says(path: Path) -> bool:
    """Whether the word that only the document has stands in a payload file, read as what it is."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return MARK in str([column.to_pylist() for column in table.columns]).lower()
    if path.name == "tokens.bin":
        tokenizer = Tokenizer.from_file(str(next(path.parents[2].glob("tokenize.train-*/tokenizer.json"))))
        data = path.read_bytes()
        ids = [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2)]
        return MARK in tokenizer.decode(ids).lower()
    return MARK.encode() in path.read_bytes().lower()


def holders(workspace: Path, names: list[str]) -> set[str]:
    """Stages among the artifacts `names` in whose payload the word stands."""
    found = set()
    for name in names:
        root = workspace / "artifacts" / name
        if any(says(root / file) for file in read_payload(root)):
            found.add(name.rpartition("-")[0])
    return found


@pytest.fixture
def copy(small: Path, small_done: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A recipe's folder and its finished workspace, to change."""
    shutil.copytree(small, tmp_path / "small")
    shutil.copytree(small_done, tmp_path / "w")
    return tmp_path / "small", tmp_path / "w"


def test_from_the_command_to_the_last_byte(copy: tuple[Path, Path]) -> None:
    folder, workspace = copy
    recipe, secret = folder / "small.yaml", folder / "texts" / "secret.txt"
    before = sorted(path.name for path in (workspace / "artifacts").iterdir())
    assert holders(workspace, before) >= {"collect", "clean.normalise", "clean.decide", "tokenize.encode"}

    dry = danlu("--lang", "en", "forget", "--text", secret, "--dry-run", "--workspace", workspace, "--json")
    told = last(dry)
    assert told["forgotten"] == []
    assert not (workspace / FILE).exists()
    (name,) = told["documents"]
    (identity,) = told["documents"][name]
    assert {entry["name"] for entry in told["artifacts"]} == {
        entry for entry in before if not entry.startswith(("dataset", "."))
    }
    assert told["rebuild"][0]["stages"][-1] == "tokenize.encode"
    assert told["rebuild"][0]["seconds"] > 0

    done = danlu("--lang", "en", "forget", identity, "--reason", "asked for", "--workspace", workspace, "--json")
    assert "danlu gc" in done
    assert last(done)["forgotten"] == [{"id": identity, "digest": canonical_digest(secret.read_text())}]
    assert MARK not in (workspace / FILE).read_text().lower()
    assert "forgotten already" in danlu("--lang", "en", "forget", identity, "--workspace", workspace)
    assert identity in danlu("forget", "--list", "--workspace", workspace)

    # The same text under another name and with other case and spaces must not come back either.
    (folder / "texts" / "again.txt").write_text("  " + secret.read_text().upper().replace(" ", "\n"), encoding="utf-8")
    summary = last(danlu("run", recipe, "--workspace", workspace, "--json"))
    made = [Path(path).name for path in summary["artifacts"].values()]
    assert not set(made) & {entry for entry in before if entry.startswith(("collect", "clean", "tokenize.encode"))}
    assert holders(workspace, made) == set()
    assert MARK not in (workspace / "reports" / "small" / "index.html").read_text().lower()
    collected = next(name for name in made if name.startswith("collect-"))
    assert json.loads((workspace / "artifacts" / collected / "card.json").read_text())["forgotten"] == 2
    assert json.loads((workspace / "artifacts" / collected / "manifest.json").read_text())["counts"]["forgotten"] == 2

    (folder / "texts" / "again.txt").unlink()
    assert "no longer forgotten" in danlu("--lang", "en", "forget", "--undo", identity[:8], "--workspace", workspace)
    standing = stand(load_recipe(recipe), Workspace(workspace))
    assert {standing.state(name) for name in standing.nodes} == {"cached"}
    assert {artifact.path.name for artifact in standing.artifacts.values()} <= set(before)


def test_a_labelled_row_is_forgotten_in_the_dataset_and_in_the_text_that_is_read_from_it(copy: tuple[Path, Path]) -> None:
    folder, workspace = copy
    place = Workspace(workspace)
    manifests = read_manifests(place)
    dataset = next(name for name in manifests if name.startswith("dataset-"))
    rows = pq.read_table(workspace / "artifacts" / dataset / "rows.parquet").to_pylist()
    row = next(row for row in rows if row["split"] == "train")
    hits = find(place, manifests, {row["id"]}, set())
    assert set(hits.ids) == {dataset, next(name for name in manifests if name.startswith("collect-"))}
    assert hits.used == {dataset, *(name for name in hits.ids if name.startswith("collect-"))}
    reached = {entry.node: entry for entry in reach(place, manifests, hits)}
    assert reached["tokenize.train"].role == "tokenizer"
    assert reached["dataset.mood"].role == "holds"
    add_tombstones(workspace, [Tombstone(row["id"], row["digest"], 0.0)])
    summary = last(danlu("run", folder / "small.yaml", "--until", "collect", "--workspace", workspace, "--json"))
    made = {name: Path(path) for name, path in summary["artifacts"].items()}
    left = pq.read_table(made["dataset.mood"] / "rows.parquet").column("id").to_pylist()
    assert row["id"] not in left
    assert len(left) == len(rows) - 1
    facts = json.loads((made["dataset.mood"] / "facts.json").read_text())
    assert facts["forgotten"] == 1
    texts = pq.read_table(made["collect"] / "documents").column("text").to_pylist()
    assert row["text"] not in texts


def test_what_cleaning_dropped_did_not_reach_what_was_made_of_the_rest(copy: tuple[Path, Path]) -> None:
    folder, workspace = copy
    place = Workspace(workspace)
    manifests = read_manifests(place)
    decided = next(name for name in manifests if name.startswith("clean.decide-"))
    collected = next(name for name in manifests if name.startswith("collect-"))
    for part in (workspace / "artifacts" / decided).glob("*/part-*.parquet"):
        part.unlink()  # as if every document had been dropped
    hits = find(place, manifests, set(), {document_of_text((folder / "texts" / "secret.txt").read_text()).digest})
    reached = reach(place, manifests, hits)
    assert [(entry.node, entry.role) for entry in reached] == [
        ("collect", "holds"),
        ("clean.normalise", "holds"),
        ("clean.score", "made-from"),
        ("clean.pairs", "made-from"),
        ("clean.search", "made-from"),
        ("clean.decide", "dropped"),
    ]
    assert list(hits.ids) == [collected]
    (rebuild,) = rebuilds(place, reached)
    assert rebuild.stages[-1] == "tokenize.encode"  # its input changes all the same


def test_where_the_sources_are_gone_the_cost_is_what_it_took(copy: tuple[Path, Path]) -> None:
    _, workspace = copy
    place = Workspace(workspace)
    manifests = read_manifests(place)
    collected = next(name for name in manifests if name.startswith("collect-"))
    run = workspace / "runs" / "small"
    state = json.loads((run / "state.json").read_text())
    (run / "state.json").write_text(json.dumps({**state, "recipe": "/nowhere/small.yaml"}))
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["collect"]["sources"][0]["path"] = "/nowhere/texts"
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (rebuild,) = rebuilds(place, reach(place, manifests, Hits({collected: {"x"}}, {collected})))
    assert rebuild.recipe == run / "recipe.yaml"
    assert rebuild.stages[0] == "collect"


def test_tombstones_without_letters_are_known_by_id_alone(tmp_path: Path) -> None:
    with pytest.raises(DanluError) as raised:
        document_of_text("... !!!")
    assert raised.value.key == "forget.empty-text"
    add_tombstones(tmp_path, [Tombstone("a" * 32, "", 1.0), Tombstone("", "b" * 32, 2.0, "why")])
    names = forgotten(tmp_path)
    assert (names.ids, names.digests) == (frozenset({"a" * 32}), frozenset({"b" * 32}))
    first = names.digest
    assert [stone.handle for stone in undo(tmp_path, ["aaaaaa"])] == ["a" * 32]
    assert forgotten(tmp_path).digest != first
    undo(tmp_path, ["b" * 32])
    assert not forgotten(tmp_path)
    assert len((tmp_path / FILE).read_text().splitlines()) == 4  # what was once forgotten stays on record
    with pytest.raises(DanluError) as raised:
        undo(tmp_path, ["cccccc"])
    assert raised.value.key == "forget.no-tombstone"


def test_a_line_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    add_tombstones(tmp_path, [Tombstone("a" * 32, "", 1.0)])
    with (tmp_path / FILE).open("a") as file:
        file.write('{"id": "cut sh')
    with pytest.raises(DanluError) as raised:
        read_tombstones(tmp_path)
    assert raised.value.key == "forget.broken"
    assert raised.value.where.endswith(":2")


def test_keys_change_only_while_something_is_forgotten(small: Path, tmp_path: Path) -> None:
    loaded, workspace = load_recipe(small / "small.yaml"), Workspace(tmp_path / "w")
    workspace.create()
    before = stand(loaded, workspace).keys["dataset.mood"]
    add_tombstones(workspace.path, [Tombstone("a" * 32, "", 1.0)])
    assert stand(loaded, workspace).keys["dataset.mood"] != before
    undo(workspace.path, ["a" * 32])
    assert stand(loaded, workspace).keys["dataset.mood"] == before


@pytest.mark.parametrize(
    ("arguments", "status", "english", "chinese"),
    [
        ([], 2, "No document was named", "没有指定文档"),
        (["0123456789abcdef"], 1, "has the id 0123456789abcdef", "id 为 0123456789abcdef"),
        (["--undo", "0123456789abcdef"], 1, "names no forgotten document", "不在遗忘名单中"),
        (["--text", "no-such-file"], 1, "cannot be read as text", "无法把该文件读成文本"),
    ],
)
def test_errors_in_both_languages(tmp_path: Path, arguments: list[str], status: int, english: str, chinese: str) -> None:
    for language, words in (("en", english), ("zh", chinese)):
        done = CliRunner().invoke(app, ["--lang", language, "forget", *arguments, "--workspace", str(tmp_path / "w")])
        assert done.exit_code == status
        assert words in done.stderr


@pytest.mark.parametrize("language", ["en", "zh"])
def test_unfinished_work_goes_by_the_command_that_is_named(copy: tuple[Path, Path], language: str) -> None:
    folder, workspace = copy
    left = workspace / "artifacts" / f"collect-{'0' * 16}.partial"
    left.mkdir()
    secret = folder / "texts" / "secret.txt"
    said = danlu("--lang", language, "forget", "--text", secret, "--dry-run", "--workspace", workspace)
    told = {"en": "Unfinished work", "zh": "未完成的工作"}[language]
    (line,) = [line for line in said.splitlines() if told in line]
    command = line.partition("`danlu ")[2].partition("`")[0]
    danlu(*command.split(), "--workspace", workspace)
    assert not left.exists()


def test_it_waits_for_a_run_that_reads_documents(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.create()
    partial = workspace.partial("collect", "0" * 16)
    partial.mkdir()
    refuse_while_reading(workspace)
    with locked(partial / "lock.json"):
        script = (
            "import sys\nfrom pathlib import Path\nfrom danlu.pipeline.forget import refuse_while_reading\n"
            "from danlu.workspace.artifact import Workspace\nfrom danlu.workspace.errors import DanluError\n"
            "try:\n    refuse_while_reading(Workspace(Path(sys.argv[1])))\nexcept DanluError as error:\n    print(error.key)\n"
        )
        done = subprocess.run([sys.executable, "-c", script, workspace.path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "forget.running"
