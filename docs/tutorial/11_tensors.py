"""Step 11. Tensors: the same engine, grown up.

The engine of step 10 had one number in a node. A picture classifier would need millions of nodes, each a Python object.
The library puts a whole array into a node; such a node is called a *tensor*. `X @ W` on tensors is one node, with one
local gradient for each side, and NumPy does the work inside:

    of  X @ W  by X:   g @ W'           g is the upstream gradient, in the shape of X @ W
    of  X @ W  by W:   X' @ g

`st.tensor(value, name=...)` makes the tensors that derivatives are wanted by, the *leaves*. What is calculated from
them with operators and functions of `st` is part of the graph, and `.backward()` fills in `.grad`. Plain arrays may
join in: they are constants.

Often it is easier to say it with functions. `st.grad(f)` is the function that returns the gradient of f; and
`st.value_and_grad(f)` returns both, for the price of one walk each way.
"""

import numpy as np

import steepest as st

x, y, z = st.tensor(-2.0, name="x"), st.tensor(5.0, name="y"), st.tensor(-4.0, name="z")
f = (x + y) * z
f.backward()
print(f"f = (x + y) z = {f.value:g}:  df/dx = {x.grad:g}, df/dy = {y.grad:g}, df/dz = {z.grad:g}")
assert (f.value, x.grad, y.grad, z.grad) == (-12, -4, -4, 3)

# The graph is there to be looked at. Each tensor knows its operation and what went in; `st.draw` shows it all, also as
# a picture: st.draw(f).save("graph.svg").
q, _ = f.args
print(f"f comes from {f.op.name}, its first argument from {q.op.name}; what goes in stands to the right:")
print(st.draw(f))
assert (q.value, q.grad) == (3, -4)

# The logistic unit again, now with vectors in the nodes.
w, x = st.tensor([1.0, -2.0], name="w"), st.tensor([3.0, 1.0], name="x")
L = -st.log(1 / (1 + st.exp(-(w @ x))))
L.backward()
print(f"\n-log(1/(1+exp(-w.x))) = {L.value:.4f}:  dL/dw = {w.grad.round(4)}, dL/dx = {x.grad.round(4)}")
assert np.allclose([*w.grad, *x.grad], [-0.8068, -0.2689, -0.2689, 0.5379], atol=5e-5)  # as in steps 9 and 10

# And the classifier of step 8. There its gradient was derived by hand; here only the formula is written.
rng = np.random.default_rng(0)
X, labels = rng.standard_normal((5, 4)), np.array([0, 1, 2, 0, 1])
parameters = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}


def objective(p):
    """Mean softmax loss plus 0.1 R(W)."""
    return st.losses.softmax(X @ p["W"] + p["b"], labels).mean() + 0.1 * st.penalties.l2(p["W"])


value, gradient = st.value_and_grad(objective)(parameters)
probabilities = st.losses.softmax.probabilities(X @ parameters["W"] + parameters["b"])
by_hand = X.T @ (probabilities - np.eye(3)[labels]) / 5 + 2 * 0.1 * parameters["W"]
print(f"\nthe classifier of step 8: L = {value:.4f}, dL/dW {gradient['W'].shape}, dL/db = {gradient['b'].round(4)}")
print(f"largest difference from the gradient by hand: {np.abs(gradient['W'] - by_hand).max():.0e}")
assert np.allclose(gradient["W"], by_hand)

# Derivatives are calculated with tensors too, so they have derivatives in their turn.
print("\nx^3 at 2: slope", st.grad(lambda x: x**3)(2.0), " slope of the slope", st.grad(st.grad(lambda x: x**3))(2.0))
assert st.grad(st.grad(lambda x: x**3))(2.0) == 12

# Mistakes are told in words.
try:
    st.grad(lambda p: X @ p["W"])(parameters)
except st.InputError as error:
    print("\na mistake:", error)
