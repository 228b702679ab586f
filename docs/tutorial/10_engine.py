"""Step 10. An engine in thirty lines: the machine does step 9.

In step 9 every local gradient was easy, and the order was plain: backward is forward in reverse. Nothing there needs a
human. This step makes the graph while the formula is calculated, and then walks it backward. It is all that is at the
heart of the large libraries, and it is called *automatic differentiation*, in *reverse mode*.

A node keeps three things: its value, its gradient, and its parents (what went in), each with the local gradient. A
Python operator, `x + y`, makes a new node out of two. `backward` visits the nodes so that each comes after all that was
made from it; only then is its gradient complete.

Two details are worth a look. `+=` in the last line, not `=`: a value that is used twice collects from both uses. And
the order: a node must not hand on its gradient before it has all of it.

What it lacks to be a library is comfort and care: arrays in place of single numbers, more operations, errors that help,
and no recursion, which Python ends at a depth of 1000.
"""

import math

import numpy as np

import steepest as st


class Node:
    """A value that remembers where it came from."""

    def __init__(self, value, parents=()):
        self.value, self.grad, self.parents = value, 0.0, parents

    def __add__(self, other):
        return Node(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return Node(self.value * other.value, [(self, other.value), (other, self.value)])

    def __neg__(self):
        return Node(-self.value, [(self, -1.0)])

    def exp(self):
        return Node(math.exp(self.value), [(self, math.exp(self.value))])

    def log(self):
        return Node(math.log(self.value), [(self, 1 / self.value)])

    def inverse(self):
        return Node(1 / self.value, [(self, -1 / self.value**2)])

    def backward(self):
        order = []

        def visit(node):
            if node not in order:
                for parent, _ in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for parent, local in node.parents:
                parent.grad += node.grad * local  # upstream times local


x, y, z = Node(-2.0), Node(5.0), Node(-4.0)
f = (x + y) * z
f.backward()
print(f"f = (x + y) z = {f.value:g}:  df/dx = {x.grad:g}, df/dy = {y.grad:g}, df/dz = {z.grad:g}")
assert (f.value, x.grad, y.grad, z.grad) == (-12, -4, -4, 3)

# A value used twice: x * x has the slope 2 x, one x from each use.
x = Node(3.0)
(x * x).backward()
print(f"x * x at 3: slope {x.grad:g}")
assert x.grad == 6


# The loss of the logistic unit, in one line of Python and without a derivative by hand.
def unit_loss(w1, w2, x1, x2):
    """-log(1 / (1 + exp(-w.x)))."""
    return -(Node(1.0) + (-(w1 * x1 + w2 * x2)).exp()).inverse().log()


leaves = [Node(value) for value in (1.0, -2.0, 3.0, 1.0)]
L = unit_loss(*leaves)
L.backward()
engine = [leaf.grad for leaf in leaves]
numerical = st.numerical_gradient(lambda v: unit_loss(*map(Node, v)).value, [1.0, -2.0, 3.0, 1.0])
print(f"\n-log(1/(1+exp(-w.x))) = {L.value:.4f}")
print("by the engine  dL/dw, dL/dx:", np.round(engine, 4))
print("numerical      dL/dw, dL/dx:", numerical.round(4))
assert round(L.value, 4) == 0.3133
assert np.allclose(engine, numerical)

# It is fast where numbers are many: one walk back gives all slopes at once, however many there are.
weights = [Node(0.01 * k) for k in range(300)]
total = Node(0.0)
for weight in weights:
    total = total + weight * weight
total.backward()
assert all(math.isclose(weight.grad, 2 * weight.value) for weight in weights)
print("\nsum of 300 squares: 300 slopes from one walk back; numerically it would have been 600 sums")
