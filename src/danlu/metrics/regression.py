"""Metrics of predicted numbers: `truth` (items,), `predicted` (items,)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.metrics.items import Floats, Sums, mean_of

CONSTANT = 1e-12  # spread below this share of the mean square is rounding


def pearson(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Sums:
    """Pearson's correlation, from sums of powers; not defined where either side does not vary."""
    x, y = _standard(truth), _standard(predicted)
    return Sums(np.stack((np.ones(len(x)), x, y, x * x, y * y, x * y), 1), _correlation)


def mse(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Sums:
    """Mean squared error."""
    return mean_of((np.asarray(predicted, np.float64) - np.asarray(truth, np.float64)) ** 2, {})


def mae(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> Sums:
    """Mean absolute error."""
    return mean_of(np.abs(np.asarray(predicted, np.float64) - np.asarray(truth, np.float64)), {})


def _standard(values: npt.ArrayLike) -> Floats:
    """Around 0 with spread 1, so that sums of squares lose no digits."""
    array = np.array(values, np.float64)
    if not len(array) or not np.isfinite(array).all():
        return array
    array -= array.mean()
    spread = float(np.abs(array).max())
    return array / spread if spread > 0 else array


def _correlation(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y, xx, yy, xy = np.moveaxis(sums[..., 1:] / sums[..., :1], -1, 0)
        spread_x, spread_y = xx - x * x, yy - y * y
        varies = (spread_x > CONSTANT * xx) & (spread_y > CONSTANT * yy)
        found: Floats = np.where(varies, (xy - x * y) / np.sqrt(spread_x * spread_y), np.nan)
    return np.clip(found, -1.0, 1.0)
