"""Three, six and twenty hidden units, and the penalty: what a network can bend to, and what it should.

A network of relus is piecewise linear. Each hidden unit folds the plane along a line, so that the scores are linear
within each piece between the folds, and `st.nn.linear_regions` counts the pieces exactly. Three units are too few for
three spiral arms. Twenty have so many pieces that they bend around single points, which is learning the noise by heart.

The cure is a penalty, not fewer units: it asks for small weights, and so for gentle folds. Too much of it, and the
network no longer bends to the arms either.
"""

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import ListedColormap

import steepest as st
from _sheet import BLUE, GREEN, RED, options, save, sheet

BOX = np.array([(-1.15, 1.15), (-1.15, 1.15)])
NETWORKS = [(3, 0.0), (6, 0.0), (20, 0.0), (20, 1e-4), (20, 1e-3), (20, 1e-2)]
"""Hidden units, and the strength alpha of the penalty."""


def pieces_of(run):
    """Return the corners of each linear piece in the box."""
    network = run.model.function
    shift, scale = network.scaling  # the network sees (x - shift) scale
    box = (BOX - shift[:, np.newaxis]) * scale[:, np.newaxis]
    found = st.nn.linear_regions(network.model, network.parameters, box, pieces=True)
    return [piece.polygon / scale + shift for piece in found]


def experiment(quick):
    """Return the training points, and for each network its run, its pieces, its accuracy on them and on new points."""
    train = st.load("spiral:n=150,noise=0.5")
    new = st.load("spiral:n=3000,noise=0.5,seed=1")
    found = {}
    for units, alpha in NETWORKS:
        run = st.train(
            st.nn.MLP([2, units, 3]), train, optimizer="adam", lr=0.05, batch_size=len(train),
            epochs=2000 if quick else 3000, penalty="l2", alpha=alpha, seed=1, threads=1,
        )  # fmt: skip
        pieces, known, unknown = pieces_of(run), run.model.score(train.X, train.y), run.model.score(new.X, new.y)
        found[units, alpha] = run, pieces, known, unknown
        print(
            f"{units:>2} units, alpha {alpha:<6g}  {len(pieces):>3} linear pieces; right: {known:.1%} of the training "
            f"points, {unknown:.1%} of new ones"
        )
    return train, found


def draw(train, found):
    """Draw regions, pieces and points of every network."""
    figure = sheet("More units make more pieces; the penalty keeps them in order", 11.4, 8.7)
    strong, soft = ListedColormap([BLUE, RED, GREEN]), ListedColormap(["#BBD9EC", "#F6CFB0", "#B5E2D3"])
    across, up = (np.linspace(low, high, 400) for low, high in BOX)
    plane = np.stack(np.meshgrid(across, up), axis=-1)
    for axes, ((units, alpha), (run, pieces, known, unknown)) in zip(
        figure.subplots(2, 3, sharex=True, sharey=True).flat, found.items(), strict=True
    ):
        label = run.model.scores(plane.reshape(-1, 2)).argmax(axis=1).reshape(plane.shape[:2])
        axes.imshow(label, extent=BOX.ravel(), origin="lower", cmap=soft, vmin=0, vmax=2, interpolation="nearest")
        axes.add_collection(PolyCollection(pieces, facecolor="none", edgecolor="#00000038", linewidth=0.6))
        for c, marker in enumerate("os^"):
            x1, x2 = train.X[train.y == c].T
            axes.scatter(x1, x2, 20, color=strong(c), marker=marker, edgecolor="white", linewidth=0.6)
        penalty = f", alpha = {alpha:g}" if alpha else ""
        axes.set_title(
            f"{units} hidden units{penalty}: {len(pieces)} pieces\n"
            f"right: {100 * known:.0f} % of these points, {100 * unknown:.0f} % of new ones"
        )
        axes.set(xlim=BOX[0], ylim=BOX[1], xticks=[-1, 0, 1], yticks=[-1, 0, 1], xlabel="x1", ylabel="x2")
        axes.label_outer()
    figure.supxlabel("shades: the class with the highest score;  lines: the borders of the linear pieces", fontsize=10)
    return figure


if __name__ == "__main__":
    asked = options(__doc__)
    found = experiment(asked.quick)
    save(draw(*found), asked.out, "hidden_units")
