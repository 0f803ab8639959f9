"""A recipe laid over others: what is merged, where paths lead, what errors say."""

from __future__ import annotations

from pathlib import Path

import pytest

from danlu.pipeline.graph import build_graph
from danlu.pipeline.keys import external_inputs, node_key
from danlu.recipe.load import LoadedRecipe, load_recipe
from danlu.workspace.errors import RecipeError

BASE = """
name: base
datasets:
  mood: {sources: [{type: files, path: rows.csv, label: label}], most_train: 10}
collect:
  sources: [{type: files, path: data/texts}]
clean: {rules: {few_words: 3, long_text: 9}}
pretrain:
  bert: {model: {family: bert}, objective: mlm, budget: 2h}
  gpt: {model: {family: gpt}, objective: clm, budget: {amount: 5, unit: steps}}
finetune:
  mood: {from: bert, dataset: mood, labels: [1, 2, 3]}
evaluate: {models: [bert]}
"""


def write(folder: Path, **files: str) -> Path:
    """Recipes NAME.yaml; the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(files))}.yaml"


def data(folder: Path) -> None:
    (folder / "data" / "texts").mkdir(parents=True)
    (folder / "data" / "texts" / "a.txt").write_text("some text", encoding="utf-8")
    (folder / "rows.csv").write_text("text,label\na,b\n", encoding="utf-8")


def keys(loaded: LoadedRecipe) -> dict[str, str | None]:
    """Keys of the nodes that read files."""
    nodes = build_graph(loaded.recipe)
    wanted = [name for name in nodes if name == "collect" or name.startswith("dataset.")]
    return {name: node_key(nodes[name], loaded.recipe.seed, external_inputs(nodes[name], loaded.base), {}) for name in wanted}


def test_mappings_merge_deeply_and_the_rest_replaces(tmp_path: Path) -> None:
    over = """
extends: base.yaml
name: over
clean: {rules: {long_text: 5}}
pretrain:
  bert: {model: {size: nano}, length: 64}
  gpt: {budget: 3h}
finetune:
  mood: {labels: [7]}
evaluate: null
"""
    recipe = load_recipe(write(tmp_path, over=over, base=BASE)).recipe
    assert recipe.name == "over"
    assert recipe.clean.rules == {"few_words": 3, "long_text": 5}
    assert (recipe.pretrain["bert"].model.size, recipe.pretrain["bert"].length) == ("nano", 64)
    assert recipe.pretrain["bert"].budget.amount == 7200
    assert recipe.pretrain["gpt"].budget.amount == 3 * 3600
    assert recipe.finetune["mood"].labels == (7,)
    assert recipe.datasets["mood"].most_train == 10
    assert recipe.evaluate is None


def test_null_takes_out_what_is_there_and_nothing_else(tmp_path: Path) -> None:
    over = "extends: base.yaml\ndatasets: {mood: null}\nfinetune: {mood: null}\npretrain: {gpt: null}\n"
    recipe = load_recipe(write(tmp_path, over=over, base=BASE)).recipe
    assert (list(recipe.pretrain), recipe.datasets, recipe.finetune) == (["bert"], {}, {})
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, over="extends: base.yaml\npretrain:\n  gtp: null\n", base=BASE))
    assert caught.value.key == "recipe.nothing-to-take-out"
    assert caught.value.where == f"{tmp_path / 'over.yaml'}:3"
    assert "bert, gpt" in caught.value.explain("en")["cause"]


def test_later_bases_win_and_a_shared_base_counts_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        top="extends: [left.yaml, right.yaml]\nname: top\n",
        left="extends: base.yaml\nseed: 1\npretrain: {bert: {length: 64}}\n",
        right="extends: base.yaml\nseed: 2\n",
        base=BASE,
    )
    recipe = load_recipe(path).recipe
    assert recipe.seed == 2
    assert recipe.pretrain["bert"].length == 64


def test_paths_of_a_base_mean_its_own_folder_and_keys_do_not_know_where_it_lies(tmp_path: Path) -> None:
    for place in ("here", "there"):
        base = write(tmp_path / place / "common", base=BASE + "fallback: other.yaml\n")
        data(base.parent)
        over = write(tmp_path / place / "mine", over="extends: ../common/base.yaml\nname: over\nseed: 0\n")
    here, there = (tmp_path / place / "common" / "base.yaml" for place in ("here", "there"))
    loaded = load_recipe(over)
    assert loaded.recipe.fallback == str(there.parent / "other.yaml")
    assert keys(load_recipe(here)) == keys(load_recipe(there)) == keys(loaded)
    kept = write(tmp_path / "elsewhere", kept=loaded.text)
    assert keys(load_recipe(kept)) == keys(loaded)
    assert load_recipe(kept).recipe == loaded.recipe
    assert "extends" not in loaded.text


def test_sources_of_the_same_folder_stay_as_they_are_written(tmp_path: Path) -> None:
    loaded = load_recipe(write(tmp_path, over="extends: base.yaml\n", base=BASE))
    assert loaded.recipe.collect is not None
    assert loaded.recipe.collect.sources[0].path == "data/texts"  # type: ignore[union-attr]


def test_paths_of_the_command_line_start_at_the_recipe(tmp_path: Path) -> None:
    """Also where the user's own code lies in another folder."""
    (tmp_path / "lib").mkdir()
    path = write(tmp_path, over="extends: base.yaml\ncode: lib\n", base=BASE)
    loaded = load_recipe(path, ["datasets.mood.sources.0.path=other.csv"])
    (source,) = loaded.recipe.datasets["mood"].sources
    assert loaded.base / str(source.path) == tmp_path / "other.csv"  # type: ignore[union-attr]
    assert source.name == "other.csv"  # type: ignore[union-attr]


def test_evaluation_files_of_a_base_mean_its_own_folder_and_keep_their_names(tmp_path: Path) -> None:
    base = BASE.replace("long_text: 9}}", "long_text: 9}, decontaminate: {files: [sets/quiz.jsonl, {path: exam.csv}]}}")
    names, digests = [], []
    for place in ("here", "elsewhere"):
        write(tmp_path / place / "common", base=base)
        (tmp_path / place / "common" / "sets").mkdir()
        (tmp_path / place / "common" / "sets" / "quiz.jsonl").write_text("{}", encoding="utf-8")
        (tmp_path / place / "common" / "exam.csv").write_text("text\na\n", encoding="utf-8")
        loaded = load_recipe(write(tmp_path / place / "mine", over="extends: ../common/base.yaml\nname: over\n"))
        node = build_graph(loaded.recipe)["clean.search"]
        digests.append(external_inputs(node, loaded.base))
        names.append(node.config.identity())
    assert digests[0] == digests[1]
    assert list(digests[0]) == ["evaluation:sets/quiz.jsonl", "evaluation:exam.csv"]
    assert names[0] == names[1]


def test_a_name_in_the_recipe_is_kept(tmp_path: Path) -> None:
    base = BASE.replace("path: data/texts", "path: data/texts, name: novels")
    write(tmp_path / "common", base=base)
    loaded = load_recipe(write(tmp_path / "mine", over="extends: ../common/base.yaml\n"))
    assert loaded.recipe.collect is not None
    assert loaded.recipe.collect.sources[0].name == "novels"  # type: ignore[union-attr]


def test_a_starting_model_is_a_path_only_where_its_folder_is(tmp_path: Path) -> None:
    base = BASE.replace(
        "  mood: {from: bert, dataset: mood, labels: [1, 2, 3]}",
        "  own: {from: models/mine, dataset: mood}\n  hub: {from: owner/name, dataset: mood}\n"
        "  packed: {from: 'package:x', dataset: mood}\n  mood: {from: bert, dataset: mood}",
    )
    folder = write(tmp_path / "common", base=base).parent
    (folder / "models" / "mine").mkdir(parents=True)
    (folder / "bert").mkdir()  # the pretraining of that name is meant, not this folder
    loaded = load_recipe(write(tmp_path / "mine", over="extends: ../common/base.yaml\n"))
    starts = {name: tuning.start for name, tuning in loaded.recipe.finetune.items()}
    assert starts == {
        "own": str(folder / "models" / "mine"), "hub": "owner/name", "packed": "package:x", "mood": "bert",
    }  # fmt: skip
    direct = load_recipe(folder / "base.yaml").recipe
    assert direct.finetune["own"].start == "models/mine"
    assert direct.finetune["own"].identity() == loaded.recipe.finetune["own"].identity()


@pytest.mark.parametrize(
    ("files", "key", "where", "words"),
    [
        ({"top": "name: a\nextends: bsae.yaml\n", "base": BASE}, "recipe.no-base", "top.yaml:2", "base.yaml"),
        (
            {"top": "extends:\n- mid.yaml\n", "mid": "extends: none.yaml\n"},
            "recipe.no-base", "mid.yaml:1 ← top.yaml:2", "none.yaml",
        ),
        ({"top": "extends: 3\n"}, "recipe.base-name", "top.yaml:1", "base.yaml"),
        ({"top": "extends: [a.yaml, {b: c}]\n", "a": "seed: 1\n"}, "recipe.base-name", "top.yaml:1", "list"),
        ({"top": 'extends: "a\\0.yaml"\n'}, "recipe.base-name", "top.yaml:1", "list"),
        ({"top": "extends: ~nobody-of-that-name/a.yaml\n"}, "recipe.no-base", "top.yaml:1", "~nobody"),
        ({"top": "extends: .\n"}, "recipe.no-base", "top.yaml:1", "top.yaml"),
        ({"top": "extends: top.yaml\n"}, "recipe.circle", "top.yaml:1", "top.yaml → top.yaml"),
        (
            {"top": "extends: a.yaml\n", "a": "\nextends: b.yaml\n", "b": "extends: a.yaml\n"},
            "recipe.circle", "b.yaml:1 ← a.yaml:2 ← top.yaml:1", "a.yaml → b.yaml → a.yaml",
        ),
        ({"top": "extends: base.yaml\n", "base": "name: [\n"}, "recipe.syntax", "base.yaml:2 ← top.yaml:1", "YAML"),
        ({"top": "extends: base.yaml\n", "base": "- a\n"}, "recipe.not-a-mapping", "base.yaml ← top.yaml:1", "keys"),
        ({"top": "extends: base.yaml\n", "base": "a: 1\na: 2\n"}, "recipe.twice", "base.yaml:2 ← top.yaml:1", "twice"),
        ({"top": "extends: base.yaml\n", "base": BASE + "sed: 1\n"}, "recipe.unknown-key", "base.yaml:14 ← top.yaml:1", "seed"),
        ({"top": "extends: base.yaml\nsed: 1\n", "base": BASE}, "recipe.unknown-key", "top.yaml:2", "seed"),
        (
            {"top": "extends: base.yaml\npretrain:\n  bert: {length: 3}\n", "base": BASE},
            "recipe.wrong-value", "top.yaml:3", "at least 16",
        ),
        (
            {"top": "extends: base.yaml\npretrain: {bert: null}\n", "base": BASE},
            "recipe.inconsistent", "base.yaml:13 ← top.yaml:1", "bert",
        ),
        ({"top": "extends: base.yaml\n", "base": "seed: 1\n"}, "recipe.missing-key", "top.yaml", "name"),
        (
            {"top": "extends: base.yaml\npretrain: {brt: {length: 64}}\n", "base": BASE},
            "recipe.missing-key", "top.yaml:2", "bert",
        ),
        (
            {"top": "extends: base.yaml\n", "base": "format: 99\nname: a\n"},
            "recipe.newer-format", "base.yaml:1 ← top.yaml:1", "99",
        ),
    ],
)  # fmt: skip
def test_errors_name_the_file_the_line_and_the_chain(
    tmp_path: Path, files: dict[str, str], key: str, where: str, words: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, **files))
    assert caught.value.key == key
    assert caught.value.where.replace(f"{tmp_path}/", "") == where
    parts = caught.value.explain("en")
    assert words in " ".join(parts.values())
    assert caught.value.explain("zh")["what"] != parts["what"]


def test_a_base_in_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = write(tmp_path, top="extends: base.yaml\n")
    (tmp_path / "base.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert caught.value.key == "recipe.unreadable"
    assert "top.yaml:1" in caught.value.where
