"""Step 14. The gradient check: trust, and measure.

A wrong gradient seldom crashes. The loss goes down a little less well, and weeks are lost. So whoever writes a
gradient, by hand or as a new operation, compares it with numerical slopes, at a random point, in double precision.
That is a *gradient check*, and `st.check_gradient` does it: coordinate by coordinate, and along random directions.

    relative error = |automatic - numerical| / max(|automatic|, |numerical|)

About 1e-7 or less is right; 1e-2 is wrong. Three traps lie in the way, and each is shown here:

- *the forgotten penalty*: a small alpha hides behind the data, and at W = 0, where many like to check, R has no slope
  at all. So check at random weights, and the penalty by itself: an objective of the library is checked as a whole, its
  data term alone, and its penalty alone;
- *kinks*: where max(0, .) turns there is no derivative, left and right differ, and any slope between is right;
- *rounding*: in single precision (float32, 7 digits) slopes drown in noise.
"""

import numpy as np

import steepest as st

rng = np.random.default_rng(0)
X, y = rng.standard_normal((20, 4)), np.arange(20) % 3
at = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}


def model(p, X):
    """Scores (N, C)."""
    return X @ p["W"] + p["b"]


L = st.objective.GraphObjective(model, X, y, loss="softmax", penalty="l2", alpha=0.01)
check = st.check_gradient(L, at)
print(check)
assert check.passed


# Somebody writes the gradient by hand, and forgets the penalty.
def forgetful(p):
    """Gradient of the mean loss, and of nothing else."""
    d = (st.losses.softmax.probabilities(model(p, X)) - np.eye(3)[y]) / len(X)
    return {"W": X.T @ d, "b": d.sum(axis=0)}


check = st.check_gradient(L, at, gradient=forgetful)
print(f"\nthe penalty forgotten:\n{check}")
assert not check.passed
assert {c.name[0] for c in check.coordinates if c.verdict == "wrong"} == {"W", "d"}  # W and directions, but never b

# At W = 0 the same mistake passes, for the slope of R is 0 there.
zero = {"W": np.zeros((4, 3)), "b": np.zeros(3)}
print("\nthe same at W = 0:", str(st.check_gradient(L, zero, gradient=forgetful)).splitlines()[0])
assert st.check_gradient(L, zero, gradient=forgetful).passed


# A kink: the scores (10, 9, 9) of step 5 sit exactly at the margin of the hinge.
def hinge(s):
    """Hinge loss of one example of the first class."""
    return st.losses.hinge(s, 0)


check = st.check_gradient(hinge, [10.0, 9.0, 9.0])
print(f"\nhinge at (10, 9, 9):\n{check}")
assert check.passed
assert len(check.kinks) > 0
check = st.check_gradient(hinge, [10.0, -2.0, 3.0])
assert check.passed
assert not check.kinks


# Rounding: the same function with its numbers cut to single precision on the way.
def coarse(w):
    """1000 + sum w^3, in float32."""
    return np.float32(1000 + (np.asarray(w) ** 3).sum())


check = st.check_gradient(coarse, [0.1, 0.2], gradient=lambda w: 3 * w**2)
print(f"\nin float32:\n{check}")
assert not check.passed
assert st.check_gradient(lambda w: 1000 + (w**3).sum(), [0.1, 0.2]).passed
