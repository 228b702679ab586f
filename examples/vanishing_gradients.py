"""Vanishing gradients: why deep networks are not made of sigmoids.

Backward, a gradient is multiplied by the slope of every activation on its way. A sigmoid's slope is 1/4 at best, so
each layer takes about three quarters away: behind 20 layers one part in 10^12 is left, and the first layers stand
still. A relu that is on has the slope 1, and there is nothing to lose.

First the gradients before training, layer by layer, in networks of several depths; then the same networks trained on
handwritten digits for some epochs of plain gradient descent.
"""

import numpy as np
from matplotlib import colormaps

import steepest as st
from _sheet import BLUE, GREY, ORANGE, options, save, sheet

DEPTHS = (2, 5, 10, 20)
KINDS = {"sigmoid": "xavier", "relu": "he"}
MAPS = {"sigmoid": "YlOrBr", "relu": "PuBu"}


def experiment(quick):
    """Return the norms of dL/dW of every layer, and the test accuracy, for each activation and number of layers."""
    train, test = st.load("digits").split(seed=0)
    X = (train.X - train.X.mean(axis=0)) / np.maximum(train.X.std(axis=0), 1)
    norms, accuracy = {}, {}
    for activation, init in KINDS.items():
        for depth in DEPTHS:
            model = st.nn.MLP([64] + [64] * depth + [10], activation, init=init)
            L = st.objective.GraphObjective(model, X, train.y)
            _, gradient = L.value_and_gradient(model.init(seed=0))
            norms[activation, depth] = [
                float(np.linalg.norm(part)) for name, part in gradient.items() if name.endswith(".W")
            ]
            run = st.train(
                model, train, optimizer="sgd", lr=0.02, schedule="constant", batch_size=32, epochs=5 if quick else 30
            )
            accuracy[activation, depth] = run.model.score(test.X, test.y)
            first, *_, last = norms[activation, depth]
            print(
                f"{activation:>7}, {depth:>2} hidden layers: |dL/dW| {last:.2g} in the last layer, {first:.2g} in the "
                f"first; after training {accuracy[activation, depth]:.1%} right"
            )
    return norms, accuracy


def draw(norms, accuracy):
    """Draw the norms over the layers for both activations, and what became of the networks."""
    figure = sheet("Sigmoids let the gradient vanish, ReLUs let it through", 12.5, 4.6)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.1, 1.1, 1])
    middle.sharey(left)
    for axes, activation, title in (
        (left, "sigmoid", "Sigmoid: three quarters are lost in every layer"),
        (middle, "relu", "ReLU: as much arrives as was sent"),
    ):
        for k, depth in enumerate(DEPTHS):
            norm = norms[activation, depth]
            colour = colormaps[MAPS[activation]](0.45 + 0.5 * k / (len(DEPTHS) - 1))
            axes.semilogy(range(1, depth + 2), norm, color=colour, marker="o", markersize=4)
            place, shift = ((1, norm[0]), -15) if activation == "sigmoid" else ((depth + 1, norm[-1]), 9)
            axes.annotate(depth, place, (0, shift), textcoords="offset points", color=colour, ha="center")
        axes.set(title=title, xlabel="layer, from the inputs to the scores", xticks=[1, 5, 10, 15, 21])
        axes.grid(axis="y")
    left.set(ylabel="norm of dL/dW before training", ylim=(3e-14, 20), yticks=10.0 ** np.arange(-12, 1, 2))
    left.annotate("at the curves: hidden layers", (0.97, 0.04), xycoords="axes fraction", ha="right", color=GREY)

    places = np.arange(len(DEPTHS))
    for activation, colour, shift in (("sigmoid", ORANGE, -0.2), ("relu", BLUE, 0.2)):
        heights = [100 * accuracy[activation, depth] for depth in DEPTHS]
        bars = right.bar(
            places + shift, heights, 0.38, color=colour, label={"relu": "ReLU"}.get(activation, activation)
        )
        right.bar_label(bars, fmt="%.0f", fontsize=9, color=colour)
    right.axhline(10, color=GREY, linewidth=1, linestyle=":")
    right.set(title="Trained: deep sigmoids learn nothing", xlabel="hidden layers", xticks=places, xticklabels=DEPTHS)
    right.set(ylabel="test examples that are right (%)", ylim=(0, 122), yticks=range(0, 101, 20))
    right.legend(loc="upper right", ncols=2)
    return figure


if __name__ == "__main__":
    asked = options(__doc__)
    found = experiment(asked.quick)
    save(draw(*found), asked.out, "vanishing_gradients")
