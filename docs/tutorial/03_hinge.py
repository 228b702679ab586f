"""Step 3. A loss: one number that says how bad the scores are.

To find good weights, "good" must become a number. A *loss* takes the scores of one example and its true class, its
*label* y, and returns a number: 0 or near it when all is well, larger the worse it is. The loss of a classifier on N
examples is the mean of theirs:

    L = 1/N * sum_i L_i(scores_i, y_i)

The first loss asks that the true class beats each other class by 1 at least, the *margin*. Whatever is missing counts:

    L_i = sum over the wrong classes j of  max(0, s_j - s_y + 1)

This is the *multiclass SVM loss*, or *hinge loss*, for max(0, .) looks like a hinge: flat, then straight up. It has no
unit, and lies between 0 and infinity.

The example below is a classic of lectures: three pictures, and their scores for cat, car and frog. Beware: one printed
copy of it says 10.9 for the third picture and 4.6 for the mean. It forgot the "+ 1" there; what is right is 12.9 and
5.27.
"""

import numpy as np

import steepest as st

classes = ["cat", "car", "frog"]
scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])  # (N, C), one picture a row
y = np.array([0, 1, 2])  # a cat, a car, a frog


def hinge(s, y, margin=1.0):
    """L_i of one example, as the equation says."""
    return sum(max(0.0, s[j] - s[y] + margin) for j in range(len(s)) if j != y)


for s, label in zip(scores, y, strict=True):
    terms = [f"max(0, {s[j]} - {s[label]} + 1)" for j in range(3) if j != label]
    print(f"{classes[label]:>4}: {' + '.join(terms)} = {hinge(s, label):.1f}")
losses = [hinge(s, label) for s, label in zip(scores, y, strict=True)]
print(f"mean: {np.mean(losses):.2f}")
assert np.round(losses, 1).tolist() == [2.9, 0, 12.9]
assert round(np.mean(losses), 2) == 5.27

# The frog's 12.9 is 6.3 + 6.6. Without the + 1 it would be 5.3 + 5.6 = 10.9, and the mean 4.6: the misprint.
to_cat, to_car = (s_j - scores[2, 2] + 1 for s_j in scores[2, :2])
print(f"the frog: {to_cat:.1f} + {to_car:.1f} = {to_cat + to_car:.1f}")
misprint = [losses[0], losses[1], hinge(scores[2], 2, margin=0)]
print(f"without the + 1 the frog has {misprint[2]:.1f}, and the mean is {np.mean(misprint):.1f}: the misprint")
assert (round(to_cat, 1), round(to_car, 1)) == (6.3, 6.6)
assert (round(misprint[2], 1), round(np.mean(misprint), 1)) == (10.9, 4.6)

# The library has the same loss, for all examples at once: (N, C) scores and (N,) labels in, (N,) losses out.
print("\nst.losses.hinge:", st.losses.hinge(scores, y).round(2))
assert np.allclose(st.losses.hinge(scores, y), losses)

# Five questions that show whether one knows this loss.
print("\n1. Move the car's scores by 0.1. The loss?")
for move in ([0.1, 0, 0], [0, -0.1, 0], [0, 0, 0.1]):
    assert hinge(scores[1] + move, 1) == 0
print("   still 0: every margin is kept")

print("2. All weights are 0, and so all scores. The loss?")
for C in (3, 10):
    print(f"   C = {C}: {hinge(np.zeros(C), 0):.0f}, which is C - 1")
    assert hinge(np.zeros(C), 0) == C - 1

print("3. What if the sum goes over all j, the true class too?")
for s, label in zip(scores, y, strict=True):
    assert np.isclose(sum(max(0.0, s_j - s[label] + 1) for s_j in s), hinge(s, label) + 1)
print("   each loss is larger by exactly 1, for max(0, s_y - s_y + 1) = 1")

print("4. And the mean over the wrong classes instead of the sum?")
print(f"   {np.mean(losses) / 2:.3f}: half of it here, in any case a rescaling, which has the same best W")

print("5. And the square of each term?")
print("  ", st.losses.squared_hinge(scores, y).round(2), "is another loss, with other best weights")
assert st.losses.squared_hinge(scores, y).round(2).tolist() == [8.41, 0, 83.25]
