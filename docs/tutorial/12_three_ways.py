"""Step 12. Three ways to a derivative: numerical, symbolic, automatic.

There is a third kind between the numerical slopes of step 7 and the walk through the graph of steps 10 and 11. A
program can do what a person does with a pencil: apply the rules of calculus to the formula as text, and get another
formula. That is *symbolic* differentiation.

    numerical    move each number, look         approximate; slow: two losses for each number; needs only the loss
    by hand      calculus, then code            exact; fast; easy to get wrong (step 8)
    symbolic     calculus by program            exact; the formulas swell as the model gets deeper
    automatic    backward through the graph     exact up to rounding; one walk for all numbers; of any program

So: compute with the automatic one, and let the numerical one check it. The next but one step does that.

`st.compare_gradients` sets them side by side for a formula that you type. Its symbolic column needs SymPy, a package
that is optional; without it the column is left out.
"""

import steepest as st

comparison = st.compare_gradients("(x + y) * z", at={"x": -2, "y": 5, "z": -4})
print(comparison)
assert comparison.value == -12
assert [row.automatic.value for row in comparison.rows] == [-4, -4, 3]
for row in comparison.rows:
    assert abs(row.numerical.value - row.automatic.value) < 1e-8
    assert row.symbolic is None or row.symbolic.value == row.automatic.value

print("\nthe logistic unit of step 9, its w.x written out")
comparison = st.compare_gradients("-log(1/(1+exp(-(w1*x1+w2*x2))))", at={"w1": 1, "w2": -2, "x1": 3, "x2": 1})
print(comparison)
slopes = {row.variable: round(row.automatic.value, 4) for row in comparison.rows}
assert slopes == {"w1": -0.8068, "x1": -0.2689, "w2": -0.2689, "x2": 0.5379}

# Layer on layer, and look at the length of the symbolic derivative. The graph grows by the same few nodes each time.
print("\nlayers   automatic slope   letters in the symbolic derivative")
text, lengths = "x", []
for layers in range(1, 5):
    text = f"tanh(1.5 * {text} + x)"
    (row,) = st.compare_gradients(text, at={"x": 0.3}, calls=1).rows
    lengths.append(len(row.formula))
    print(f"{layers:>6}   {row.automatic.value:>15.4f}   {len(row.formula) or 'SymPy is not installed'}")
    assert abs(row.automatic.value - row.numerical.value) < 1e-8
assert lengths[0] == 0 or lengths[3] > 5 * lengths[0]
