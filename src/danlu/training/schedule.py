"""Learning-rate schedules as a factor of the peak rate."""

from __future__ import annotations

from bisect import bisect_left


def wsd(step: int, steps: int, warmup: int, decay: float) -> float:
    """Warmup, stable, decay: the factor in (0, 1] for step `step` (0 .. steps - 1).

    It rises linearly in the first `warmup` steps, stays at 1, and falls linearly towards 0 in the last `decay` share of the
    steps; the first step is not 0 and neither is the last, so that no step is wasted. The fall wins where they overlap. A run
    that is stopped in its stable part can be decayed from there. (MiniCPM, arXiv 2404.06395; a long linear decay to 0:
    modded-nanogpt, nanochat.)
    """
    return min(_rising(step, warmup), _falling(step, steps, decay))


def trunk_steps(steps: int, warmup: int, decay: float) -> int:
    """How many steps of `wsd` come before the fall: up to the first one that it makes lower, at least 1, at most `steps`.

    Their rates are the same whatever `steps` and `decay` are, so all runs with the same warmup share them as far as they go.
    """
    return bisect_left(range(steps), True, key=lambda step: _falling(step, steps, decay) < _rising(step, warmup))


def warmup_steps(steps: int, warmup: float) -> int:
    """Whole steps in the share `warmup` of `steps`, at least one."""
    return max(1, round(warmup * steps))


def _rising(step: int, warmup: int) -> float:
    return min(1.0, (step + 1) / max(1, warmup))


def _falling(step: int, steps: int, decay: float) -> float:
    """Not above 1 only: the smaller of this and `_rising` is the factor."""
    return (steps - step) / max(1.0, decay * steps)
