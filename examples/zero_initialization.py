"""Start at zero, and all hidden units stay one unit.

Units of a layer that start alike see the same inputs and send to the same outputs through equal weights. So they get
the same gradient and take the same step, for ever: eight units are worth one. With sigmoids the weights do move, all
in the same way; relu and tanh of zero are zero, and then not even that happens, for no gradient gets through.

Random weights break the tie, and nothing else is needed. Here the same network of eight sigmoids learns handwritten
digits from both starts, and the weights of each unit are shown as the picture that it looks for.
"""

import numpy as np

import steepest as st
from _sheet import BLUE, GREY, ORANGE, options, save, sheet

UNITS = 8
COLOURS = {"zeros": ORANGE, "he": BLUE}


def experiment(quick):
    """Return the weights W (64, 8) and the test accuracy after every epoch, for both starts."""
    train, test = st.load("digits").split(seed=0)
    weights, accuracy = {}, {}
    for init in COLOURS:
        weights[init], accuracy[init] = [], []

        def look(run, seen=weights[init], right=accuracy[init]):
            seen.append(run.model.function.parameters["linear1.W"].copy())
            right.append(run.model.score(test.X, test.y))

        st.train(
            st.nn.MLP([64, UNITS, 10], "sigmoid", init=init), train, optimizer="sgd", lr=0.5, schedule="constant",
            batch_size=32, epochs=5 if quick else 30, callbacks=[look],
        )  # fmt: skip
        apart = max(float(np.ptp(W, axis=1).max()) for W in weights[init])
        print(
            f"{init:>5}: the units' weights differ by up to {apart:.3g}; {accuracy[init][-1]:.1%} of new digits right"
        )
    return weights, accuracy


def draw(weights, accuracy):
    """Draw the weights of the units, and the accuracy over the epochs."""
    figure = sheet("Hidden units that start at zero never come apart", 12, 3.6)
    *blocks, right = figure.subfigures(1, 3, width_ratios=[1, 1, 1.05])
    titles = {
        "zeros": f"From zero: {UNITS} times the same unit, to the last bit",
        "he": f"From random weights (He): {UNITS} units, {UNITS} jobs",
    }
    for block, init in zip(blocks, COLOURS, strict=True):
        block.suptitle(titles[init], x=0.03, ha="left", fontsize=10.5)
        W = weights[init][-1]
        for unit, axes in enumerate(block.subplots(2, UNITS // 2).flat):
            axes.imshow(W[:, unit].reshape(8, 8), cmap="PuOr", vmin=-abs(W).max(), vmax=abs(W).max())
            axes.set(xticks=[], yticks=[], xlabel=f"unit {unit + 1}")
            axes.spines[:].set_visible(False)

    axes = right.subplots()
    for init, name in (("he", "random"), ("zeros", "zero")):
        right_ones = [100 * share for share in accuracy[init]]
        epochs = range(1, len(right_ones) + 1)
        axes.plot(epochs, right_ones, color=COLOURS[init])
        axes.annotate(
            f"from {name}: {right_ones[-1]:.0f} %", (epochs[-1], max(right_ones)), (0, 6), color=COLOURS[init],
            textcoords="offset points", ha="right",
        )  # fmt: skip
    axes.axhline(10, color=GREY, linewidth=1, linestyle=":")
    axes.annotate("guessing: 10 %", (epochs[-1], 10), (0, -13), textcoords="offset points", color=GREY, ha="right")
    axes.set(title="One unit cannot tell ten digits apart", xlabel="epoch", ylim=(0, 108), yticks=range(0, 101, 20))
    axes.set_ylabel("test examples that are right (%)")
    axes.grid(axis="y")
    return figure


if __name__ == "__main__":
    asked = options(__doc__)
    found = experiment(asked.quick)
    save(draw(*found), asked.out, "zero_initialization")
