"""Universal approximation: one hidden layer, wide enough, comes as near to any continuous function as you like.

    f(x) = sum_k v_k tanh(w_k x + b_k) + c

Each hidden unit is one soft stair, and a sum of enough stairs is anything. The theorem says that good weights exist;
gradient descent has to find them, and with bad luck stops at poor ones. Try functions of your own:

    python examples/universal_approximation.py --function "abs(x) + sin(5*x)" --low -2 --high 2

The function is read by `st.expression`, which knows formulas and nothing else: no text that you type can do harm. The
network has one number as output, so this is a regression: a loss of two lines on the graph, and Adam.
"""

import sys

import numpy as np

import steepest as st
from _sheet import BLUE, GREY, RED, options, save, sheet

WIDTHS = (1, 2, 4, 8, 16, 32, 64)
FUNCTION = "sin(3*x) + 0.3*x**2"


def start(width):
    """Return a network and its first weights: stairs spread evenly over [-1, 1], the steeper the more they are."""
    model = st.nn.MLP([1, width, 1], "tanh", init="xavier")
    parameters = {name: part.astype(np.float64) for name, part in model.init(seed=0).items()}
    parameters["linear1.W"] = np.sign(parameters["linear1.W"]) * max(1, width / 4)
    places = np.linspace(-1, 1, width + 2)[1:-1]
    parameters["linear1.b"] = -parameters["linear1.W"][0] * places
    return model, parameters


def fit(width, x, y, steps):
    """Return the network's curve after this many steps of Adam on the mean squared error; x and y are columns."""
    model, parameters = start(width)
    error = st.value_and_grad(lambda parameters: ((model(parameters, x) - y) ** 2).mean())
    rule = st.optim.Adam()
    memory = rule.init(parameters)
    for lr in 0.03 * st.optim.schedules.get("cosine")(np.arange(steps), steps):
        _, gradient = error(parameters)
        update, memory = rule.step(gradient, memory, lr)
        parameters = {name: part + update[name] for name, part in parameters.items()}
    return model(parameters, x)


def experiment(function, low, high, quick):
    """Return x, y, and for each width the curve and its error as a share of the deviation of y."""
    if not low < high:
        raise st.InputError(f"--low {low:g} must be less than --high {high:g}")
    x = np.linspace(low, high, 301)[:, np.newaxis]
    y = st.expression(function)(x=x).value
    if not np.isfinite(y).all():
        bad = float(x[~np.isfinite(y)][0])
        raise st.InputError(f"{function} is not finite at x = {bad:g}: choose another --low or --high")
    scale = y.std() or 1.0
    curves, errors = {}, {}
    for width in WIDTHS:
        inside = fit(width, 2 * (x - low) / (high - low) - 1, (y - y.mean()) / scale, 500 if quick else 3000)
        curves[width] = inside * scale + y.mean()
        errors[width] = float(np.sqrt(((curves[width] - y) ** 2).mean()) / scale)
        print(f"{width:>2} hidden units: off by {errors[width]:.2%} of the function's deviation")
    return x, y, curves, errors


def draw(x, y, curves, errors, function):
    """Draw four of the curves, and the error over the width."""
    shown = function if len(function) <= 40 else f"{function[:37]}..."
    figure = sheet(f"One hidden layer learns f(x) = {shown}: the wider, the nearer", 12, 5.4)
    panels = figure.subplot_mosaic([["a", "b", "error"], ["c", "d", "error"]], width_ratios=[1, 1, 1.05])
    room = 0.08 * np.ptp(y) or 1
    for name, width in zip("abcd", (1, 4, 8, WIDTHS[-1]), strict=True):
        axes = panels[name]
        axes.plot(x, y, color="#BBBBBB", linewidth=6, solid_capstyle="round", label="f(x)")
        axes.plot(x, curves[width], color=RED, linewidth=1.8, label="network")
        axes.set_title(f"{width} hidden unit{'s' if width > 1 else ''}: off by {100 * errors[width]:.2g} %")
        axes.set(ylim=(y.min() - room, y.max() + room), xlabel="x", ylabel="f(x)")
        axes.label_outer()
    panels["a"].legend(loc="best", fontsize=9)

    axes = panels["error"]
    axes.loglog(errors.keys(), [100 * error for error in errors.values()], color=BLUE, marker="o")
    axes.set_xticks(WIDTHS, WIDTHS)
    axes.minorticks_off()
    axes.set(xlabel="hidden units", ylabel="error (% of the deviation of f)", title="Error against width")
    axes.axhline(100, color=GREY, linewidth=1, linestyle=":")
    axes.annotate("the best constant", (WIDTHS[-1], 100), (0, -13), textcoords="offset points", color=GREY, ha="right")
    axes.grid(axis="y")
    return figure


if __name__ == "__main__":
    asked = options(__doc__, function=FUNCTION, low=-3.0, high=3.0)
    try:
        found = experiment(asked.function, asked.low, asked.high, asked.quick)
    except st.InputError as wrong:
        sys.exit(f"universal_approximation: {wrong}")
    save(draw(*found, asked.function), asked.out, "universal_approximation")
