"""The commands on files alone: each is a run of its own, and none takes away what another has made."""

from __future__ import annotations

import json
import random
import re
import threading
from html import unescape
from pathlib import Path

import pytest

from commands import danlu, last_line
from danlu.pipeline.alone import as_run, text_recipe
from danlu.pipeline.state import read_state, serve_section
from danlu.workspace.artifact import Workspace

COMMON = {
    "en": "it was the in one evening people city house of and then with some about world work year a good film".split(),  # noqa: SIM905
    "zh": "昨天我们在北京的一家酒店里看到了很多人他们都说时间过得很快今年天气不错",
}  # fmt: skip


def write(folder: Path, language: str, files: int = 30) -> Path:
    """A folder of short texts."""
    folder.mkdir(parents=True)
    generator = random.Random(folder.name)
    for number in range(files):
        words = [generator.choice(COMMON[language]) for _ in range(120)]
        text = " ".join(words).capitalize() + "." if language == "en" else "".join(words) + "。"
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    return folder


def runs(folder: Path) -> set[str]:
    return {path.parent.name for path in (folder / ".danlu/runs").glob("*/state.json")}


def unneeded(folder: Path) -> list[str]:
    done = danlu("gc", "--dry-run", "--json", cwd=folder)
    return [entry["path"] for entry in last_line(done)["items"]]


def test_each_command_and_each_path_is_a_run_of_its_own(tmp_path: Path) -> None:
    for place, language in (("小说", "zh"), ("新闻", "zh"), ("a/texts", "en"), ("b/texts", "en")):
        write(tmp_path / place, language)
    words = "".join(random.Random(3).choice(COMMON["zh"]) for _ in range(60))
    (tmp_path / "评论 表.csv").write_text(f"text,label\n{words},好\n", encoding="utf-8")
    for arguments in (["小说"], ["新闻"], ["小说", "新闻"], ["a/texts"], ["b/texts"], ["评论 表.csv"], ["./小说/"]):
        danlu("collect", *arguments, cwd=tmp_path)
    danlu("clean", "小说", "--set", "clean.preset=none", cwd=tmp_path)
    assert runs(tmp_path) == {
        "小说-collect", "新闻-collect", "小说-collect-2", "texts-collect", "texts-collect-2", "评论-表-collect", "小说-clean",
    }  # fmt: skip
    danlu("collect", "b/texts", "--set", "collect.holdout.bytes=0", cwd=tmp_path)  # the same command with another setting
    danlu("collect", "b/texts", "--set", "name=mine", cwd=tmp_path)
    assert len(runs(tmp_path)) == 8
    said = danlu("--lang", "zh", "status", cwd=tmp_path).stderr
    assert "其他运行，最近的在前：texts-collect-2, 小说-clean, " in said
    assert "mine" in runs(tmp_path)
    assert unneeded(tmp_path) == []


def test_commands_that_begin_at_one_moment_are_runs_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(tmp_path / ".danlu")
    folders = [write(tmp_path / place / "texts", "en", 1) for place in "abcdef"]
    start = threading.Barrier(2 * len(folders))
    names: dict[Path, set[str]] = {folder: set() for folder in folders}

    def begin(folder: Path) -> None:
        start.wait()
        with as_run(workspace, text_recipe([folder], "clean"), []) as loaded:
            names[folder].add(loaded.recipe.name)
            start.wait()

    threads = [threading.Thread(target=begin, args=(folder,)) for folder in folders * 2]  # each command twice
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(each) == 1 for each in names.values())
    assert {name for each in names.values() for name in each} == {"texts-clean", *(f"texts-clean-{n}" for n in range(2, 7))}
    assert not list((tmp_path / ".danlu/runs").iterdir())  # no run came of them


def test_a_later_command_leaves_an_earlier_model_within_reach(tmp_path: Path) -> None:
    for place in ("小说", "新闻"):
        write(tmp_path / place, "zh")
    (tmp_path / "小说/坏.txt").write_bytes(b"\0\1binary")
    good = json.dumps({"text": "今天的天气不错，我们去了公园。"})
    (tmp_path / "小说/some.jsonl").write_text(f"{good}\nnot json\n{{\n", encoding="utf-8")
    small = ["--size", "nano", "--budget", "2 steps", "--set", "tokenize.vocabulary=512", "--set", "pretrain.bert.length=16"]
    done = danlu("--lang", "en", "pretrain", "小说", "新闻", "--family", "bert", *small, cwd=tmp_path)
    said = done.stderr
    assert "3 files or lines (collect)" in said
    assert "indexing errors" not in said  # transformers' word on texts that are longer than the model reads
    assert f"Model:      bert, in .danlu/artifacts/{made_by(tmp_path, '小说-bert', 'pretrain.bert')}/model" in said
    command = next(line.partition('echo "')[2] for line in said.splitlines() if line.startswith("Try it:"))
    words, _, rest = command.partition('" | ')
    assert "天" in words
    assert rest.endswith("predict bert -")

    danlu("clean", "新闻", cwd=tmp_path)
    answer = danlu("predict", "bert", cwd=tmp_path, input=words)
    assert "filled" in last_line(answer)
    assert unneeded(tmp_path) == []
    assert danlu("predict", "小说-bert/bert", cwd=tmp_path, input=words).stdout == answer.stdout
    unasked = danlu("--lang", "en", "predict", "bert", cwd=tmp_path, input="今天\n明天\n", check=False)
    assert unasked.returncode == 1
    assert unasked.stderr.count("no gap to fill") == 1


def test_the_commands_on_the_page_of_a_command_run(tmp_path: Path) -> None:
    write(tmp_path / "小说 集", "zh")
    danlu("collect", "小说 集", cwd=tmp_path)
    page = (tmp_path / ".danlu/reports/小说-集-collect/index.html").read_text(encoding="utf-8")
    commands = dict.fromkeys(re.findall(r"danlu (?:run|plan) [^<\n]*", unescape(page)))
    assert "danlu run .danlu/runs/小说-集-collect/recipe.yaml" in commands
    assert "danlu plan .danlu/runs/小说-集-collect/recipe.yaml" in commands
    planned = danlu("plan", ".danlu/runs/小说-集-collect/recipe.yaml", "--until", "collect", "--json", cwd=tmp_path)
    assert [node["state"] for node in last_line(planned)["nodes"]] == ["cached"]


def made_by(folder: Path, run: str, node: str) -> str:
    found = read_state(Workspace(folder / ".danlu"), run).nodes[node]
    return f"{found.stage}-{found.key}"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write(tmp_path / "texts", "en")
    path = tmp_path / "recipe.yaml"
    path.write_text("name: 小说\ncollect: {sources: [{type: files, path: texts}]}\nclean: {preset: none}\n", encoding="utf-8")
    danlu("run", path, "--until", "clean", cwd=tmp_path)
    return path


def test_a_later_command_leaves_what_the_recipe_serves(recipe: Path) -> None:
    with recipe.open("a", encoding="utf-8") as file:
        file.write("serve: {port: 8765}\n")
    danlu("run", recipe, "--until", "collect", cwd=recipe.parent)
    danlu("collect", "texts", cwd=recipe.parent)
    assert serve_section(Workspace(recipe.parent / ".danlu")).port == 8765


def test_what_a_run_has_not_come_to_yet_is_still_what_it_made_before(recipe: Path) -> None:
    folder = recipe.parent
    before = made_by(folder, "小说", "clean.decide")
    danlu("run", recipe, "--until", "collect", cwd=folder)
    assert unneeded(folder) == []
    danlu("run", recipe, "--until", "collect", "--set", "collect.holdout.bytes=0", cwd=folder)  # a new one, nothing after it
    assert unneeded(folder) == []
    assert before in danlu("show", "clean.decide", cwd=folder).stdout
    danlu("run", recipe, "--until", "clean", "--set", "collect.holdout.bytes=0", cwd=folder)
    assert f"artifacts/{before}" in unneeded(folder)  # now there is another in its place
    assert before not in danlu("show", "clean.decide", cwd=folder).stdout


def test_the_state_of_a_run_of_before_is_read(recipe: Path) -> None:
    path = recipe.parent / ".danlu/runs/小说/state.json"
    old = {key: value for key, value in json.loads(path.read_text(encoding="utf-8")).items() if key != "earlier"}
    path.write_text(json.dumps(old, sort_keys=True), encoding="utf-8")
    assert "clean.decide" in danlu("status", cwd=recipe.parent).stdout
    danlu("run", recipe, "--until", "collect", cwd=recipe.parent)
    assert unneeded(recipe.parent) == []


def test_status_lists_the_stages_in_their_order(recipe: Path) -> None:
    said = danlu("status", cwd=recipe.parent).stdout
    places = [
        said.index(f" {stage} ")
        for stage in ("collect", "clean.normalise", "clean.score", "clean.pairs", "clean.search", "clean.decide")
    ]
    assert places == sorted(places)
