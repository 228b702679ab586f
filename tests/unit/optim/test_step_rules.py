"""What holds for every rule: purity, resuming to the same bits, dtypes, scale; constants and names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steepest import optim
from steepest.errors import InputError
from steepest.optim import SGD, Adagrad, Adam, AdamW, Momentum, Nesterov, RMSProp

RULES = [SGD(), Momentum(mu=0.9), Nesterov(mu=0.9), Adagrad(), RMSProp(), Adam(), AdamW(decay=0.1)]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


def numbers(dtype):
    width = np.dtype(dtype).itemsize * 8
    return st.floats(-1000, 1000, width=width)


@st.composite
def trees(draw, dtype=np.float64):
    """Arrays of the names and shapes of a small model, none of which may be written to."""
    tree = {name: draw(arrays(dtype, shape, elements=numbers(dtype))) for name, shape in (("W", (2, 3)), ("b", (3,)))}
    for array in tree.values():
        array.flags.writeable = False
    return tree


def frozen(state):
    for slot in state.values():
        for array in slot.values():
            array.flags.writeable = False
    return state


def same_bits(a, b):
    assert a.keys() == b.keys()
    for name in a:
        if isinstance(a[name], dict):
            same_bits(a[name], b[name])
        else:
            assert np.asarray(a[name]).tobytes() == np.asarray(b[name]).tobytes()
            assert a[name].dtype == b[name].dtype


def walk(rule, params, gradients, state=None):
    state = rule.init(params) if state is None else state
    for g in gradients:
        update, state = rule.step(g, frozen(state), 0.1, params)
        params = {name: params[name] + update[name] for name in params}
    return params, state


@every_rule
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_rules_are_pure_and_keep_the_dtype(rule, dtype, data):
    params, grad = data.draw(trees(dtype)), data.draw(trees(dtype))
    _, state = walk(rule, params, data.draw(st.lists(trees(dtype), max_size=2)))
    first, after = rule.step(grad, frozen(state), np.float64(0.1), params)  # a NumPy rate must not widen float32
    again, after_again = rule.step(grad, state, 0.1, params)
    same_bits(first, again)
    same_bits(after, after_again)
    assert after.keys() == rule.init(params).keys()
    assert first.keys() == params.keys()
    for name, array in first.items():
        assert array.dtype == dtype
        assert array.shape == params[name].shape
        assert np.isfinite(array).all()


@every_rule
@given(params=trees(np.float32), gradients=st.lists(trees(np.float32), min_size=4, max_size=4))
@settings(max_examples=10, deadline=None)
def test_a_run_resumed_from_its_state_goes_on_to_the_same_bits(rule, params, gradients):
    whole = walk(rule, params, gradients)
    half, state = walk(rule, params, gradients[:2])
    written = {  # as a checkpoint has it: bytes, dtypes and shapes
        (slot, name): (array.tobytes(), array.dtype.str, array.shape)
        for slot, memory in state.items()
        for name, array in memory.items()
    }
    read = {slot: {} for slot in state}
    for (slot, name), (data, dtype, shape) in written.items():
        read[slot][name] = np.frombuffer(data, dtype).reshape(shape)
    resumed = walk(rule, half, gradients[2:], read)
    same_bits(whole[0], resumed[0])
    same_bits(whole[1], resumed[1])


@every_rule
@given(params=trees(), gradients=st.lists(trees(), min_size=1, max_size=3))
@settings(max_examples=10, deadline=None)
def test_each_parameter_goes_its_own_way(rule, params, gradients):
    together, _ = walk(rule, params, gradients)
    for name in params:
        alone, _ = walk(rule, {name: params[name]}, [{name: g[name]} for g in gradients])
        same_bits(alone, {name: together[name]})


@pytest.mark.parametrize(
    "rule", [Adagrad(epsilon=1e-300), RMSProp(epsilon=1e-300), Adam(epsilon=1e-300), AdamW(epsilon=1e-300)], ids=repr
)
@given(params=trees(), gradients=st.lists(trees(), min_size=1, max_size=3), power=st.integers(-20, 20))
@settings(max_examples=20, deadline=None)
def test_the_unit_of_the_gradient_does_not_matter_to_adaptive_rules(rule, params, gradients, power):
    """Powers of two scale without rounding, and an epsilon of 1e-300 is lost beside any root that is not 0."""
    gradients = [{name: np.where(abs(a) < 1e-6, 0, a) for name, a in g.items()} for g in gradients]
    scaled = [{name: a * 2.0**power for name, a in g.items()} for g in gradients]
    same_bits(walk(rule, params, gradients)[0], walk(rule, params, scaled)[0])


@given(params=trees(), gradients=st.lists(trees(), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_a_step_of_adamw_is_one_of_adam_and_the_decay_of_the_weights(params, gradients):
    _, state = walk(Adam(), params, gradients[:-1])
    plain, _ = Adam().step(gradients[-1], state, 0.1, params)
    decayed, _ = AdamW(decay=0.5).step(gradients[-1], state, 0.1, params)
    np.testing.assert_allclose(decayed["W"], plain["W"] - 0.1 * 0.5 * params["W"], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(decayed["b"], plain["b"])


def test_entries_without_a_gradient_stay_where_they_are():
    params = {"W": np.ones((1, 2)), "b": np.ones(2)}
    zero = {"W": np.zeros((1, 2)), "b": np.zeros(2)}
    for rule in [*RULES[:-1], AdamW(decay=0)]:
        end, _ = walk(rule, params, [zero, zero])
        same_bits(end, params)


@pytest.mark.parametrize("rule", RULES[1:], ids=lambda rule: rule.name)
def test_a_gradient_that_does_not_fit_the_state(rule):
    params = {"W": np.ones((2, 3))}
    state = rule.init(params)
    with pytest.raises(InputError, match="the gradient is of W, b, the state of W: make the state by init"):
        rule.step({"W": np.ones((2, 3)), "b": np.ones(3)}, state, 0.1, params)
    with pytest.raises(InputError, match=r"gradient of W has shape \(3,\), its state \(2, 3\)"):
        rule.step({"W": np.ones(3)}, state, 0.1, params)


def test_adamw_says_that_it_needs_the_parameters():
    grad = {"W": np.ones((2, 3))}
    state = AdamW().init(grad)
    with pytest.raises(InputError, match=r"adamw needs the parameters.*step\(grad, state, lr, params\)"):
        AdamW().step(grad, state, 0.1)
    with pytest.raises(InputError, match="gradient is of W, the parameters of V: hand in the parameters that"):
        AdamW().step(grad, state, 0.1, {"V": np.ones((2, 3))})


@pytest.mark.parametrize("kind", [type(rule) for rule in RULES], ids=lambda kind: kind.name)
@pytest.mark.parametrize("lr", [0.0, -1.0, float("nan"), float("inf")])
def test_learning_rates_out_of_range(kind, lr):
    with pytest.raises(InputError, match="lr must be positive"):
        kind(lr=lr)


@pytest.mark.parametrize(
    ("kind", "constant"),
    [(Momentum, "mu"), (Nesterov, "mu"), (RMSProp, "rho"), (Adam, "beta1"), (Adam, "beta2"), (AdamW, "beta2")],
)
@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_shares_out_of_range(kind, constant, value):
    with pytest.raises(InputError, match=f"{constant} must be at least 0 and below 1, not .*: 0.9.* is usual"):
        kind(**{constant: value})


@pytest.mark.parametrize("kind", [Adagrad, RMSProp, Adam, AdamW])
@pytest.mark.parametrize("epsilon", [0.0, -1e-8, float("nan"), float("inf")])
def test_epsilon_out_of_range(kind, epsilon):
    with pytest.raises(InputError, match="epsilon must be positive and finite"):
        kind(epsilon=epsilon)


@pytest.mark.parametrize("decay", [-0.1, float("nan"), float("inf")])
def test_decay_out_of_range(decay):
    with pytest.raises(InputError, match="decay must be at least 0 and finite"):
        AdamW(decay=decay)


def test_names():
    assert optim.NAMES == ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
    for name in optim.NAMES:
        assert optim.get(name).name == name
    assert optim.get("momentum", lr=0.1, mu=0.5) == Momentum(lr=0.1, mu=0.5)
    assert optim.get("adamw", beta1=0.8, decay=0.1) == AdamW(beta1=0.8, decay=0.1)
    assert optim.get(SGD(lr=0.1)) == SGD(lr=0.1)


@pytest.mark.parametrize(
    ("name", "constants", "says"),
    [
        ("momentun", {}, "did you mean momentum"),
        ("Nesterov", {}, "did you mean nesterov"),
        ("adma", {}, "did you mean adam"),
        ("?", {}, "choose one of sgd, momentum, nesterov, adagrad"),
        (None, {}, "choose one of"),
        ("sgd", {"mu": 0.9}, "no constant 'mu': it takes lr"),
        ("adam", {"decay": 0.1}, "no constant 'decay': it takes lr, beta1, beta2, epsilon"),
        (SGD(), {"lr": 0.1}, "has its constants already"),
    ],
)
def test_unknown_names_and_constants(name, constants, says):
    with pytest.raises(InputError, match=says):
        optim.get(name, **constants)
