"""Step 16. An operation of your own, and probabilities from an SVM.

An operation is two things: how to calculate it forward, and how to hand the upstream gradient back. The second is
called its *VJP*, for vector-Jacobian product: the row that comes from above, times the Jacobian (step 13). For a
function of one number after another it is only "g times the slope". With `@st.op` any function of NumPy joins the
graph.

The example is *softplus*, a smooth max(0, z); its slope is the sigmoid:

    softplus(z) = log(1 + exp(z))        d softplus / dz = 1 / (1 + exp(-z))

It is of use at once. An SVM gives scores, not probabilities: 2.0 is surer than 1.0, but how sure? *Platt scaling* puts
the score s through a sigmoid with two numbers of its own, learned on examples that the SVM was not trained on:

    P(yes | s) = 1 / (1 + exp(-(A s + B)))

Their negative log-likelihood, with t = +1 for yes and -1 for no, is a softplus: the mean of softplus(-t (A s + B)).
"""

import numpy as np

import steepest as st


@st.op(vjps=lambda g, value, z: g * st.sigmoid(z))
def softplus(z):
    """log(1 + exp(z)), without overflow."""
    return np.logaddexp(0, z)


z = st.tensor([-1.0, 0.0, 2.0], name="z")
softplus(z).sum().backward()
print("softplus:", softplus(z).value.round(4), "  slopes:", z.grad.round(4))
assert round(float(softplus(0.0)), 4) == 0.6931  # log 2

check = st.check_gradient(lambda z: softplus(z).sum(), [-30.0, -1.0, 0.0, 2.0, 30.0])
print("checked:", str(check).splitlines()[0])
assert check.passed


@st.op(vjps=lambda g, value, z: g * st.tanh(z))
def mistaken(z):
    """Calculate the same, with a slope that is wrong."""
    return np.logaddexp(0, z)


check = st.check_gradient(lambda z: mistaken(z).sum(), [-1.0, 0.0, 2.0])
print("mistaken:", str(check).splitlines()[0])
assert not check.passed

# Platt scaling. Two classes that overlap, in three parts: one trains the SVM, one learns A and B, one is the judge.
train, rest = st.load("moons:n=4000,noise=0.4").split(test_size=3000, seed=0)
held_out, test = rest.split(test_size=1500, seed=1)
svm = st.LinearClassifier(loss="hinge", alpha=0.3).fit(train.X, train.y)
s, t = svm.decision_function(held_out.X).astype(float), 2 * held_out.y - 1
print(f"\nSVM: test accuracy {svm.score(test.X, test.y):.1%}; scores from {s.min():.2f} to {s.max():.2f}")


def nll(p):
    """Mean negative log-likelihood of the held-out labels."""
    return softplus(-t * (p["A"] * s + p["B"])).mean()


p = {"A": np.array(1.0), "B": np.array(0.0)}
before, rule = nll(p), st.optim.Momentum(mu=0.9)
memory = rule.init(p)
for _ in range(400):
    gradient = st.grad(nll)(p)
    update, memory = rule.step(gradient, memory, lr=1.0)
    p = {name: p[name] + update[name] for name in p}
print(f"Platt scaling: A = {p['A']:.2f}, B = {p['B']:.2f}; nats an example {before:.3f} -> {nll(p):.3f}")
assert nll(p) < before - 0.05
assert all(abs(slope) < 1e-6 for slope in st.grad(nll)(p).values())  # the ground is reached

# Does "80 %" come true eight times in ten? On the third part:
probability = 1 / (1 + np.exp(-(p["A"] * svm.decision_function(test.X) + p["B"])))
print("\nprobability said   came true   examples")
for low in (0.0, 0.2, 0.4, 0.6, 0.8):
    here = (probability >= low) & (probability < low + 0.2)
    said, true = probability[here].mean(), test.y[here].mean()
    print(f"{said:>16.2f}   {true:>9.2f}   {here.sum():>8}")
    assert abs(said - true) < 0.12
