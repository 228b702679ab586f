"""Xavier and He: which start keeps the numbers of a deep network alive.

A layer multiplies the deviation of what goes through it by about the same factor as the layer before, forward and
back. Over 20 layers any factor but 1 is a disaster. With n inputs and n outputs (and numbers of mean 0) it is

    W = N(0, 1) sqrt(2 / (n + n))   Xavier    1 for tanh near 0, where tanh(x) = x;   sqrt(1/2) for relu, 1e-3 in all
    W = N(0, 1) sqrt(2 / n)         He        sqrt(2) for tanh near 0, until it saturates;   1 for relu

for relu sets one half of the numbers to zero, and He's factor 2 makes up for that. Nothing is trained here: one pass
forward and one back show the activations h of each layer, and the gradients dL/dh that come back to it.
"""

import numpy as np
from matplotlib import colormaps

import steepest as st
from _sheet import options, save, sheet

WIDTH, DEPTH = 128, 20
PAIRS = [("tanh", "xavier"), ("tanh", "he"), ("relu", "xavier"), ("relu", "he")]


def look(model, parameters, X, y):
    """Return (h, dL/dh) behind each activation, from the first layer to the last."""
    seen = model.trace(parameters, st.tensor(X))
    *_, scores = seen.values()
    st.losses.softmax(scores, y).mean().backward()  # it writes into every tensor that the loss came from
    return [(h.value, h.grad) for name, h in seen.items() if name.startswith("activation")]


def experiment(quick):
    """Return activations and gradients of every layer, for each activation function and start."""
    rng = np.random.default_rng(0)
    n = 100 if quick else 1000
    X, y = rng.standard_normal((n, WIDTH)), rng.integers(10, size=n)
    found = {}
    for activation, init in PAIRS:
        model = st.nn.MLP([WIDTH] * (DEPTH + 1) + [10], activation, init=init)
        layers = found[activation, init] = look(model, model.init(seed=0), X, y)
        (first, first_gradient), (last, last_gradient) = ((h.std(), g.std()) for h, g in (layers[0], layers[-1]))
        print(
            f"{activation:>4}, {init:<6}  deviation of the activations, layer 1 to {DEPTH}: {first:.2g} to {last:.2g}; "
            f"of the gradients back from {DEPTH} to 1: {last_gradient:.2g} to {first_gradient:.2g}"
        )
    return found


def ridges(axes, layers, low, high):
    """Draw a histogram from low to high for each layer, one above the other; zeros of relu are left out."""
    edges = np.linspace(low, high, 81)
    middles = (edges[1:] + edges[:-1]) / 2
    for k, numbers in enumerate(layers, 1):
        counts = np.histogram(numbers[numbers != 0], edges)[0]
        height = 1.9 * counts / max(1, counts.max())
        colour = colormaps["viridis"](0.05 + 0.8 * (k - 1) / (DEPTH - 1))
        axes.fill_between(middles, k, k - height, color=colour, alpha=0.85, linewidth=0, zorder=k)
        axes.plot(middles, k - height, color="white", linewidth=0.7, zorder=k)
    for k in (1, DEPTH // 2, DEPTH):
        text = f"{np.std(layers[k - 1]):.2g}"
        axes.annotate(text, (high, k), (4, 0), textcoords="offset points", fontsize=9, annotation_clip=False)
    axes.annotate("deviation", (high, -1.4), (4, 0), textcoords="offset points", fontsize=8, annotation_clip=False)
    axes.set(xlim=(low, high), ylim=(DEPTH + 0.3, -1.9), yticks=[1, 5, 10, 15, 20])
    axes.spines.left.set_visible(False)
    axes.tick_params(left=False)


def draw(found):
    """Draw the histograms: activations above, gradients below."""
    figure = sheet(f"Xavier is made for tanh, He for ReLU: {DEPTH} layers, before any training", 12.5, 8.2)
    verdicts = {
        ("tanh", "xavier"): "tanh, Xavier: small, but alive",
        ("tanh", "he"): "tanh, He: saturates, gradients grow",
        ("relu", "xavier"): "ReLU, Xavier: all dies away",
        ("relu", "he"): "ReLU, He: stays as it is",
    }
    grid = figure.subplots(2, len(PAIRS), sharey=True)
    for (above, below), pair in zip(grid.T, PAIRS, strict=True):
        activations, gradients = zip(*found[pair], strict=True)
        above.set_title(verdicts[pair])
        ridges(above, activations, *((-1.05, 1.05) if pair[0] == "tanh" else (-0.15, 3.05)))
        above.set_xlabel("activation h" + (" (zeros left out)" if pair[0] == "relu" else ""))
        reach = 1e5 * 3 * gradients[-1].std()
        ridges(below, [1e5 * gradient for gradient in gradients], -reach, reach)
        below.set_xlabel("gradient dL/dh (1e-5)")
    for axes in grid[:, 0]:
        axes.set_ylabel("layer")
    return figure


if __name__ == "__main__":
    asked = options(__doc__)
    found = experiment(asked.quick)
    save(draw(found), asked.out, "xavier_and_he")
