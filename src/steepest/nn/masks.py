"""Which numbers dropout keeps: the readable twin of the masks in the native program, same bits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["mask"]


def mask(seed: int, layer: int, step: int, first_row: int, keep: float, out: NDArray[np.bool_]) -> None:
    """Write which numbers are kept into `out` (rows, width): a function of the arguments and the position alone.

    Number j of row r of the batch is kept where draw r * width + j is less than 65536 keep. The draws are the raw
    64-bit words of Philox 4x64-10 keyed by (seed, layer), with the counter (0, step, 0, 0) as NumPy counts (the first
    block of four words is that of counter (1, step, 0, 0)), each word taken as four numbers of 16 bits, the lowest
    first. So a share of ceil(65536 keep) / 65536 is kept on average.

    Parameters
    ----------
    seed, layer, step : int
        What the masks of a whole batch depend on.
    first_row : int
        The place in the batch of the first row of `out`.
    keep : float
        The share to keep, 1 - rate.
    out : bool array (rows, width)
        Written in place.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.nn.masks import mask
    >>> whole, part = np.empty((5, 3), bool), np.empty((2, 3), bool)
    >>> mask(0, 1, 7, 0, 0.5, whole)
    >>> mask(0, 1, 7, 3, 0.5, part)
    >>> (part == whole[3:]).all().item()
    True
    """
    rows, width = out.shape
    block, within = divmod(first_row * width, 16)
    bits = np.random.Philox(
        key=np.array([seed, layer], np.uint64), counter=np.array([block, step, 0, 0], np.uint64)
    ).random_raw(-(-(within + rows * width) // 4))
    draws = bits.astype("<u8").view("<u2")[within : within + rows * width]
    out[:] = (draws < math.ceil(65536 * keep)).reshape(rows, width)
