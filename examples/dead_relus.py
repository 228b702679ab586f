"""Dead ReLUs: a learning rate too large switches units off, most of them for good.

relu(z) = max(0, z) has the slope 0 where z < 0. One long step can push a unit so far that z < 0 for every example:
then no example sends a gradient to it, and it is dead. Nothing of its own can wake it up; only the layer before may
happen to move its inputs. When a whole layer is dead, the scores no longer depend on the inputs at all.

Here the units of the second hidden layer are counted that are zero on every training example, after each epoch, at
several rates of Adam. A leaky relu keeps a slope of 0.01 below zero: its units can come back.
"""

from matplotlib import colormaps
from matplotlib.ticker import NullFormatter

import steepest as st
from _sheet import BLUE, GREY, RED, options, save, sheet

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
UNITS = 64


def share_of_dead(run):
    """Return the share of units of the second hidden layer that are zero for every training example."""
    network = run.model.function  # layers, weights, and the scaling of the features
    first_half = st.nn.Sequential(network.model.layers[:4])  # linear, relu, linear, relu
    parameters = {name: part for name, part in network.parameters.items() if not name.startswith("linear3")}
    h = first_half(parameters, (run.data.X - network.scaling.shift) * network.scaling.scale)
    return float((h <= 0).all(axis=0).mean())


def experiment(quick):
    """Return the share of dead units after each epoch by rate, and the test accuracy by activation and rate."""
    train, test = st.load("digits").split(seed=0)
    dead, accuracy = {}, {}
    for lr in RATES:
        for activation in ("relu", "leaky_relu"):
            shares = []
            run = st.train(
                st.nn.MLP([64, UNITS, UNITS, 10], activation), train, optimizer="adam", lr=lr, schedule="constant",
                batch_size=32, epochs=4 if quick else 20, threads=1,
                callbacks=[lambda run, seen=shares: seen.append(share_of_dead(run))],
            )  # fmt: skip
            accuracy[activation, lr] = run.model.score(test.X, test.y)
            if activation == "relu":
                dead[lr] = shares
        print(
            f"lr {lr:<5g}  dead relus {dead[lr][-1]:>4.0%};  right: {accuracy['relu', lr]:.1%} with relu, "
            f"{accuracy['leaky_relu', lr]:.1%} with leaky relu"
        )
    return dead, accuracy


def draw(dead, accuracy):
    """Draw the share of dead units over the epochs, and the accuracy over the rates."""
    figure = sheet("At a large learning rate ReLUs die, and few come back", 11.5, 4.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    for k, (lr, shares) in enumerate(dead.items()):
        colour = colormaps["inferno"](0.85 - 0.8 * k / (len(dead) - 1))
        epochs = range(1, len(shares) + 1)
        left.plot(epochs, [100 * share for share in shares], color=colour, label=f"{lr:g}", clip_on=False)
    left.set(title="Units of the second layer that are zero on every example", xlabel="epoch", ylim=(-2, 102))
    left.set(ylabel=f"dead units (% of {UNITS})", xlim=(1, None), xticks=range(2, epochs[-1] + 1, 2))
    left.legend(title="learning rate", loc="center left", bbox_to_anchor=(1, 0.5), reverse=True)
    left.grid(axis="y")

    for activation, colour, name in (("leaky_relu", BLUE, "leaky ReLU"), ("relu", RED, "ReLU")):
        heights = [100 * accuracy[activation, lr] for lr in dead]
        right.semilogx(list(dead), heights, color=colour, marker="o")
        right.annotate(name, (RATES[-1], heights[-1]), (0, 9), textcoords="offset points", color=colour, ha="right")
    right.axhline(10, color=GREY, linewidth=1, linestyle=":")
    right.annotate("guessing: 10 %", (RATES[0], 10), (0, -13), textcoords="offset points", color=GREY)
    right.set(title="What the network can still do", xlabel="learning rate of Adam", ylim=(0, 108))
    right.set(ylabel="test examples that are right (%)", yticks=range(0, 101, 20))
    right.set_xticks(RATES, [f"{lr:g}" for lr in RATES])
    right.xaxis.set_minor_formatter(NullFormatter())
    right.grid(axis="y")
    return figure


if __name__ == "__main__":
    asked = options(__doc__)
    found = experiment(asked.quick)
    save(draw(*found), asked.out, "dead_relus")
