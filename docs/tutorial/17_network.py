"""Step 17. A network of two layers: trained, checked, and better.

A linear classifier cuts the plane with straight lines; where classes wind around each other it must fail. Put a second
layer in front of it, as XOR needed in step 2:

    H = relu(X W1 + b1)        hidden layer, (N, H): H units, each a score put through an *activation function*
    scores = H W2 + b2         (N, C): a linear classifier, which looks at the hidden units instead of the inputs

relu(z) = max(0, z) is the activation to begin with. There must be one: without it the two layers are one again, for
(X W1) W2 = X (W1 W2). Each relu bends the plane along a line, and the classifier cuts the bent plane straight.

Nothing else is new. The loss is that of step 4, the penalty that of step 6, the gradient comes from the graph of step
11, is checked as in step 14, and the steps are those of step 15. By hand the gradient is a walk back, layer by layer:

    delta2 = (a - y) / N                   a: probabilities (N, C), y: one-hot labels; for softmax this is all
    dL/dW2 = H' delta2                     what came in, times delta
    delta1 = (delta2 W2') * [H > 0]        back through W2, then through relu, which lets through where it was on
    dL/dW1 = X' delta1

The weights must not start at 0: all hidden units would stay equal for ever. They start at random, with the deviation
sqrt(2 / inputs), named after *He*, which keeps the size of the numbers from layer to layer.
"""

import numpy as np

import steepest as st

train, test = st.load("spiral").split(seed=0)
X, y, C, H = train.X.astype(float), train.y, 3, 32
rng = np.random.default_rng(0)
p = {
    "W1": rng.standard_normal((2, H)) * np.sqrt(2 / 2),
    "b1": np.zeros(H),
    "W2": rng.standard_normal((H, C)) * np.sqrt(2 / H),
    "b2": np.zeros(C),
}
size = sum(array.size for array in p.values())
print(f"three spirals: {len(X)} points to train on, {len(test)} to judge by; a network of {size} parameters")


def network(p, X):
    """Scores (N, C)."""
    return st.relu(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def accuracy(predicted, y):
    """Share of the right answers."""
    return (predicted == y).mean()


L = st.objective.GraphObjective(network, X, y, loss="softmax", penalty="l2", alpha=1e-4)

# Is the gradient right? Against the walk back by hand, and against numerical slopes.
_, gradient = L.data_term().value_and_gradient(p)
hidden = np.maximum(0, X @ p["W1"] + p["b1"])
delta2 = (st.losses.softmax.probabilities(network(p, X)) - np.eye(C)[y]) / len(X)
delta1 = (delta2 @ p["W2"].T) * (hidden > 0)
by_hand = {"W1": X.T @ delta1, "b1": delta1.sum(axis=0), "W2": hidden.T @ delta2, "b2": delta2.sum(axis=0)}
for name in p:
    apart = np.abs(gradient[name] - by_hand[name]).max()
    print(f"dL/d{name}: shape {gradient[name].shape}, graph and hand differ by {apart:.0e}")
    assert np.allclose(gradient[name], by_hand[name])
# A small step h: there is a kink for each unit and each point, 32 times 240, and a long step would cross some of them.
check = st.check_gradient(L, p, most=20, h=1e-6)
print(str(check).splitlines()[0])
assert check.passed

# Two layers without an activation are one.
linear = (X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
assert np.allclose(linear, X @ (p["W1"] @ p["W2"]) + (p["b1"] @ p["W2"] + p["b2"]))

# All weights alike: then each hidden unit gets the slopes that the next one gets, and they stay one unit, 32 times.
alike = L.value_and_gradient({name: np.full_like(array, 0.1) for name, array in p.items()})[1]["W1"]
print("started alike, the hidden units have slopes", alike[0, :3].round(4), "... and stay alike; so start at random")
assert np.allclose(alike, alike[:, :1])

# Train. The set is small, so each step takes all of it.
print("\nstep   loss   accuracy on the training points")
rule = st.optim.Momentum(mu=0.9)
memory = rule.init(p)
for step in range(401):
    loss, gradient = L.value_and_gradient(p)
    if step % 100 == 0:
        print(f"{step:>4}   {loss:.3f}   {accuracy(network(p, X).argmax(axis=1), y):.1%}")
    update, memory = rule.step(gradient, memory, lr=0.5)
    p = {name: p[name] + update[name] for name in p}

# The rival: the best that straight lines can do.
rival = st.LinearClassifier().fit(train.X, train.y)
of_rival, of_network = rival.score(test.X, test.y), accuracy(network(p, test.X).argmax(axis=1), test.y)
print(f"\ntest accuracy: linear classifier {of_rival:.1%}, two layers {of_network:.1%}")
assert of_rival < 0.65
assert of_network > 0.93


def show(title, classify):
    """Print the class of each place of the plane, from -1 to 1."""
    across, up = np.meshgrid(np.linspace(-1, 1, 48), np.linspace(1, -1, 20))
    places = np.column_stack([across.ravel(), up.ravel()])
    print(f"\n{title}")
    for row in classify(places).reshape(across.shape):
        print("  " + "".join(".o#"[label] for label in row))


show("the plane, by the linear classifier:", rival.predict)
show("the plane, by two layers:", lambda places: network(p, places).argmax(axis=1))

print("""
Where to go next
  change H to 3, alpha to 0.1 or lr to 5, and say before each run what you expect; the asserts may object
  another activation, a third layer: change `network` and p; only the walk back by hand must go, the graph follows
  st.load("digits"), a folder of pictures, a table: the same lines train on those
  python -m pydoc steepest.losses    the nine losses, each with its equation
  steepest train digits              the whole of it from the shell
  docs/decisions, CONTRIBUTING.md    how the library is made, and how to add to it""")
