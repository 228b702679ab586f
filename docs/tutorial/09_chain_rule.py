"""Step 9. The chain rule on a graph: small steps, each with a derivative that everybody knows.

Nobody wants to derive a new formula by hand for each new model. The way out: every formula, however long, is a chain
of small *operations*, such as + and * and exp. Draw each operation as a *node*, with arrows from what goes in to what
comes out; that is the *computational graph*. Here is f = (x + y) z:

    x = -2 ---.
               (+) q = 3 ---.
    y =  5 ---'              (*) f = -12
    z = -4 -----------------'

Values are computed from left to right, *forward*. Then derivatives from right to left, *backward*. Each node gets from
its right the derivative of f by its own value, the *upstream gradient*. It knows its *local gradients*, the derivatives
of its value by what went in. The *chain rule* says what it hands on to the left:

    df/d(what went in)  =  upstream gradient  *  local gradient

This is *backpropagation*. No node knows the whole formula. Three local gradients to remember: + hands the upstream
gradient to both sides as it is; * swaps, each side gets it times the value of the other; and where one value is used
twice, what comes back from both uses is added up.
"""

import math

x, y, z = -2.0, 5.0, -4.0

# Forward.
q = x + y
f = q * z
print(f"forward:  q = x + y = {q:g},  f = q z = {f:g}")
assert (q, f) == (3, -12)

# Backward. It starts with df/df = 1.
df = 1.0
dz = df * q  # * swaps
dq = df * z
dx = dq * 1  # + hands on
dy = dq * 1
print(f"backward: df/dz = {dz:g},  df/dq = {dq:g},  df/dx = {dx:g},  df/dy = {dy:g}")
assert (dz, dq, dx, dy) == (3, -4, -4, -4)

# Believe it? Move x by a little.
h = 1e-5
print(f"x + {h:g} changes f by {((x + h + y) * z - f):.0e}: slope {((x + h + y) * z - f) / h:.2f}")
assert round(((x + h + y) * z - f) / h, 2) == -4

# A longer chain: -log(1 / (1 + exp(-w.x))), the loss of a logistic unit (step 2) on an example whose answer is "yes".
w, x = (1.0, -2.0), (3.0, 1.0)
print("\n-log(1/(1+exp(-w.x)))  at  w = (1, -2), x = (3, 1)")
s = w[0] * x[0] + w[1] * x[1]
a = -s
e = math.exp(a)
d = 1 + e
g = 1 / d
m = math.log(g)
L = -m

dL = 1.0
dm = dL * -1  # of -m: -1
dg = dm * 1 / g  # of log g: 1/g
dd = dg * -1 / d**2  # of 1/d: -1/d^2
de = dd * 1  # of 1 + e: 1
da = de * e  # of exp a: exp a itself
ds = da * -1  # of -s: -1
dw = (ds * x[0], ds * x[1])  # of a product: the other factor
dx = (ds * w[0], ds * w[1])

print("  node         value   upstream")
for node, value, upstream in [
    ("s = w.x", s, ds), ("a = -s", a, da), ("e = exp a", e, de), ("d = 1 + e", d, dd),
    ("g = 1/d", g, dg), ("m = log g", m, dm), ("L = -m", L, dL),
]:  # fmt: skip
    print(f"  {node:<10}{value:>8.4f}  {upstream:>9.4f}")
print(f"  dL/dw = ({dw[0]:.4f}, {dw[1]:.4f})   dL/dx = ({dx[0]:.4f}, {dx[1]:.4f})")

# Calculus would have made one node of all seven: dL/ds = g - 1. A library may do so too; the answer is the same.
print(f"  dL/ds in one step: g - 1 = {g - 1:.4f}")
assert round(L, 4) == 0.3133
assert math.isclose(ds, g - 1)
