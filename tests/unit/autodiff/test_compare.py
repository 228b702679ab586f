"""Three derivatives of one formula: they agree where there is one, and say so where there is none."""

import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import steepest as st
from steepest.autodiff import compare
from steepest.autodiff.parsing import FUNCTIONS

LOGISTIC = "-log(1/(1+exp(-w*x)))"


def one(text, **at):
    (row,) = st.compare_gradients(text, at, calls=1).rows
    return row


def test_the_logistic_loss():
    comparison = st.compare_gradients(LOGISTIC, at={"x": -1.0, "w": 2.0})
    assert comparison.value == pytest.approx(2.126928011042972)
    assert [row.variable for row in comparison.rows] == ["w", "x"]
    assert comparison.at == {"w": 2.0, "x": -1.0}
    sigmoid = 1 / (1 + math.exp(-2))
    for row, exact in zip(comparison.rows, (sigmoid, -2 * sigmoid), strict=True):
        assert row.numerical.value == pytest.approx(exact, rel=1e-9)
        assert row.automatic.value == pytest.approx(exact, rel=1e-15)
        assert row.symbolic.value == pytest.approx(exact, rel=1e-15)
        assert 1e-13 < row.numerical.error < 1e-9
        assert row.automatic.error < 1e-15
        assert 0 < row.symbolic.error < 1e-15  # the rounding of a derivative that has no end of digits
        assert min(each.seconds for each in (row.numerical, row.symbolic, row.automatic)) > 0
    assert comparison.rows[0].formula == "-x*exp(-w*x)/(1 + exp(-w*x))"
    assert comparison.notes == ()


def test_the_table():
    text = str(st.compare_gradients("x * x + y", {"x": 3, "y": -0.5}))
    lines = text.split("\n")
    assert lines[0] == "f = x * x + y = 8.5   at x = 3, y = -0.5"
    assert lines[2].split() == ["numerical", "symbolic", "automatic"]
    assert lines[3].split()[2:] == ["6", "6"]
    assert [line.split()[0] for line in lines[3:9]] == ["df/dx", "error", "time", "df/dy", "error", "time"]
    assert lines[-2:] == ["df/dx = 2*x", "df/dy = 1"]
    assert len({len(line) for line in lines[2:9]}) == 1


def test_a_long_formula_is_cut_in_the_table():
    text = str(st.compare_gradients("*".join(f"(x+{k})" for k in range(60)), {"x": 0.5}, calls=1))
    assert max(map(len, text.split("\n"))) <= 200


def test_a_parsed_expression_will_do():
    assert one(st.expression("x**3"), x=2).automatic.value == 12


def test_a_formula_without_variables():
    comparison = st.compare_gradients("1 + 1", {})
    assert comparison.rows == ()
    assert str(comparison) == "f = 1 + 1 = 2"


FORMULAS = [
    "abs(x)", "cos(x)", "exp(x)", "expm1(x)", "log(x)", "log1p(x)", "relu(x)", "sigmoid(x)", "sin(x)", "sqrt(x)",
    "tanh(x)", "maximum(x, 0.1)", "minimum(x, 0.1)", "maximum(0.1, x)", "minimum(0.1, x)", "x**2.5", "2**x", "x/3",
    "3/x", "x - 1", "+x", "-x", "pi*x", "x**x", "sqrt(-(-x))", "(2*x)**100", "x**300",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("x", [0.5, 1.75])
def test_every_function_has_its_rule(text, x):
    row = one(text, x=x)
    assert row.symbolic is not None
    assert row.automatic.error <= 1e-12 * (1 + abs(row.automatic.value))
    assert row.numerical.error <= 1e-3 * (1 + abs(row.automatic.value))


def test_the_functions_above_are_all_that_there_are():
    assert {text.split("(")[0] for text in FORMULAS} >= set(FUNCTIONS)


def test_the_reference_sees_rounding():
    row = one("0.1 * x * 0.2", x=1.0)
    assert row.symbolic.error == pytest.approx(abs(0.1 * 0.2 - float(row.symbolic.value)), abs=4e-18)
    assert 0 < row.automatic.error < 1e-17


@pytest.mark.parametrize(
    ("text", "numerical", "declared"),
    [("relu(x)", 0.5, 0), ("abs(x)", 0, 0), ("maximum(x, 0)", 0.5, 1), ("minimum(0, x)", 0.5, 0)],
)
def test_kinks(text, numerical, declared):
    comparison = st.compare_gradients(text, {"x": 0})
    (row,) = comparison.rows
    assert row.numerical.value == pytest.approx(numerical)
    assert row.symbolic.value == row.automatic.value == declared
    assert "is at its kink" in comparison.notes[0]
    assert "is at its kink" in str(comparison)
    assert st.compare_gradients(text, {"x": 1}).notes == ()


@pytest.mark.parametrize(
    ("text", "at", "note"),
    [
        ("log(x)", {"x": 0}, "no symbolic derivatives: log or an argument of it is not finite"),
        ("1/x", {"x": 0}, "no symbolic derivatives: divide"),
        ("sqrt(x)", {"x": 0}, "no symbolic derivative by x"),
        ("sqrt(x)", {"x": -1}, "no automatic derivative by x"),
        ("sqrt(x**2)", {"x": 0}, "no automatic derivative by x: a NaN was born"),
        ("x**p", {"x": -2, "p": 3}, "no automatic derivative by p"),
        ("x*x", {"x": math.nan}, "there is a NaN in x"),
        ("x*x", {"x": math.inf}, "no symbolic derivatives: x or an argument"),
        ("exp(x)", {"x": 1000}, "no symbolic derivatives: exp"),
        ("x*1.0", {"x": 1e20}, "no numerical derivative by x: the step h"),
        ("+".join(["x*y"] * 200), {"x": 1, "y": 1}, "the formula has more than 400 steps"),
    ],
)
def test_where_a_method_has_no_derivative(text, at, note):
    comparison = st.compare_gradients(text, at, calls=1)
    assert any(note in line for line in comparison.notes), comparison.notes
    assert note in str(comparison)


def test_one_derivative_that_is_none_leaves_the_others():
    x, p = st.compare_gradients("x**p", {"x": -2, "p": 3}).rows
    assert x.automatic.value == x.symbolic.value == 12
    assert math.isnan(p.automatic.value)
    assert math.isnan(p.symbolic.value)


def test_rules_that_meet_a_zero_divisor_are_simplified():
    assert one("x**3 * x", x=0).symbolic.value == 0
    assert st.compare_gradients("x**p", {"x": 0, "p": 3}).rows[0].symbolic.value == 0


@pytest.mark.parametrize(
    "text", ["(9*x)**387420489", "((((9*x)**64)**64)**64)**64", "(((((9*x)**6)**6)**6)**6)**6", "(1/9+x)**1e9"]
)
def test_powers_are_no_bombs(text):
    assert one(text, x=1 / 9).symbolic.seconds < 1


def test_without_sympy(monkeypatch):
    monkeypatch.delitem(sys.modules, "steepest.autodiff.symbolic", raising=False)
    monkeypatch.setitem(sys.modules, "sympy", None)
    comparison = st.compare_gradients(LOGISTIC, {"w": 2, "x": -1})
    assert comparison.rows[0].symbolic is None
    assert comparison.rows[0].automatic.value == pytest.approx(0.8807970779778823)
    assert math.isnan(comparison.rows[0].automatic.error)
    assert "pip install 'steepest[symbolic]'" in str(comparison)
    assert "error" not in str(comparison).split("no symbolic")[0]
    with pytest.raises(st.InputError, match=r"needs SymPy.*pip install 'steepest\[symbolic\]'"):
        st.compare_gradients(LOGISTIC, {"w": 2, "x": -1}, symbolic=True)


def test_symbolic_can_be_left_out():
    comparison = st.compare_gradients(LOGISTIC, {"w": 2, "x": -1}, symbolic=False)
    assert comparison.rows[0].symbolic is None
    assert comparison.notes == ()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"at": [1.0]}, "at must name a number for each variable.*and is a list"),
        ({"at": {}}, "needs a value for x"),
        ({"at": {"x": 1, "y": 2}}, "has no variable y"),
        ({"at": {"x": "one"}}, "at must have one number for x, not 'one'"),
        ({"at": {"x": [1.0, 2.0]}}, "at must have one number for x"),
        ({"at": {"x": 1}, "calls": 0}, "calls must be 1 or more, not 0"),
    ],
)
def test_mistakes(arguments, what):
    with pytest.raises(st.InputError, match=what):
        st.compare_gradients("x * x", **arguments)


def test_the_numerical_one_is_the_library_s():
    assert compare.numerical_gradient is st.numerical_gradient


SMOOTH = some.recursive(
    some.sampled_from(["x", "y", "0.5", "2", "pi"]),
    lambda inner: some.one_of(
        some.builds("{}({})".format, some.sampled_from(["sin", "cos", "tanh", "sigmoid", "exp", "expm1"]), inner),
        some.builds("({} {} {})".format, inner, some.sampled_from(["+", "-", "*", "/"]), inner),
        some.builds("({})**{}".format, inner, some.sampled_from([2, 3, -1])),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(SMOOTH)
def test_automatic_and_symbolic_agree(text):
    formula = st.expression(text)
    at = {name: {"x": 0.3, "y": -1.25}[name] for name in formula.variables}
    for row in st.compare_gradients(formula, at, calls=1).rows:
        if row.symbolic is None or math.isnan(row.symbolic.value) or math.isnan(row.automatic.value):
            continue
        if abs(row.symbolic.value) < 1e12:  # beyond, a small difference in the middle is a large one here
            assert row.automatic.value == pytest.approx(row.symbolic.value, rel=1e-6, abs=1e-6)
