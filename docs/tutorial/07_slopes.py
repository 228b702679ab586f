"""Step 7. Slopes: which way is down? Move one number a little, and look.

We have a number to make small, L(W), and many numbers to change, W. Change one of them by a small step h and see what
the loss does. The change of the loss, divided by h, is the *slope* along this number, its *partial derivative*:

    slope_k = (L(W + h in place k) - L(W)) / h

Negative: the loss falls if this number grows. Zero: it does not care. All slopes together, in the shape of W, are the
*gradient*; it points up the steepest way, so a step against it is the best small step down.

Slopes found in this way are called *numerical*. The method is slow, one or two losses for each number in W, and
approximate, for h is not zero. But it needs nothing except L itself, and it is hard to get wrong. So it is the judge of
all the cleverer methods to come.

Lectures show a table of it: a W, its loss 1.25347, and the first three slopes. They do not show the data; those below
have such a loss at such a W. There are two classes, so one score s is enough, with the target t = +1 or -1, and the
hinge of step 3 becomes max(0, 1 - t s).
"""

import numpy as np

import steepest as st

X = np.array([[5.0, -1.2, 0.0], [0.0, 0.0, 10.0]])  # two examples of three features
t = np.array([1, 1])
b = -4.53894
W = np.array([0.34, -1.11, 0.78])


def loss(W):
    """Mean hinge loss of the two examples."""
    return np.maximum(0, 1 - t * (X @ W + b)).mean()


print(f"L(W) = {loss(W):.5f}  at W = {W.tolist()}\n")
assert round(loss(W), 5) == 1.25347

h = 0.0001
slopes = []
for k in range(3):
    moved = W.copy()
    moved[k] += h
    slopes.append((loss(moved) - loss(W)) / h)
    print(f"W[{k}] + {h} = {moved[k]:.4f}:  loss {loss(moved):.5f},  ", end="")
    print(f"slope ({loss(moved):.5f} - {loss(W):.5f}) / {h} = {slopes[k] + 0.0:.1f}")
assert np.allclose(slopes, [-2.5, 0.6, 0])
# The third slope is 0: only the second example has that feature, and its margin is kept. There the hinge is flat.

# The library makes the same table ...
print("\nst.numerical_gradient, with its table:")
table = list(st.numerical_gradient(loss, W, h=h, centred=False, trace=True))
for row in table:
    k = row.coordinate[0]
    print(f"  W[{k}]  {row.W:.4f} -> {row.W_plus_h:.4f}   loss {row.loss:.5f}   slope {row.slope + 0.0:.1f}")
assert [round(row.loss, 5) for row in table] == [1.25322, 1.25353, 1.25347]

# ... and by default steps to both sides, which is better: (L(W + h) - L(W - h)) / 2h. On a curved function the errors
# tell: of one side they shrink as h, of both sides, *centred*, as h * h. Until rounding takes over, for then the two
# losses agree in nearly all their digits, and only noise is left of the difference.
print("\nslope of exp(w) at w = 1, which is e; the errors by the size of the step:")
print("  h        one side   centred")
errors = {}
for exponent in range(-1, -14, -2):
    one = abs(st.numerical_gradient(np.exp, 1.0, h=10.0**exponent, centred=False) - np.e)
    both = abs(st.numerical_gradient(np.exp, 1.0, h=10.0**exponent) - np.e)
    errors[exponent] = one, both
    print(f"  1e{exponent:<4}   {one:.0e}      {both:.0e}")
assert errors[-3][1] < errors[-3][0] / 1000  # centred is better
assert errors[-13][1] > errors[-5][1]  # smaller is not always better
