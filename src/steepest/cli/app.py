"""The words of the command line; each command hands them over to the file of its name, loaded in `body`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from steepest.cli.guard import running
from steepest.cli.signals import Signals

__all__ = ["app"]

# Typer reads these annotations when a command is called. Its rich help would take longer to load than all the rest.
app = typer.Typer(
    name="steepest",
    help="Train classifiers: fast, proven, and open to the eye.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SOURCE = "A name (digits, blobs, circle, xor, spiral, moons), a file, a folder or an archive: its content says which."

Source = Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE, show_default=False)]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or a model file.", show_default=False)]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="The label column of a table.")]
Part = Annotated[str, typer.Option(metavar="auto|all|train|test", help="Which rows of the source.")]
ImageSize = Annotated[
    str | None, typer.Option(metavar="N|HxW", help="Resize every image to as many pixels.", show_default=False)
]
Threads = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Threads; they never change a result. [all processors]")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and one line at the end.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep decoded images.")]


def _text(help: str, metavar: str = "NAME", *names: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, metavar=metavar, help=help, show_default=False)
    return option


def _version(wanted: bool) -> None:
    if wanted:
        from steepest import __version__

        typer.echo(f"steepest {__version__}")
        raise typer.Exit


@app.callback()
def steepest(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Train classifiers: fast, proven, and open to the eye."""


@app.command(no_args_is_help=True)
def train(
    source: Annotated[str | None, typer.Argument(metavar="SOURCE", help=SOURCE, show_default=False)] = None,
    test: Annotated[str | None, _text("Test on this source. [its own test part, or 20 % held out]", "SOURCE")] = None,
    test_size: Annotated[
        str | None, _text("Hold out this share or number of examples; 0: test on none.", "SIZE")
    ] = None,
    model: Annotated[
        str | None, _text("linear, mlp, ridge, nearest-mean, knn, perceptron or ova-svm. [linear]")
    ] = None,
    solver: Annotated[
        str | None,
        _text(
            "linear: auto, newton, ascent, coordinate or ridge (to a proven optimum), sgd (mini-batch descent; any "
            "setting of it asks for it), random-search, local-search, genetic-search or gradient-descent. [auto]"
        ),
    ] = None,
    tol: Annotated[
        float | None, _text("linear, ova-svm: stop when proven to be this near to the optimum. [1e-4]", "X")
    ] = None,
    max_passes: Annotated[int | None, _text("linear, ova-svm: passes over the data, at most. [1000]", "N")] = None,
    draws: Annotated[int | None, _text("Looks that a search takes, steps of gradient-descent. [1000]", "N")] = None,
    probability: Annotated[
        bool | None,
        typer.Option("--probability", help="ova-svm: calibrate its scores, for predict --proba.", show_default=False),
    ] = None,
    neighbors: Annotated[int | None, _text("knn: how many vote. [5]", "K", "--neighbors", "--k", "-k")] = None,
    metric: Annotated[str | None, _text("knn, nearest-mean: l2 or l1 (then medians for means). [l2]")] = None,
    weights: Annotated[str | None, _text("knn: votes are uniform, or go by distance. [uniform]")] = None,
    index: Annotated[
        str | None,
        _text("knn: exact, or approximate, for many queries among very many examples (extra neighbors). [exact]"),
    ] = None,
    priors: Annotated[
        str | None, _text("nearest-mean: empirical takes classes to be as frequent as here. [none]")
    ] = None,
    averaged: Annotated[
        bool | None,
        typer.Option("--averaged", help="perceptron: take the mean of the weights on the way.", show_default=False),
    ] = None,
    scoring: Annotated[str | None, _text("ridge: alpha auto goes by loo (leave-one-out) or gcv. [loo]")] = None,
    hidden: Annotated[str | None, _text("mlp: neurons of each hidden layer, as in 256,128. [128]", "N,N,...")] = None,
    activation: Annotated[
        str | None,
        _text("mlp: relu, leaky_relu, elu, gelu, softplus, tanh, sigmoid, step or identity. [relu]"),
    ] = None,
    dropout: Annotated[float | None, _text("mlp: share of hidden neurons left out in a step. [0]", "X")] = None,
    norm: Annotated[str | None, _text("mlp: batch, layer or none. [none]")] = None,
    init: Annotated[str | None, _text("mlp: he, xavier, uniform or zeros. [he]")] = None,
    loss: Annotated[
        str | None,
        _text(
            "softmax, hinge, squared_hinge, hinge_max, ova_hinge, ova_squared_hinge, logistic, squared or perceptron; "
            "ova-svm: squared_hinge or hinge. [softmax; squared_hinge]"
        ),
    ] = None,
    smoothing: Annotated[
        float | None, _text("Label smoothing of softmax: the share of the target that all classes have. [0]", "X")
    ] = None,
    penalty: Annotated[str | None, _text("l2, l1, elastic_net, max_norm or none. [l2]")] = None,
    alpha: Annotated[
        str | None, _text("Strength of the penalty; auto chooses it (linear, ridge). [1e-4]", "X|auto")
    ] = None,
    beta: Annotated[float | None, _text("Weight of the squares in elastic_net. [1]", "X")] = None,
    radius: Annotated[float | None, _text("Largest norm in max_norm. [1]", "X")] = None,
    optimizer: Annotated[
        str | None,
        _text("Of descent: sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw. [momentum; mlp: adam]"),
    ] = None,
    momentum: Annotated[float | None, _text("Of momentum and nesterov. [0.9]", "X")] = None,
    clip_norm: Annotated[float | None, _text("The largest length of the gradient. [none]", "X")] = None,
    clip_value: Annotated[float | None, _text("The largest size of an entry of the gradient. [none]", "X")] = None,
    lr: Annotated[str | None, _text("Peak learning rate; auto works unattended. [auto]", "X|auto")] = None,
    schedule: Annotated[
        str | None,
        _text(
            "Course of the rate: constant, step, exponential, cosine, linear, one_cycle or plateau; parameters as in "
            "plateau:factor=0.5,patience=3. [cosine]"
        ),
    ] = None,
    warm_up: Annotated[float | None, _text("Share of the run in which the rate rises first. [0]", "X")] = None,
    batch_size: Annotated[str | None, _text("Examples a step. [auto]", "N|auto")] = None,
    epochs: Annotated[str | None, _text("Passes over the training examples. [auto]", "N|auto")] = None,
    scaling: Annotated[str | None, _text("Of the features: auto, unit (x / 255), standard or none. [auto]")] = None,
    precision: Annotated[
        str | None, _text("Of a network's products: float32, or bf16, which is faster. [float32]", "float32|bf16")
    ] = None,
    validation: Annotated[
        str | None,
        _text(
            "Hold out as much of the training rows, or read them; keep the best epoch on them. [none]", "SIZE|SOURCE"
        ),
    ] = None,
    patience: Annotated[
        int | None, _text("Stop when so many epochs do not lower the validation loss. [10]", "N")
    ] = None,
    class_weight: Annotated[
        str | None, _text("balanced gives all classes the same say. [none]", "balanced|none")
    ] = None,
    target: Target = None,
    image_size: ImageSize = None,
    on_bad_image: Annotated[str | None, _text("An unreadable image: skip or fail. [skip]", "skip|fail")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Keys every random choice. [0]", show_default=False)
    ] = None,
    threads: Threads = None,
    out: Annotated[Path | None, _text("Folder for the run; new or empty. [runs/SOURCE-LOSS-N]", "DIR")] = None,
    resume: Annotated[
        Path | None, _text("Go on with the run in this folder; a descent goes on to the same bits.", "DIR")
    ] = None,
    config: Annotated[Path | None, _text("Read settings from a TOML file; options here win.", "FILE")] = None,
    checkpoint_every: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Save the state as often; 0: whenever possible.")
    ] = 10.0,
    json: Json = False,
    quiet: Quiet = False,
    no_cache: NoCache = False,
) -> None:
    """Train a classifier on SOURCE, test it, and save it in a folder of its own."""
    words = {
        "source": source, "test": test, "test_size": test_size, "target": target, "image_size": image_size,
        "on_bad_image": on_bad_image, "model": model, "solver": solver, "tol": tol, "max_passes": max_passes,
        "draws": draws, "probability": probability or None, "neighbors": neighbors, "metric": metric,
        "weights": weights, "index": index, "priors": priors, "averaged": averaged or None, "scoring": scoring,
        "hidden": hidden, "activation": activation, "dropout": dropout, "norm": norm, "init": init, "loss": loss,
        "smoothing": smoothing, "penalty": penalty, "alpha": alpha, "beta": beta, "radius": radius, "scaling": scaling,
        "precision": precision, "optimizer": optimizer, "momentum": momentum, "clip_norm": clip_norm,
        "clip_value": clip_value, "lr": lr, "schedule": schedule, "warm_up": warm_up, "batch_size": batch_size,
        "epochs": epochs, "validation": validation, "patience": patience, "class_weight": class_weight, "seed": seed,
        "threads": threads, "cache": False if no_cache else None,
    }  # fmt: skip

    def body(signals: Signals) -> int:
        from steepest.cli.train import train

        return train(words, out, resume, config, checkpoint_every, json, quiet, signals)

    running(body)


@app.command(no_args_is_help=True)
def evaluate(
    run: Run,
    source: Source,
    part: Part = "auto",
    target: Target = None,
    image_size: ImageSize = None,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    no_cache: NoCache = False,
) -> None:
    """Show how good a trained model is on SOURCE: accuracy, each class's precision and recall, confusion.

    Of the source that the model was trained on, --part auto takes the rows that were held out then; of one with a test
    part of its own, that part; of any other, all rows.
    """

    def body(signals: Signals) -> int:
        from steepest.cli.evaluate import evaluate

        return evaluate(run, source, part, target, image_size, threads, not no_cache, json, quiet)

    running(body)


@app.command(no_args_is_help=True)
def predict(
    run: Run,
    source: Source,
    out: Annotated[str | None, _text("A .csv or .parquet file. [CSV on stdout]", "FILE")] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add a column for each class with its probability.")] = False,
    part: Part = "all",
    target: Target = None,
    image_size: ImageSize = None,
    threads: Threads = None,
    quiet: Quiet = False,
    no_cache: NoCache = False,
) -> None:
    """Write what a trained model says of every example of SOURCE, which needs no labels."""

    def body(signals: Signals) -> int:
        from steepest.cli.predict import predict

        return predict(run, source, out, proba, part, target, image_size, threads, not no_cache, quiet)

    running(body)


@app.command()
def info(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="The folder of a run, or a model file.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Show versions, the processor and what is active on it; of a run, what its model is and what is proven of it."""

    def body(signals: Signals) -> int:
        from steepest.cli.info import info

        return info(run, json)

    running(body)
