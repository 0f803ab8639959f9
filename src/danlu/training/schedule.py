"""Learning-rate schedules as a factor of the peak rate."""

from __future__ import annotations


def wsd(step: int, steps: int, warmup: float, decay: float) -> float:
    """Warmup, stable, decay: the factor in (0, 1] for step `step` (0 .. steps - 1).

    It rises linearly in the first `warmup` share of the steps, stays at 1, and falls linearly towards 0 in the last
    `decay` share; the first step is not 0 and neither is the last, so that no step is wasted. The fall wins where the
    shares overlap. A run that is stopped in its stable part can be decayed from there. (MiniCPM, arXiv 2404.06395;
    a long linear decay to 0: modded-nanogpt, nanochat.)
    """
    rising = warmup_steps(steps, warmup)
    falling = max(1.0, decay * steps)
    return min(1.0, (step + 1) / rising, (steps - step) / falling)


def warmup_steps(steps: int, warmup: float) -> int:
    """Whole steps in the share `warmup` of `steps`, at least one: a whole number survives a change of `steps` exactly."""
    return max(1, round(warmup * steps))
