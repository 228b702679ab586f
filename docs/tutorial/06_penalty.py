"""Step 6. A penalty: of all the weights that fit, the simple ones.

The hinge loss has a hole. If W has loss 0, so has 2 W, and 3 W: the margins only grow. The data alone cannot choose.
And weights that follow every example closely follow its accidents too, and do badly on new ones: *overfitting*.

So a second term is added, which depends on the weights alone and prefers simple ones. This is *regularization*, and R
is the *penalty*:

    L(W) = 1/N * sum_i L_i(f(x_i, W), y_i)  +  alpha * R(W)

    L2            R = sum W^2               prefers many small weights to a few large ones
    L1            R = sum |W|               prefers few weights that are not 0
    elastic net   R = sum (beta W^2 + |W|)  both
    max norm      no column longer than a radius: no price but a fence, to which W is brought back

alpha, a number that you choose, says how much simplicity is worth. Biases are left out: they tell nothing about the
picture. This one formula is what all the rest is about; in steepest it is called the *objective*.
"""

import numpy as np

import steepest as st

# The hole: W fits three examples perfectly, and so does 2 W.
X, y = np.eye(3), np.array([0, 1, 2])
W = 2 * np.eye(3)
for factor in (1, 2, 10):
    data_loss = st.losses.hinge(X @ (factor * W), y).mean()
    print(f"{factor:>2} W: data loss {data_loss:.0f}, penalty R = {st.penalties.l2(factor * W):.0f}")
    assert data_loss == 0

# Two weights with the same score, and a penalty that can tell them apart.
x = np.array([1.0, 1.0, 1.0, 1.0])
w1 = np.array([1.0, 0.0, 0.0, 0.0])
w2 = np.array([0.25, 0.25, 0.25, 0.25])
print("\nx = (1,1,1,1), w1 = (1,0,0,0), w2 = (.25,.25,.25,.25)")
print(f"scores        x.w1 = {x @ w1:.2f}   x.w2 = {x @ w2:.2f}")
assert x @ w1 == x @ w2 == 1
for name in ("l2", "l1", "elastic_net"):
    R = st.penalties.get(name)
    print(f"{name:<12}R(w1) = {R(w1):.2f}  R(w2) = {R(w2):.2f}")
assert (st.penalties.l2(w1), st.penalties.l2(w2)) == (1, 0.25)  # L2 prefers w2, which looks at every feature a little
assert st.penalties.l1(w1) == st.penalties.l1(w2) == 1  # to L1 they are the same
assert st.penalties.ElasticNet(beta=0.5)(w2) == 0.5 * 0.25 + 1

# Max norm is a fence: (3, 4) has length 5 and is brought back to length 1, in its direction.
print("\nmax norm, radius 1: (3, 4) becomes", st.penalties.max_norm.project(np.array([3.0, 4.0])))
assert st.penalties.max_norm.project(np.array([3.0, 4.0])).round(12).tolist() == [0.6, 0.8]

# The whole formula by hand, and by the library: a model (a function of parameters and X), a loss, a penalty, alpha.
alpha = 0.1
by_hand = st.losses.hinge(X @ W, y).mean() + alpha * (W**2).sum()
objective = st.objective.GraphObjective(lambda p, X: X @ p["W"], X, y, loss="hinge", penalty="l2", alpha=alpha)
print(f"\nL(W) by hand {by_hand:.2f}, by the library {objective.value({'W': W}):.2f}")
assert np.isclose(by_hand, objective.value({"W": W}))

# With alpha > 0 the doubled weights are no longer as good, and shrunk ones may be better although they fit less.
for factor in (2, 1, 0.5, 0.4):
    print(f"{factor:>3} W: L = {objective.value({'W': factor * W}):.2f}")
assert objective.value({"W": 0.4 * W}) < objective.value({"W": W}) < objective.value({"W": 2 * W})
