"""Step 5. Losses compared: what is enough, and what is never enough.

Hinge and softmax mostly choose the same class. They differ in what they want of an example that is right already:

- the hinge wants a margin of 1; once it is there the loss is 0, and the example has no more say;
- softmax always wants more: the probability of the true class can come nearer to 1 for ever.

Between the two is a family, all made to be small when the true class y has the highest score. Some compare the scores
with each other; others, called *one-vs-all*, ask each score by itself whether "its class, or not" is right, with a
target of t_j = +1 for the true class and -1 for the rest:

    hinge        sum_{j != y} max(0, s_j - s_y + 1)         ova_hinge   sum_j max(0, 1 - t_j s_j)
    hinge_max    max(0, 1 + max_{j != y} s_j - s_y)         logistic    sum_j log(1 + exp(-t_j s_j))
    perceptron   max(0, max_j s_j - s_y)                    squared     sum_j (s_j - [j == y])^2

`hinge_max`, the *structured* hinge, looks at the strongest rival only. The perceptron's asks for no margin at all.
`squared` pulls the scores to 1 and 0 as if they were measurements: it punishes "too right" as well.
"""

import numpy as np

import steepest as st

scores = np.array([[10.0, -2.0, 3.0], [10.0, 9.0, 9.0], [10.0, -100.0, -100.0]])
y = [0, 0, 0]
hinge, softmax = st.losses.hinge(scores, y), st.losses.softmax(scores, y)
print("scores, true class the first          hinge   softmax")
for s, h, p in zip(scores, hinge, softmax, strict=True):
    print(f"{s.tolist()!s:<36}{h:>7.4f}   {p:.3g}")
assert hinge.tolist() == [0, 0, 0]
assert (softmax > 0).all()

# The second example sits exactly at its margin: a small move of one rival, and the hinge wakes up.
print("\nmove the second class of each up by 0.1")
moved = scores + np.array([0, 0.1, 0])
print("hinge  ", st.losses.hinge(moved, y).round(4))
print("softmax grows by", [f"{grown:.2g}" for grown in st.losses.softmax(moved, y) - softmax])
assert st.losses.hinge(moved, y).round(6).tolist() == [0, 0.1, 0]
assert (st.losses.softmax(moved, y) > softmax).all()

# So if all scores are doubled, softmax is pleased, and the hinge does not notice.
print("scores doubled: softmax", [f"{p:.3g}" for p in st.losses.softmax(2 * scores, y)])
assert (st.losses.softmax(2 * scores, y) < softmax).all()
assert st.losses.hinge(2 * scores, y).tolist() == [0, 0, 0]

print("\nthe three pictures of step 3, and the loss at W = 0 for C = 3")
pictures = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
for name in st.losses.NAMES:
    loss = st.losses.get(name)
    each = "".join(f"{value:>8.2f}" for value in loss(pictures, [0, 1, 2]))
    print(f"{name:<19}{each}      at W = 0: {loss.at_zero(3):.2f}")
    assert np.isclose(loss(np.zeros(3), 0), loss.at_zero(3))
assert st.losses.hinge_max(pictures, [0, 1, 2]).round(2).tolist() == [2.9, 0, 6.6]
assert st.losses.perceptron(pictures, [0, 1, 2]).round(2).tolist() == [1.9, 0, 5.6]
assert st.losses.squared([1.0, 0.0, 0.0], 0) == 0
assert st.losses.squared([3.0, 0.0, 0.0], 0) == 4  # righter than right, and punished for it
