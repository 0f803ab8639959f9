"""A process killed at any moment, then the same call: the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import danlu
from danlu.workspace.artifact import Artifact, hash_payload

# One process imports torch and then forks a child for each run: a real process to kill, without the seconds of importing.
PROGRAM = """
import os, sys
from pathlib import Path
from danlu.finetune.stage import finetune
from danlu.recipe.finetune import FinetuneConfig
from danlu.workspace.artifact import Artifact
from danlu.workspace.ledger import Ledger
from danlu.workspace.run import Run
import danlu.tasks.classification  # before the forks
from transformers import AutoTokenizer, ModernBertForMaskedLM, ModernBertForSequenceClassification

dataset, start = sys.argv[1:3]
for call in sys.argv[3:]:
    name, until, failpoint = call.split(":")
    keys = {"from": "start", "dataset": "d", "length": 48, "labels": (40,), "budget": "102 steps", "batch": 4}
    config = FinetuneConfig.model_validate(keys | {"freeze": {"until": float(until)}})
    child = os.fork()
    if not child:
        os.environ["DANLU_FAILPOINT"] = f"finetune:{failpoint}"
        folder = Path(name)
        folder.mkdir(exist_ok=True)
        run = Run(stage="finetune", output=folder, ledger=Ledger(folder / "ledger.sqlite", "finetune"), base=folder, threads=1)
        begin = Artifact("pretrain.decay", "key", Path(start))
        finetune(Artifact("dataset", "key", Path(dataset)), begin, config=config, run=run)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), (Path(name) / "facts.json").exists(), flush=True)
"""


FAILPOINTS = {"0": ("step-99", "labels-40", "step-102"), "1": ("features-00001", "labels-40")}  # by the share that is frozen


def test_a_killed_run_goes_on_to_the_same_bytes(dataset: Artifact, starts: dict[str, Artifact], tmp_path: Path) -> None:
    runs, expected = [], []
    for until, failpoints in FAILPOINTS.items():
        runs += [
            f"whole-{until}:{until}:",
            *(f"killed-{until}:{until}:{point}" for point in failpoints),
            f"killed-{until}:{until}:",
        ]
        expected += ["0 True", *["-9 False"] * len(failpoints), "0 True"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(danlu.__file__).parents[1])}
    arguments = [sys.executable, "-c", PROGRAM, str(dataset.path), str(starts["modern-bert"].path), *runs]
    done = subprocess.run(arguments, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == expected
    for until in FAILPOINTS:
        payload = hash_payload(tmp_path / f"whole-{until}")
        assert hash_payload(tmp_path / f"killed-{until}") == payload
        assert len([name for name in payload if name.startswith("model/")]) >= 5
