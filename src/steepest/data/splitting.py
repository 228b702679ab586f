"""Which rows go to the test part."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.data.order import SPLIT, random_bits, shuffled_order
from steepest.errors import InputError

__all__ = ["DEFAULT_TEST_SIZE", "split_rows"]

DEFAULT_TEST_SIZE = 0.2

Rows = npt.NDArray[np.int64]


def split_rows(
    n: int,
    y: npt.NDArray[np.int64] | None,
    test_size: float | int | None,
    seed: int,
    stratify: bool,
    classes: tuple[str, ...] = (),
) -> tuple[Rows, Rows]:
    """Choose the rows of the training and of the test part; each list of rows ascends.

    Every row draws 64 random bits keyed by the seed, and within its class (or among all rows, without `stratify`) the
    rows with the smallest draws go to the test part. How many of a class: its share of the test part, rounded by
    largest remainder (computed in whole numbers, ties to the earlier class), so that the total is exact. A class with
    two or more examples has at least one in each part; one with a single example is in the training part.

    Parameters
    ----------
    n : int
        Number of rows.
    y : int64 array (n,) or None
        Class indices; needed to stratify.
    test_size : float in (0, 1), int, or None
        A share (rounded to whole rows), a number of rows, or None for 20 %, moved as little as the classes ask.
    seed : int
        The same seed gives the same rows.
    stratify : bool
        Keep the classes' shares equal in both parts.
    classes : tuple of str
        Class names, for messages.

    Returns
    -------
    train, test : int64 arrays

    Raises
    ------
    InputError
        When no such split exists.
    """
    if n < 2:
        raise InputError(
            f"cannot split {n} example{'' if n == 1 else 's'} into a training and a test part: at least 2 are needed"
        )
    wanted = _count(test_size, n)
    if y is None or not stratify:
        test = np.sort(shuffled_order(n, seed, SPLIT)[:wanted])
    else:
        counts = np.bincount(y, minlength=len(classes))
        quotas = _quotas(counts, wanted, test_size, classes)
        # Rows by class, and inside a class by their draw; the first of each class are its test rows.
        order = np.lexsort((random_bits(n, seed, SPLIT), y))
        starts = np.cumsum(counts) - counts
        place = np.arange(n) - np.repeat(starts, counts)
        test = np.sort(order[place < np.repeat(quotas, counts)])
    in_train = np.ones(n, dtype=bool)
    in_train[test] = False
    return np.flatnonzero(in_train).astype(np.int64, copy=False), test.astype(np.int64, copy=False)


def _count(test_size: Any, n: int) -> int:
    if test_size is None:
        return min(max(round(DEFAULT_TEST_SIZE * n), 1), n - 1)
    if isinstance(test_size, bool) or not isinstance(test_size, numbers.Real):
        raise InputError(f"test_size must be a share between 0 and 1 or a number of examples, not {test_size!r}")
    if isinstance(test_size, numbers.Integral):
        if not 1 <= int(test_size) < n:
            raise InputError(
                f"test_size={test_size} must leave something on both sides of {n} examples: give 1 to {n - 1}"
            )
        return int(test_size)
    share = float(test_size)
    if not 0.0 < share < 1.0:
        raise InputError(f"test_size={share:g} must lie strictly between 0 and 1 (or be a whole number of examples)")
    return min(max(round(share * n), 1), n - 1)


def _quotas(
    counts: npt.NDArray[np.int64], wanted: int, test_size: float | int | None, classes: tuple[str, ...]
) -> npt.NDArray[np.int64]:
    """Test rows for each class, by largest remainder between the bounds that keep both parts populated."""
    n, present = int(counts.sum()), int((counts > 0).sum())
    if present < 2:
        only = classes[int(np.argmax(counts))] if classes else "one class"
        raise InputError(f"all {n} examples belong to one class ({only}): a stratified split needs at least 2 classes")
    if n < len(classes):
        raise InputError(
            f"there are {n} examples for {len(classes)} classes: a split needs at least 2 examples of each class"
        )
    least = (counts >= 2).astype(np.int64)
    most = np.maximum(counts - 1, 0)
    low, high = int(least.sum()), int(most.sum())
    if high == 0:
        raise InputError(
            "every class has a single example: nothing can be set aside for testing; add data or give a test source"
        )
    if test_size is None:
        wanted = min(max(wanted, low), high)
    if not low <= wanted <= high:
        raise InputError(
            f"test_size={test_size} sets {wanted} of {n} examples aside, but with {present} classes that must be "
            f"{low} to {high} for each class to be in both parts: change test_size or pass stratify=False"
        )
    quotas: npt.NDArray[np.int64] = np.clip(wanted * counts // n, least, most)
    while (missing := wanted - int(quotas.sum())) != 0:
        # Times n, so that shares compare as whole numbers.
        owed = wanted * counts - quotas * n
        if missing > 0:
            c = int(np.argmax(np.where(quotas < most, owed, np.iinfo(np.int64).min)))
            quotas[c] += 1
        else:
            c = int(np.argmin(np.where(quotas > least, owed, np.iinfo(np.int64).max)))
            quotas[c] -= 1
    return quotas
