"""Step 4. Softmax: from scores to probabilities, and a loss that is never content.

A score has no unit: is 3.2 sure, or unsure? *Softmax* turns the scores of an example into *probabilities*, which are
positive and sum to 1. The *exponential* makes them positive, a division makes them sum to 1:

    p_j = exp(s_j) / sum_k exp(s_k)

The loss looks at the probability of the true class and takes its *negative logarithm*: 0 if the class is certain,
large if it was held to be unlikely:

    L_i = -log p_y                  natural logarithm, to the base e; the unit is the *nat*

It has many names. It is the *negative log-likelihood*: the smallest mean of it is the *maximum likelihood*, the
weights under which the labels that we saw were most probable. And it is the *cross-entropy* between the wanted
distribution t, which is 1 for the true class and 0 else (*one-hot*), and p:

    H(t, p) = -sum_j t_j log p_j    which is -log p_y; it equals the distance KL(t, p), for a one-hot t has no entropy

It lies between 0 and infinity, and reaches neither.
"""

import math

import numpy as np

import steepest as st


def softmax(s):
    """Probabilities of one example."""
    e = np.exp(s)
    return e / e.sum()


print("scores 3.2 5.1 -1.7 (cat, car, frog), and it is a cat")
s = np.array([3.2, 5.1, -1.7])
e, p = np.exp(s), softmax(s)
print(f"  exp             {e[0]:.1f} {e[1]:.1f} {e[2]:.2f}")
print(f"  probabilities   {p[0]:.2f} {p[1]:.2f} {p[2]:.2f}")
print(f"  loss            -ln {p[0]:.2f} = {-np.log(p[0]):.2f}   (a log to the base 10 gives {-np.log10(p[0]):.2f})")
assert (round(e[0], 1), round(e[1], 1), round(e[2], 2)) == (24.5, 164.0, 0.18)
assert p.round(2).tolist() == [0.13, 0.87, 0.00]
assert round(-np.log(p[0]), 2) == 2.04
assert round(-np.log10(p[0]), 2) == 0.89

print("scores -2.85 0.86 0.28, and it is the third")
s = np.array([-2.85, 0.86, 0.28])
e, p = np.exp(s), softmax(s)
print(f"  exp             {e[0]:.3f} {e[1]:.2f} {e[2]:.2f}")
print(f"  probabilities   {p[0]:.4f} {p[1]:.3f} {p[2]:.3f}")
print(f"  loss            {-np.log(p[2]):.2f}")
assert (round(e[0], 3), round(e[1], 2), round(e[2], 2)) == (0.058, 2.36, 1.32)
assert p.round(4).tolist() == [0.0154, 0.6312, 0.3534]
assert round(-np.log(p[2]), 2) == 1.04
# Lectures print 0.016 for the first: they divide exponentials that were rounded before.
first = 0.058 / (0.058 + 2.36 + 1.32)
print(f"  from exponentials already rounded: 0.058 / (0.058 + 2.36 + 1.32) = {first:.4f}, printed as {first:.3f}")
assert round(first, 3) == 0.016

p = softmax(np.array([5.1, 3.2, -1.7, -2.0]))
print(f"scores 5.1 3.2 -1.7 -2.0\n  probabilities   {p[0]:.2f} {p[1]:.2f} {p[2]:.2f} {p[3]:.2f}")
assert p.round(2).tolist() == [0.87, 0.13, 0.00, 0.00]

# All scores equal, as with W = 0: each class has 1/C, and the loss is log C. If it starts elsewhere, there is a bug.
print(f"\nall scores 0, C = 3: {-np.log(softmax(np.zeros(3))[0]):.2f}, which is log 3")
assert round(-np.log(softmax(np.zeros(3))[0]), 2) == 1.10 == round(math.log(3), 2)

# exp(1e4) is too large for a float. But a number taken from all scores changes no probability, so take the largest:
# then the largest exponent is 0. The library does.
s = np.array([1e4, 1e4 - 1, 0.0])
with np.errstate(over="ignore", invalid="ignore"):
    print("scores of 1e4, by the bare equation:", softmax(s))
print("scores of 1e4, largest taken out:   ", softmax(s - s.max()).round(3))
assert np.allclose(st.losses.softmax.probabilities(s), softmax(s - s.max()))
assert np.isfinite(st.losses.softmax(s, 2))

# Cross-entropy and KL to a one-hot target are the same number as -log p_y.
s, t = np.array([3.2, 5.1, -1.7]), np.array([1.0, 0.0, 0.0])
cross_entropy = -(t * np.log(softmax(s))).sum()
kl = sum(t_j * math.log(t_j / p_j) for t_j, p_j in zip(t, softmax(s), strict=True) if t_j > 0)
print(f"\n-log p_y, cross-entropy, KL: {-np.log(softmax(s)[0]):.4f} {cross_entropy:.4f} {kl:.4f}")
assert np.isclose(cross_entropy, kl)

# Two doors to one loss: cross-entropy takes scores; NLL, the negative log-likelihood, takes log-probabilities.
from_scores = st.losses.softmax(s, 0)
from_log_probabilities = st.losses.nll(st.losses.softmax.log_probabilities(s), 0)
print(f"st.losses.softmax of scores:           {from_scores:.4f}")
print(f"st.losses.nll of log-probabilities:    {from_log_probabilities:.4f}")
assert np.allclose([from_scores, from_log_probabilities], cross_entropy)
