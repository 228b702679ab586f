"""Step 2. Units: a score, and what is made of it.

Put a score through a function that answers yes or no, and you have a *unit*, the oldest model of a nerve cell:

    output = step(theta . x)        theta . x = theta_0 * 1 + theta_1 x_1 + theta_2 x_2

theta ("theta") are its weights; the first meets a 1 and is the bias (the bias trick of step 1). A unit with a hard step
is a *perceptron*, or *linear threshold unit*. Two steps are in use, and they differ at 0: *Heaviside*'s gives 0 or 1,
and 1 at 0; the *sign* gives -1 or 1, and 0 at 0.

The soft version is the *logistic unit*. Its function, the *sigmoid*, climbs smoothly from 0 to 1:

    g(z) = 1 / (1 + exp(-z))        g(0) = 1/2,   g(z) near 0 for z far below 0,   near 1 for z far above

Smooth matters: a step is flat wherever it does not jump, and then no small change of theta changes anything. Training,
from step 7 on, lives on small changes.

What can one unit say? With inputs that are 0 or 1: AND, OR. Not XOR ("one of them, not both"): no straight line
separates its yes from its no. Two layers of units can, and that is why the last step trains two layers.
"""

import numpy as np


def g(z):
    """Sigmoid."""
    return 1 / (1 + np.exp(-z))


for z in (-2, 0, 2):
    print(f"heaviside({z}) = {np.heaviside(z, 1):.0f}   sign({z}) = {np.sign(z)}")
assert np.heaviside(0, 1) == 1
assert np.sign(0) == 0

# The four inputs, with the 1 for the bias in front: (4, 3).
X = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]])
AND, OR = np.array([-30, 20, 20]), np.array([-10, 20, 20])

for name, theta, wanted in [("AND", AND, [0, 0, 0, 1]), ("OR", OR, [0, 1, 1, 1])]:
    print(f"\n{name}: theta = {tuple(theta.tolist())}")
    for x, z in zip(X, X @ theta, strict=True):
        print(f"  x1 = {x[1]}, x2 = {x[2]}:  theta.x = {z:3d}   g({z}) = {g(z):.5f}   step: {np.heaviside(z, 1):.0f}")
    assert np.heaviside(X @ theta, 1).tolist() == wanted
    assert g(X @ theta).round().tolist() == wanted

assert (X @ AND).tolist() == [-30, -10, -10, 10]
assert (X @ OR).tolist() == [-10, 10, 10, 30]
print(f"\ng(-30) = {g(-30):.0e} and g(-10) = {g(-10):.0e} are nearly 0, g(10) and g(30) nearly 1")
assert g(-30) < g(-10) < 1e-4
assert 1 - 1e-4 < g(10) < g(30)

# XOR is "OR, and not AND": two units look at the inputs, and a third one looks at those two.
hidden = np.column_stack([np.ones(4), g(X @ OR), g(X @ AND)])
xor = g(hidden @ np.array([-10, 20, -20]))
print("\nXOR by two layers:", xor.round(3), "for the inputs 00, 01, 10, 11")
assert xor.round().tolist() == [0, 1, 1, 0]
