"""Step 1. Scores: a picture goes in, one number for each class comes out.

A *classifier* looks at an *example*, here a picture of 3 x 3 pixels, and names its *class*, here "bar", "cross" or
"ring". To a program the picture is a list of D = 9 numbers, its *features*: x, with 0 for a black pixel, 1 for a white.

The simplest rule that uses all of them has a *weight* for each feature and each class. Multiply, add up, and add one
more number for the class, its *bias*:

    score_c = x_1 W_1c + x_2 W_2c + ... + x_D W_Dc + b_c            in one line:   scores = x W + b

    x (D,)     W (D, C)     b (C,)     scores (C,)                  C is the number of classes

The class with the highest score is the answer. This is a *linear classifier*, and there are three ways to see it:

- algebraic: a product of a vector and a matrix, and for N examples at once of two matrices, (N, D) @ (D, C) = (N, C);
- visual: each column of W has a number for each pixel, so it is a picture too, the *template* of its class;
- geometric: a picture is a point in a space of D dimensions, and two classes meet where their scores are equal, which
  is a straight line in two dimensions, a plane in three, and a *hyperplane* in D.

Nothing is learned yet: here a person writes W and b. The rest of the tutorial is about finding them by machine.
"""

import numpy as np

classes = ["bar", "cross", "ring"]
pictures = np.array(
    [
        [[0, 1, 0], [0, 1, 0], [0, 1, 0]],
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
        [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
    ],
    dtype=float,
)
X = pictures.reshape(3, 9)  # each picture as one row: N = 3 examples of D = 9 features

# Weights: +1 where the class wants white, -1 where it wants black. The bias takes away what a perfect picture would
# collect, so that a score is 0 for a perfect picture, and minus the number of wrong pixels for any other.
W = (2 * X - 1).T
b = -X.sum(axis=1)
assert W.shape == (9, 3)
assert b.shape == (3,)

print("the template of the class cross, a column of W as a picture:")
print(W[:, 1].reshape(3, 3))

# Algebraic: all examples in one product.
scores = X @ W + b
print("\nscores (N, C), a row for each picture, a column for each class:")
print(scores)
assert scores.tolist() == [[0, -2, -7], [-2, 0, -5], [-7, -5, 0]]
assert scores.argmax(axis=1).tolist() == [0, 1, 2]

# A ring with a pixel missing is a ring still.
x = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float).reshape(9)
print("\na ring with one pixel missing scores", x @ W + b, "and is called a", classes[(x @ W + b).argmax()])
assert (x @ W + b).tolist() == [-6, -4, -1]

# Geometric: half-way between the bar and the cross the two scores are equal; that point is on their hyperplane.
half_way = (X[0] + X[1]) / 2
print("half-way between bar and cross the scores are", half_way @ W + b)
assert (half_way @ W + b)[0] == (half_way @ W + b)[1]

# The bias trick: give every example one more feature, which is always 1, and b becomes one more row of W.
X_with_1 = np.column_stack([X, np.ones(3)])
W_with_b = np.vstack([W, b])
print("\nwith the bias trick", X_with_1.shape, "@", W_with_b.shape, "gives the same scores")
assert np.array_equal(X_with_1 @ W_with_b, scores)

# Real pictures only have more numbers. A colour picture of 32 x 32 pixels, in three colours, and ten classes:
D, C = 32 * 32 * 3, 10
print(f"32 x 32 pixels in 3 colours are D = {D} features; with {C} classes W and b have {D * C + C} numbers to find")
assert (D, D * C + C) == (3072, 30730)
