"""Formulas as text: what they calculate, and that no text can do anything else."""

import contextlib
import dataclasses
import math
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

import steepest as st
from steepest.autodiff.parsing import CONSTANTS, FUNCTIONS, LONGEST, NESTING
from steepest.autodiff.registry import REGISTRY


def test_the_lecture_graph():
    formula = st.expression("(x + y) * z")
    assert formula.variables == ("x", "y", "z")
    f = formula(x=-2, y=5, z=-4)
    assert float(f) == -12
    f.backward()
    q, z = f.args
    assert [float(node.grad) for node in (q, z, *q.args)] == [-4, 3, -4, -4]
    assert [node.name for node in (*q.args, z)] == ["x", "y", "z"]


def test_the_logistic_unit():
    f = st.expression("-log(1 / (1 + exp(-(w0*x0 + w1*x1 + b))))")(w0=2, x0=-1, w1=-3, x1=-2, b=-3)
    assert float(f) == pytest.approx(math.log1p(math.exp(-1)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2), ("-2**2", -4), ("2**3**2", 512), ("2**-1", 0.5), ("+-+3", -3), ("1 - 2 - 3", -4), ("8/4/2", 1),
        (" 1\n+\t2 ", 3), ("(((7)))", 7), (".5 + 1.", 1.5), ("1e3", 1000), ("pi", math.pi), ("e", math.e),
        ("maximum(1, 2) + minimum(1, 2)", 3), ("exp(1,)", math.e), ("abs(-3)", 3), ("9**9**9**9", math.inf),
        ("1/0", math.inf), ("0/0", math.nan), ("(-8)**(1/3)", math.nan), ("log(0)", -math.inf), ("sqrt(-1)", math.nan),
        ("sigmoid(-10000)", 0), ("exp(10000)", math.inf), ("0**-1", math.inf), ("0**0", 1), ("1e-400", 0),
    ],
)  # fmt: skip
def test_numbers(text, value):
    result = st.expression(text)()
    assert type(result) is st.Tensor
    assert float(result) == pytest.approx(value, nan_ok=True)


def test_every_function_is_the_op_of_its_name():
    for name in FUNCTIONS:
        arity = len(REGISTRY[name].vjps)
        at = dict(zip("uv"[:arity], (0.3, 0.7), strict=False))
        result = st.expression(f"{name}({', '.join(at)})")(**at)
        assert result.op is REGISTRY[name]
        assert float(result) == float(getattr(st.ops, name)(*map(np.float64, at.values())))
    documented = st.expression.__doc__.split("functions")[1].split(". ")[0].replace(" and", ",").replace(",", " ")
    assert tuple(documented.split()) == FUNCTIONS


def test_variables_come_in_the_order_of_their_first_appearance():
    assert st.expression("b + a*b - a2 + pi + e").variables == ("b", "a", "a2")


def test_arrays_broadcast_and_keep_their_type():
    f = st.expression("w * x + 0.5")(w=np.ones((2, 1), np.float32), x=np.arange(3, dtype=np.float32))
    assert f.shape == (2, 3)
    assert f.dtype == np.float32


def test_integers_become_floats():
    f = st.expression("x * x")(x=np.array([1, 2]))
    f.sum().backward()
    assert f.args[0].grad.tolist() == [2, 4]


def test_a_tensor_is_built_upon():
    w = st.tensor(3.0, name="weight")
    f = st.expression("2 * w")(w=w * w)
    f.backward()
    assert (float(w.grad), w.name) == (12, "weight")


def test_a_name_can_be_a_word_of_any_language():
    assert float(st.expression("θ1 * ñ")(θ1=2, ñ=3)) == 6


def test_an_expression_is_frozen_and_says_what_it_is():
    formula = st.expression("x\n + y")
    assert repr(formula) == "Expression(text='x + y', variables=('x', 'y'))"
    assert formula == st.expression("x + y")
    assert hash(formula) == hash(st.expression("x + y"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        formula.text = "z"


@pytest.mark.parametrize(
    ("text", "what", "column"),
    [
        ("x.real", "an attribute cannot be taken", 1),
        ("x[0]", "there are no subscripts", 1),
        ("lambda: 1", "lambda is Python", 0),
        ("(x for x in y)", "for is Python", 3),
        ("x if y else z", "if is Python", 2),
        ("not x", "not is Python", 0),
        ("{1}", "there are no sets", 0),
        ("'x'", "there are no strings", 0),
        ('f"{x}"', "there are no strings", 1),
        ("x < 1", "there are no comparisons", 2),
        ("x != 1", "there are no comparisons", 2),
        ("exp(x=1)", "there is no =", 5),
        ("(x := 1)", "':' has no meaning here", 3),
        ("x % 2", "'%' has no meaning here", 2),
        ("x // 2", "there is no division //", 2),
        ("x @ y", "there is no matrix product", 2),
        ("x ^ 2", r"a power is written \*\*", 2),
        ("x # one", "there are no comments", 2),
        ("x + __class__", "a name cannot begin with two underscores: __class__", 4),
        ("__import__('os').system('ls')", "a name cannot begin with two underscores", 0),
        ("1 + sine(x)", "there is no function sine: did you mean sin", 4),
        ("gamma(x)", "there is no function gamma: choose one of abs, ", 0),
        ("x(2)", "there is no function x", 0),
        ("exp()", "exp takes 1 argument, not 0", 0),
        ("1 + maximum(x)", "maximum takes 2 arguments, not 1", 4),
        ("exp(*x)", "arguments cannot be unpacked", 4),
        ("exp + 1", r"exp is a function: write exp\(...\)", 0),
        ("2x", r"there is no operator before x: a product is written 2\*x", 1),
        ("x y", r"a product is written x\*y", 2),
        ("2(x + 1)", r"only functions can be: is a \* missing", 0),
        ("0x1f", "there is no operator before x1f", 1),
        ("1_000", "there is no operator before _000", 1),
        ("1j", "there is no operator before j", 1),
        ("٣", "has no meaning|is no formula", 0),
        ("007", "this is no formula: leading zeros", 0),
        ("True", "True is no number", 0),
        ("x, y", "there is no place for a comma", 0),
        ("1 + ()", "nothing between these parentheses", 4),
        ("x + * y", "this is no formula", 4),
        ("x +", "this is no formula", None),
        ("(x + 1", r"this \( is never closed", 0),
        ("x)", r"this \) closes nothing", 1),
        ("1 + 1e400", "this number is larger than any float", 4),
        ("1 + 1" + "0" * 400, "this number is larger than any float", 4),
        ("θθ + sine(x)", "there is no function sine", 5),
        ("x\0y", "has no meaning", 1),
    ],
)
def test_a_mistake_is_named_and_its_place_is_shown(text, what, column):
    with pytest.raises(st.InputError, match=what) as caught:
        st.expression(text)
    _, shown, mark = str(caught.value).split("\n")
    assert mark.strip() == "^"
    if column is not None:
        assert mark.index("^") == column + 4
    assert all(sign.isprintable() for sign in shown)


def test_a_long_text_is_shown_around_the_place():
    with pytest.raises(st.InputError, match="there is no function sine") as caught:
        st.expression("x + " * 100 + "sine(y) + " + "x + " * 99 + "x")
    _, shown, mark = str(caught.value).split("\n")
    assert len(shown) < 105
    assert shown[mark.index("^") :].startswith("sine(y)")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the expression is empty"), (" \n ", "the expression is empty"),
        (None, "an expression is a text such as .*, not a NoneType"), (b"x", "not a bytes"),
        ("x" * (LONGEST + 1), "has 2001 characters, and 2000 is the most"),
    ],
)  # fmt: skip
def test_what_has_no_place_in_it(text, what):
    with pytest.raises(st.InputError, match=what):
        st.expression(text)


DEEP = {
    "parentheses": lambda n: "(" * n + "x" + ")" * n,
    "calls": lambda n: "exp(" * n + "x" + ")" * n,
    "signs": lambda n: "-" * n + "x",
    "spaced signs": lambda n: "- + " * (n // 2) + "x",
    "towers": lambda n: "x" + "**x" * n,
    "towers of signs": lambda n: "x" + "**-x" * n,
}


@pytest.mark.parametrize("kind", DEEP)
def test_nesting_has_a_limit(kind):
    assert st.expression(DEEP[kind](NESTING // 2)).variables == ("x",)
    for levels in (NESTING + 10, 2 * NESTING, LONGEST // 10, LONGEST // 5, LONGEST // 4):
        with pytest.raises(st.InputError, match=r"nested too deep|characters, and"):
            st.expression(DEEP[kind](levels))


def test_mixed_nesting_has_a_limit():
    with pytest.raises(st.InputError, match="nested too deep"):
        st.expression("-x**(" * 30 + "x" + ")" * 30)


def test_sums_and_products_may_be_long():
    f = st.expression("+".join(["x"] * 1000))(x=0.5)
    f.backward()
    leaf = next(arg for arg in f.args if arg.op is None)
    assert (float(f), float(leaf.grad)) == (500, 1000)
    assert float(st.expression("-1*x" + "*x" * 900)(x=1)) == -1


@pytest.mark.parametrize(
    "text",
    ["9**" * 15 + "9", "9" * LONGEST, "1e" + "9" * 1990, "((" * 900, "lambda:" * 280, "[" * LONGEST, "x**-" * 499,
     "not " * 499, "f'{" * 600, "\\" * 1000, "(9**9**9)**(9**9**9)", "exp(" * 45 + "9" + ")" * 45],
)  # fmt: skip
def test_no_text_takes_long(text):
    start = time.perf_counter()
    with contextlib.suppress(st.InputError):
        st.expression(text)()
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ({"x": 1}, "needs a value for y, z: call it with x=..., y=..., z=..."),
        ({"x": 1, "y": 1, "z": 1, "w": 1}, r"\(x \+ y\) \* z has no variable w: choose one of x, y, z"),
        ({"x": 1, "y": 1, "z": 1, "pi": 3}, "pi is a constant"),
        ({"x": "one", "y": 1, "z": 1}, "x must be real numbers"),
        ({"x": [[1], [2, 3]], "y": 1, "z": 1}, "x must be a number or an array"),
        ({"x": [1, 2], "y": [1, 2, 3], "z": 1}, r"add cannot take \(x \(2,\), y \(3,\)\)"),
    ],
)
def test_mistakes_at_the_call(call, what):
    with pytest.raises(st.InputError, match=what):
        st.expression("(x + y) * z")(**call)


def test_values_for_a_formula_without_variables():
    with pytest.raises(st.InputError, match=r"1 \+ 1 has no variable x: it has none"):
        st.expression("1 + 1")(x=1)


SIGNS = some.sampled_from([*"xyz()+-*/.,012 9e\n[]{}'\"\\=<:@^~\0_#;é²٣", "**", "exp", "log(", "__a", "if ", "e5"])


@settings(max_examples=400)
@given(some.one_of(some.text(max_size=60), some.lists(SIGNS, max_size=40).map("".join)))
@example("\ud800")
@example("1if x else y")
@example("'\\d'")
def test_random_text_raises_nothing_but_input_errors(text):
    try:
        formula = st.expression(text)
        result = formula(**dict.fromkeys(formula.variables, 0.5))
    except st.InputError:
        return
    assert type(result) is st.Tensor


ONE = {
    "abs": abs, "cos": math.cos, "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p,
    "relu": lambda x: x if x > 0 else 0.0, "sigmoid": lambda x: 1 / (1 + math.exp(-x)), "sin": math.sin,
    "sqrt": math.sqrt, "tanh": math.tanh, "-": lambda x: -x, "+": lambda x: x,
}  # fmt: skip
TWO = {
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y, "/": lambda x, y: x / y,
    "**": lambda x, y: math.pow(x, y), "maximum": max, "minimum": min,
}  # fmt: skip
AT = {"x": 0.75, "y": -1.5, "long_name_2": 3.0}
NUMBERS = some.floats(0, 100, allow_subnormal=False)


def unary(inner):
    return some.tuples(some.sampled_from(sorted(ONE)), inner)


def binary(inner):
    return some.tuples(some.sampled_from(sorted(TWO)), inner, inner)


TREES = some.recursive(
    some.one_of(NUMBERS, some.sampled_from(sorted(AT)), some.sampled_from(sorted(CONSTANTS))),
    lambda inner: some.one_of(unary(inner), binary(inner)),
    max_leaves=12,
)


def written(tree):
    if not isinstance(tree, tuple):
        return str(tree)
    sign, *parts = tree
    parts = [written(part) for part in parts]
    if sign.isalnum():
        return f"{sign}({', '.join(parts)})"
    return f"({sign}{parts[0]})" if len(parts) == 1 else f"({parts[0]} {sign} {parts[1]})"


def calculated(tree):
    if isinstance(tree, tuple):
        return (ONE if len(tree) == 2 else TWO)[tree[0]](*map(calculated, tree[1:]))
    return {**AT, **CONSTANTS}[tree] if isinstance(tree, str) else tree


@settings(max_examples=300)
@given(TREES)
def test_random_formulas_are_what_floats_say(tree):
    formula = st.expression(written(tree))
    result = float(formula(**{name: AT[name] for name in formula.variables}))
    try:
        oracle = calculated(tree)
    except (OverflowError, ValueError, ZeroDivisionError):
        return
    assert result == pytest.approx(oracle, rel=1e-9, abs=1e-12, nan_ok=True)
