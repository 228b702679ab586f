"""Step 13. Shapes: what has which shape, when vectors are differentiated by vectors.

A derivative has a number for each pair: each number that comes out, by each number that goes in. All of them, as a
matrix, are the *Jacobian*; out is counted by rows, in by columns:

    J_ij = d out_i / d in_j

    d vector / d number     a column (m x 1)
    d number / d vector     a row (1 x m)
    d vector / d vector     (m x n), row i and column j is d out_i / d in_j
    d number / d matrix     the shape of the matrix, for comfort
    d tensor / d tensor     both are *flattened*, laid out as vectors; then as above

The chain rule becomes a product of Jacobians: J of f(g(x)) = J of f times J of g, and the shapes tell the order.

A *batch* is B examples in one array, along its first axis: vectors make [B x m], grey pictures [B x H x W] (height,
width), colour pictures [B x C x H x W] (here C counts colours, called *channels*). Examples do not mix, so each has a
Jacobian of its own, and the library returns B of them.

Training never builds these matrices. A loss is one number, so only its row is wanted, and the walk backward multiplies
from the left: row times Jacobian is a row again. That is why `st.grad` is cheap, and gives the shape of the argument.
"""

import numpy as np

import steepest as st

column = st.jacobian(lambda t: st.stack([t, t**2, t**3]))(2.0)
print("d vector / d number: ", column.shape, " (t, t^2, t^3) at t = 2:", column.ravel())
assert column.tolist() == [[1], [4], [12]]

v = np.array([1.0, 2.0, 3.0])
row = st.jacobian(lambda v: (v * v).sum())(v)
print("d number / d vector: ", row.shape, " sum of squares at (1, 2, 3):", row.ravel())
assert row.tolist() == [[2, 4, 6]]
assert st.grad(lambda v: (v * v).sum())(v).shape == (3,)  # the gradient has the shape of its argument

A = np.arange(6.0).reshape(2, 3)
J = st.jacobian(lambda v: A @ v)(v)
print("d vector / d vector: ", J.shape, " of A v it is A")
assert np.array_equal(J, A)

M = np.ones((2, 3))
print("d number / d matrix: ", st.jacobian(lambda M: (M * M).sum())(M).shape)
assert st.jacobian(lambda M: (M * M).sum())(M).shape == M.shape

tensor_by_tensor = st.jacobian(lambda M: M @ A.T)(M)
print("d tensor / d tensor: ", tensor_by_tensor.shape, " of M (2 x 3) to M A' (2 x 2), flattened: 4 by 6")
flat = st.jacobian(lambda m: (m.reshape(2, 3) @ A.T).reshape(4))(M.reshape(6))
assert tensor_by_tensor.shape == (4, 6)
assert np.array_equal(tensor_by_tensor, flat)

# Row i, column j: the Jacobian of softmax, which is diag(p) - p p'.
p = st.losses.softmax.probabilities([3.2, 5.1, -1.7])
J = st.jacobian(st.losses.softmax.probabilities)([3.2, 5.1, -1.7])
print("\nJacobian of softmax at 3.2 5.1 -1.7: how each probability (row) answers to each score (column)")
print(J.round(3) + 0.0)
assert np.allclose(J, np.diag(p) - np.outer(p, p))

# The chain rule as a product.
outer, inner = (lambda q: st.exp(A @ q)), (lambda v: v * v)
whole = st.jacobian(lambda v: outer(inner(v / 10)))(v)
parts = st.jacobian(outer)(inner(v / 10)) @ st.jacobian(inner)(v / 10) / 10
print("\nchain rule: (2 x 3) times (3 x 3) is", whole.shape)
assert np.allclose(whole, parts)

# relu(x) = max(0, x), number by number.
print("\nbatches, each example on its own: values in, shape of relu's Jacobians out")
for name, shape in [("[B x m]", (4, 3)), ("[B x H x W]", (4, 5, 6)), ("[B x C x H x W]", (4, 3, 5, 6))]:
    jacobians = st.jacobian(st.relu, batched=True)(np.ones(shape))
    size = int(np.prod(shape[1:]))
    print(f"{name:<17}{shape!s:<15} -> {jacobians.shape}")
    assert jacobians.shape == (4, size, size)
