"""Four learning rates, four curves: diverging, stuck on a plateau, good, slow.

The same network on handwritten digits, from the same weights, each step on all the examples; the rate alone differs.

    very high  each step lands higher on the other side of the valley, until numbers end
    high       it does not diverge, but every step is too long to get down to the bottom: a plateau, with jumps
    good       down at once, and ever further down
    low        down as well, some day

When a run diverges, steepest stops it with an error that names the step, the layer and what to do.
"""

import steepest as st
from _sheet import BLUE, GREEN, ORANGE, RED, options, save, sheet

RATES = {"very high": 4.0, "high": 2.5, "good": 0.5, "low": 0.001}
COLOURS = {"very high": RED, "high": ORANGE, "good": GREEN, "low": BLUE}


def experiment(quick):
    """Return the loss before each step for each rate, and the error of the run that diverged."""
    train = st.load("digits").split(seed=0)[0]
    losses, error = {}, None
    for name, lr in RATES.items():
        try:
            history = st.train(
                st.nn.MLP([64, 64, 64, 10]), train, optimizer="sgd", lr=lr, schedule="constant",
                batch_size=len(train), epochs=40 if quick else 150,  # a step on all examples is an epoch
            ).history  # fmt: skip
            print(f"{name:>9}, lr {lr:<5g}  loss {history[0]['loss']:.2f} -> {history[-1]['loss']:.3f}")
        except st.DivergenceError as diverged:
            history, error = diverged.history, str(diverged)
            print(f"{name:>9}, lr {lr:<5g}  {error}")
        losses[name] = [record["loss"] for record in history]
    return losses, error


def draw(losses, error):
    """Draw the loss over the steps."""
    figure = sheet("The learning rate decides what the loss curve looks like", 10, 5.6)
    axes = figure.subplots()
    said = {
        "very high": f"very high, {RATES['very high']:g}: diverges",
        "high": f"high, {RATES['high']:g}: stays on a plateau",
        "good": f"good, {RATES['good']:g}",
        "low": f"low, {RATES['low']:g}: slow",
    }
    for name, curve in losses.items():
        axes.semilogy(range(len(curve)), curve, color=COLOURS[name], marker="x" if name == "very high" else None)
        end = (len(curve) - 1, curve[-1])
        axes.annotate(
            said[name], end, (8, 4 if name == "low" else -4), textcoords="offset points", color=COLOURS[name],
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    last = max(map(len, losses.values())) - 1
    axes.set(xlim=(-0.01 * last, 1.3 * last), ylim=(3e-3, 2e6), xticks=range(0, last + 2, 10 if last < 50 else 25))
    axes.set(xlabel="steps of gradient descent", ylabel="mean loss on the training examples")
    axes.set_title("Softmax loss of a 64-64-64-10 network on the digits, each step on all of them")
    axes.spines.bottom.set_bounds(0, last + 1)
    axes.grid(axis="y")
    cause = error.replace("; ", ";\n").replace(": ", ":\n", 1).replace(", and ", ",\nand ")
    axes.annotate(
        f"DivergenceError:\n{cause}", (0.3, 0.97), xycoords="axes fraction", va="top", family="monospace", fontsize=8.5,
        color=RED, bbox={"boxstyle": "round,pad=0.6", "facecolor": "#FDF3EE", "edgecolor": RED},
    )  # fmt: skip
    return figure


if __name__ == "__main__":
    asked = options(__doc__)
    found = experiment(asked.quick)
    save(draw(*found), asked.out, "learning_rates")
