"""W9: peak memory over the bytes of the data as given.

CIFAR-10, 154 MB of uint8, in a fresh process that loads X.npy into memory and trains for two epochs a linear softmax,
or a network with a hidden layer of 128, or of 512 (for the linear solvers of scikit-learn: two iterations). The figure
is the largest resident size that the process ever had, interpreter and libraries included (VmHWM; getrusage where that
is missing). Target: at most 1.3 times the bytes of the data plus 100 MB. Ratios are to the linear softmax of steepest.
scikit-learn takes float: X / 255 is float64 as users write it, and float32 as the careful ones do. The command line
reads the tar of images, first without its cache, then from it, then with a fifth of its training images held out at
random, then for a network; the peak is that of its own process.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import cifar
from benchmarks.harness import ROOT, Row, absent, alternate, at_most, environment, figure, rows

OURS = "steepest"
DATA = cifar.N * cifar.D
LIMIT = 1.3 * DATA + 100e6
HIDDEN = (128,)


def steepest(folder: Path) -> None:
    import numpy as np

    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    try:
        from steepest import LinearClassifier
    except ImportError:  # the engine without its scikit-learn face
        from steepest.training import loop
        from steepest.training.recipe import Recipe, prepare

        loop.run(*prepare(X, y, cifar.C, Recipe(epochs=2)))
    else:
        LinearClassifier(loss="softmax", penalty="l2", alpha=1e-4, epochs=2).fit(X, y)


def network(folder: Path, hidden: tuple[int, ...]) -> None:
    import numpy as np

    from steepest import MLPClassifier

    MLPClassifier(hidden, batch_size=256, epochs=2).fit(np.load(folder / "X.npy"), np.load(folder / "y.npy"))


def logistic(folder: Path, dtype: str) -> None:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    X = X / 255 if dtype == "float64" else np.divide(X, 255, dtype=dtype)
    LogisticRegression(max_iter=2).fit(X, y)


def descent(folder: Path, dtype: str) -> None:
    import numpy as np
    from sklearn.linear_model import SGDClassifier

    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    X = X / 255 if dtype == "float64" else np.divide(X, 255, dtype=dtype)
    SGDClassifier(loss="log_loss", max_iter=2, tol=None).fit(X, y)


def perceptron(folder: Path, dtype: str) -> None:
    import numpy as np
    from sklearn.neural_network import MLPClassifier

    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    X = X / 255 if dtype == "float64" else np.divide(X, 255, dtype=dtype)
    MLPClassifier(HIDDEN, batch_size=256, max_iter=1).fit(X, y)  # a second pass takes no more


def command_line(folder: Path, *options: str) -> None:
    from steepest.cli import main

    tar = cifar.archive()
    if tar is None:
        raise ImportError("no tar of the images here")
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    out = str(folder / f"run-{os.getpid()}")
    sys.argv = ["steepest", "train", str(tar), "--epochs", "2", "--quiet", "--out", out, *options]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"steepest train ended with status {end.code}") from end


CONTENDERS: dict[str, Callable[[Path], None]] = {
    OURS: steepest,
    "steepest train TAR, first time": command_line,
    "steepest train TAR, from its cache": command_line,
    "steepest train TAR --test-size 0.2": lambda folder: command_line(folder, "--test-size", "0.2"),
    "steepest MLP": lambda folder: network(folder, HIDDEN),
    "steepest MLP, 512 hidden": lambda folder: network(folder, (512,)),
    "steepest train TAR --model mlp": lambda folder: command_line(folder, "--model", "mlp"),
    "LogisticRegression, float64": lambda folder: logistic(folder, "float64"),
    "LogisticRegression, float32": lambda folder: logistic(folder, "float32"),
    "SGDClassifier, float64": lambda folder: descent(folder, "float64"),
    "SGDClassifier, float32": lambda folder: descent(folder, "float32"),
    "scikit-learn MLP, float64": lambda folder: perceptron(folder, "float64"),
    "scikit-learn MLP, float32": lambda folder: perceptron(folder, "float32"),
}
LIMITED = tuple(name for name in CONTENDERS if name.startswith("steepest"))


def run(rounds: int = 3) -> list[Row]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        what = cifar.write(folder)
        first = {name: _peak(name, folder) for name in CONTENDERS}
        present = {name: peak for name, peak in first.items() if not isinstance(peak, str)}
        again = {name: (lambda name=name: float(_peak(name, folder))) for name in present if "first time" not in name}
        # memory hardly varies, and no one can disturb it: few rounds do, and no patience is needed
        counted, _ = alternate(again, max(1, rounds - 1), patience=0)
    figures = {name: counted.figures.get(name, [float(peak)]) for name, peak in present.items()}
    lines = [at_most(line, LIMIT) if line["name"] in LIMITED else line for line in _rows(figures)]
    lines += [absent("W9", name, peak) for name, peak in first.items() if isinstance(peak, str)]
    note = (
        f"data: {what}, {figure(DATA, 'B')} as given; target 1.3 x {figure(DATA, 'B')} + 100 MB = {figure(LIMIT, 'B')}"
    )
    return [*lines, {"id": "W9", "note": note}]


def _rows(figures: dict[str, list[float]]) -> list[Row]:
    several = {name: values for name, values in figures.items() if "first time" not in name}
    alone = {name: values for name, values in figures.items() if "first time" in name}
    lines = rows("W9", several, OURS, {}, "B") + rows("W9", alone, None, {}, "B")
    return [{**line, "note": f"{line['median'] / DATA:.2f} x the data"} for line in lines]


def _peak(name: str, folder: Path) -> int | str:
    """Peak of one fresh process in bytes, or why it cannot run here."""
    command = [sys.executable, "-m", "benchmarks.w9", name, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode:
        return (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]
    return int(json.loads(done.stdout.splitlines()[-1])["peak"])


def peak_of_self() -> int:
    """Largest resident size of this process so far, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # two iterations do not converge, and are not meant to
    CONTENDERS[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({"peak": peak_of_self()}))
