"""Step 15. Descent: step against the gradient, and again.

With a gradient, training is one line, repeated:

    W  <-  W - lr * dL/dW

This is *gradient descent*. lr, the *learning rate*, says how long the steps are, and it is the number to get right. The
losses of the steps, drawn one after another, are the *loss curve*, and its shape tells:

    very high   the loss grows: each step jumps over the valley, and lands higher on the other side
    high        it falls fast, and then stays up: the steps are too long to get down to the ground
    low         it falls, but slowly
    good        it falls fast at first, then less and less, and ends low

The exact gradient needs all examples for one step. A *mini-batch* of 32, 64, 128 or 256 of them, drawn at random, gives
nearly the same direction for a fraction of the work: *stochastic gradient descent*, SGD. Its loss curve is noisy, for
each batch is another sample, and it falls all the same. One pass over all examples is an *epoch*.

Other *step rules* remember past steps. *Momentum* keeps a velocity, v <- mu v + g, and moves along it: W <- W - lr v.
In the library a step rule is a small thing without a will: gradient and memory in, update and memory out.
"""

import numpy as np

import steepest as st

# One number first: L(w) = w^2, slope 2 w, from w = 1. Each step multiplies w by (1 - 2 lr).
print("L(w) = w^2 from w = 1, its loss at every step")
ends = {}
for lr, word in [(1.1, "very high"), (1.0, "high"), (0.01, "low"), (0.3, "good")]:
    w, curve = 1.0, []
    for _ in range(8):
        curve.append(w**2)
        w = w - lr * 2 * w
    ends[word] = curve[-1]
    print(f"  lr = {lr:<5} {word:<10}", " ".join(f"{loss:6.3f}" for loss in curve))
assert ends["very high"] > 10
assert ends["high"] == 1
assert 0.5 < ends["low"] < 1
assert ends["good"] < 1e-5

# Now a real classifier: handwritten digits of 8 x 8 pixels, D = 64, C = 10. Part of the examples is kept aside: a
# classifier is judged on pictures that it was not trained on.
train, test = st.load("digits").split(seed=0)
X, y = train.X / 16, train.y  # pixels are 0 ... 16 in this set


def model(p, X):
    """Scores (N, C)."""
    return X @ p["W"] + p["b"]


def accuracy(p, X, y):
    """Share of the examples for which the highest score is that of the true class."""
    return (model(p, X).argmax(axis=1) == y).mean()


L = st.objective.GraphObjective(model, X, y, loss="softmax", penalty="l2", alpha=1e-4)


def descend(lr, rule, epochs=10, batch_size=64):
    """Train from zero; return the parameters and the loss of each mini-batch."""
    p = {"W": np.zeros((64, 10)), "b": np.zeros(10)}
    memory = rule.init(p)
    curve, rng = [], np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(len(X))
        for first in range(0, len(X), batch_size):
            loss, gradient = L.value_and_gradient(p, rows=order[first : first + batch_size])
            update, memory = rule.step(gradient, memory, lr)
            p = {name: p[name] + update[name] for name in p}
            curve.append(loss)
    return p, np.array(curve)


print(f"\n{len(X)} digits, softmax; mean loss of the mini-batches of each epoch; at the start log 10")
last, reached = {}, {}
for lr, word in [(100, "very high"), (20, "high"), (0.003, "low"), (2.0, "good")]:
    p, curve = descend(lr, st.optim.SGD())
    last[word], reached[word] = curve[-50:].mean(), accuracy(p, test.X / 16, test.y)
    epochs = np.array_split(curve, 10)
    print(f"  lr = {lr:<6} {word:<10}", " ".join(f"{epoch.mean():5.2f}" for epoch in epochs), end="")
    print(f"   test accuracy {reached[word]:.1%}")
    assert round(curve[0], 2) == 2.30  # W = 0: log C
assert last["very high"] > 10  # far above the start
assert last["high"] > 2 * last["good"]
assert 2 < last["low"] < 2.3
assert last["good"] < 0.2
assert reached["good"] > 0.94

# The good curve at the finest: noisy from batch to batch, and falling.
print("\nlr = 2, the first 12 mini-batches:", " ".join(f"{loss:.2f}" for loss in curve[:12]))
assert (np.diff(curve) > 0).mean() > 0.3  # more than every third step goes up

# Momentum goes on where the slope points the same way step after step: a low rate gets further with it.
_, plain = descend(0.03, st.optim.SGD())
_, rolling = descend(0.03, st.optim.Momentum(mu=0.9))
print(f"\nlr = 0.03, last loss: SGD {plain[-50:].mean():.2f}, momentum {rolling[-50:].mean():.2f}")
assert rolling[-50:].mean() < plain[-50:].mean() / 2
