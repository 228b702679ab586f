"""Step 8. The gradient by hand: exact, fast, and easy to get wrong.

For a picture classifier W may have 30,720 numbers; numerical slopes would take 61,440 losses for each step. But the
loss is a formula, and calculus gives its derivatives as formulas, too. That is the *analytic* gradient. It comes in two
parts, and the second is the same for all losses:

    softmax        dL_i/ds_j = p_j - [j == y]               [j == y] is 1 for the true class, else 0
    hinge          dL_i/ds_j = 1 for each wrong class that misses its margin, else 0;
                   dL_i/ds_y = minus the number of those
    scores = X W   dL/dW = X' dL/dscores / N                (D, C) = (D, N) (N, C);  X' is X with its axes swapped
    b              dL/db = sum over the examples of dL/dscores / N
    alpha R        d(alpha sum W^2)/dW = 2 alpha W

The first line reads well: each score is pushed down by its probability, and the true class is pulled up by 1.

"Exact and fast" holds if no mistake was made. So there is a rule: write the gradient by hand, and *check* it against
the numerical one. A mistake is found below.
"""

import numpy as np

import steepest as st

rng = np.random.default_rng(0)
N, D, C, alpha = 5, 4, 3, 0.1
X, y = rng.standard_normal((N, D)), np.array([0, 1, 2, 0, 1])
W, b = rng.standard_normal((D, C)), rng.standard_normal(C)


def objective(W, b, loss):
    """Mean loss plus penalty."""
    return loss(X @ W + b, y).mean() + alpha * (W**2).sum()


def dscores_softmax(scores):
    """Derivative of each softmax loss by its scores, (N, C)."""
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    p[np.arange(N), y] -= 1
    return p


def dscores_hinge(scores):
    """Derivative of each hinge loss by its scores, (N, C)."""
    true = scores[np.arange(N), y][:, np.newaxis]
    d = (scores - true + 1 > 0).astype(float)
    d[np.arange(N), y] = 0
    d[np.arange(N), y] = -d.sum(axis=1)
    return d


def gradient(W, b, dscores):
    """Derivatives of the objective by W, (D, C), and by b, (C,)."""
    d = dscores(X @ W + b) / N
    return X.T @ d + 2 * alpha * W, d.sum(axis=0)


def difference(a, b):
    """Largest difference between two gradients, relative to the largest slope."""
    return np.abs(a - b).max() / np.abs(b).max()


for loss, dscores in [(st.losses.softmax, dscores_softmax), (st.losses.hinge, dscores_hinge)]:
    dW, db = gradient(W, b, dscores)
    dW_numerical = st.numerical_gradient(lambda W, loss=loss: objective(W, b, loss), W)
    db_numerical = st.numerical_gradient(lambda b, loss=loss: objective(W, b, loss), b)
    print(f"{loss.name}: dL/db by hand {db.round(4)}, numerical {db_numerical.round(4) + 0.0}")
    print(f"  relative difference: {difference(dW, dW_numerical):.0e} in W, {difference(db, db_numerical):.0e} in b")
    assert dW.shape == W.shape  # the derivative of a number by a matrix has the shape of the matrix
    assert difference(dW, dW_numerical) < 1e-6
    assert difference(db, db_numerical) < 1e-6
    # Each loss of the library brings the first part, written by hand as above.
    assert np.allclose(loss.gradient(X @ W + b, y), dscores(X @ W + b))

# One gradient by hand to look at: the cat of step 4, with probabilities 0.13 0.87 0.00.
print("\nscores 3.2 5.1 -1.7, a cat: dL/dscores =", st.losses.softmax.gradient([3.2, 5.1, -1.7], 0).round(2))
assert st.losses.softmax.gradient([3.2, 5.1, -1.7], 0).round(2).tolist() == [-0.87, 0.87, 0.0]

# Now a typical slip: somebody forgets to divide by N.
slip = X.T @ dscores_softmax(X @ W + b) + 2 * alpha * W
error = difference(slip, st.numerical_gradient(lambda W: objective(W, b, st.losses.softmax), W))
print(f"without the division by N the relative difference is {error:.1f}: found")
assert error > 1

print(f"\nnumerical: {2 * W.size} losses for one gradient; by hand: about as much work as two")
print(f"for 3072 features and 10 classes it would be {2 * 3072 * 10:,} losses")
