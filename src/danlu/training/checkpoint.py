"""Checkpoints: whole or absent, checked when read, and enough to go on to the same bits.

A checkpoint is a directory `step-000000123` with the model's and the optimizer's tensors by parameter name (safetensors)
and `state.json` with the digests of both. It is written beside its place, flushed to disk and renamed; the two newest are
kept, so that one broken by the disk leaves the one before.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from danlu.workspace.digest import digest_file
from danlu.workspace.files import disk_errors, read_json, sync_directory, write_json

MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
PREFIX = "step-"
KEPT = 2


def save_checkpoint(
    directory: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> Path:
    """Write the checkpoint of `step` (optimizer steps done) below `directory`; `state` is JSON that the loop needs back."""
    final = directory / f"{PREFIX}{step:09d}"
    write_checkpoint(final, step, model, optimizer, state)
    with disk_errors(directory):
        for old in _found(directory)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
    return final


def write_checkpoint(path: Path, step: int, model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Write one checkpoint as the directory `path`, in place of what may be there."""
    temporary = path.with_name(f".{path.name}.tmp")
    with disk_errors(path):
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file(dict(_parameters(model)), temporary / MODEL)
        save_file(_optimizer_tensors(model, optimizer), temporary / OPTIMIZER)
        digests = {name: digest_file(temporary / name) for name in (MODEL, OPTIMIZER)}
        for name in digests:
            with (temporary / name).open("rb") as file:
                os.fsync(file.fileno())
        write_json(temporary / STATE, {"step": step, "digests": digests, "state": state})
        sync_directory(temporary)
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
        sync_directory(path.parent)


def load_checkpoint(
    directory: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, dict[str, Any], list[str]] | None:
    """Restore the newest whole checkpoint into `model` and `optimizer`: (step, state, names of broken ones passed over).

    None if there is none; the broken ones are then only left where they are, since training from the start replaces them.
    """
    broken: list[str] = []
    for path in reversed(_found(directory)):
        found = read_checkpoint(path, model, optimizer)
        if found is not None:
            return *found, broken
        broken.append(path.name)
    return None


def read_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, dict[str, Any]] | None:
    """Restore the checkpoint `path` into `model` and `optimizer`: (step, state); None if it is not whole."""
    record = _read(path)
    if record is None:
        return None
    _restore_model(model, load_file(path / MODEL))
    _restore_optimizer(model, optimizer, load_file(path / OPTIMIZER))
    return int(record["step"]), record["state"]


def has_checkpoint(directory: Path) -> bool:
    """Whether there is a whole checkpoint to go on from."""
    return any(map(is_whole, reversed(_found(directory))))


def is_whole(path: Path) -> bool:
    """Whether the checkpoint `path` is what was written."""
    return _read(path) is not None


def _found(directory: Path) -> list[Path]:
    """Checkpoints by step, oldest first."""
    return sorted(path for path in directory.glob(f"{PREFIX}*") if path.is_dir())


def _read(path: Path) -> dict[str, Any] | None:
    """The record of a checkpoint whose files are what was written; None if they are not."""
    try:
        record: dict[str, Any] = read_json(path / STATE)
        whole = all(digest_file(path / name) == digest for name, digest in record["digests"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if whole else None


def _parameters(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Distinct parameters by name (tied ones once), frozen ones too, and buffers that are saved with the model."""
    for name, parameter in model.named_parameters():
        yield name, parameter.detach().contiguous()
    learned = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    for name, tensor in model.state_dict().items():
        if name not in learned:
            yield name, tensor.detach().contiguous()


def _restore_model(model: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, target in _parameters(model):
            target.copy_(tensors[name])


def _optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """`<parameter name>|<quantity>` -> tensor, such as `...weight|exp_avg`."""
    return {
        f"{name}|{quantity}": value.detach().contiguous()
        for name, parameter in model.named_parameters()
        if parameter in optimizer.state
        for quantity, value in sorted(optimizer.state[parameter].items())
    }


def _restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    named = dict(model.named_parameters())
    for key, value in tensors.items():
        name, _, quantity = key.rpartition("|")
        parameter = named[name]
        # the counter of steps stays on the CPU unless the optimizer is fused on a GPU, where it lives beside the parameter
        optimizer.state[parameter][quantity] = value.to(parameter.device)
