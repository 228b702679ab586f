"""Pictures of graphs: what stands in them, that nothing covers anything, and that no name can break them."""

import random
import re
import subprocess
import sys
import time
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import steepest as st
from steepest.autodiff.scene import Scene
from steepest.autodiff.sketch import LARGEST, show, sketch

SVG = "{http://www.w3.org/2000/svg}"


def lecture():
    f = st.expression("(x + y) * z")(x=-2, y=5, z=-4)
    f.name = "f"
    return f


def texts(drawing):
    """What is written in a drawing, with the signs that a keyboard has."""
    return [plain(node.text) for node in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def plain(text):
    return text.replace("\N{MINUS SIGN}", "-").replace("\N{MULTIPLICATION SIGN}", "*")


def test_the_lecture_picture():
    drawn = texts(st.draw(lecture(), gradients=True))
    for sign in ("x", "y", "z", "+", "*", "f", "-2", "5", "-4", "3", "-12", "1"):
        assert sign in drawn
    assert drawn.count("-4") == 4  # z itself, and the gradients of x, y and the sum
    assert drawn[-2:] == ["above the line: value, forward", "below: gradient, backward"]


def test_values_stand_above_the_line_and_gradients_below():
    root = ElementTree.fromstring(st.draw(lecture(), gradients=True).svg)
    places = {plain(node.text): float(node.get("y")) for node in root.iter(f"{SVG}text")}
    assert places["-12"] < places["f"] < places["1"]


def test_arguments_come_from_top_to_bottom():
    root = ElementTree.fromstring(st.draw(st.expression("a / (b - c ** d)")(a=1, b=2, c=3, d=4)).svg)
    heights = {node.text: float(node.get("y")) for node in root.iter(f"{SVG}text")}
    assert heights["a"] < heights["b"] < heights["c"] < heights["d"]


def test_arguments_in_another_order_are_numbered():
    numbered = 0
    for seed in range(40):
        f = random_graph(25, seed)
        picture = sketch(f, False, False)
        into = {}
        for edge, way in zip(picture.edges, Scene(picture).ways, strict=True):
            into.setdefault(edge.target, []).append(way[-1][1])
        turned = [picture.nodes[k] for k, heights in into.items() if heights != sorted(heights)]
        numbers = re.findall(
            'font-size="10" fill="#68717d" text-anchor="middle">([12])<', st.draw(f, gradients=False).svg
        )
        assert sorted(numbers) == sorted("12" * sum(node.ordered for node in turned))
        numbered += len(numbers)
    assert numbered


def test_gradients_are_those_of_backward_and_are_left_alone():
    f = lecture()
    assert "gradient" not in st.draw(f).text
    assert "gradient" in st.draw(f, gradients=True).text
    assert f.grad is None
    assert all(arg.grad is None for arg in f.args)
    f.backward(2.0)
    assert "  -8" in st.draw(f).text
    assert "  -8" in st.draw(f, gradients=True).text
    assert "gradient" not in st.draw(f, gradients=False).text


def test_a_drawing_is_of_the_moment():
    f = lecture()
    before = st.draw(f)
    f.backward()
    assert "gradient" not in before.svg


def test_edges_of_one_node_add_up():
    x = st.tensor(3.0, name="x")
    drawing = st.draw(x * x + x, gradients=True)
    assert "Σ 7" in texts(drawing)
    assert "all edges: 7" in drawing.text
    assert [edge.gradient for edge in drawing._picture.edges] == ["1", "1", "1", "3", "3"]


def test_parallel_edges_without_numbers_are_two():
    x = st.tensor(3.0)
    scene = Scene(sketch(x * x, False, False))
    assert scene.ways[1] != scene.ways[2]


def test_local_gradients():
    drawing = st.draw(lecture(), gradients=True, local=True)
    assert "-4 * 1" in texts(drawing)
    assert "1 * -4" in texts(drawing)
    assert "= upstream * local" in texts(drawing)
    alone = st.draw(lecture(), local=True)
    assert "below: local gradient" in texts(alone)
    assert alone.text.split("\n")[0].split() == ["value", "local"]


def test_local_gradients_of_arrays_are_jacobians():
    W, x = st.tensor(np.ones((2, 3)), name="W"), st.tensor(np.ones(3), name="x")
    drawing = st.draw((W @ x).sum(), gradients=True, local=True)
    assert "[1, 1] * Jacobian 2*6" in texts(drawing)
    assert "[1, 1] x Jacobian 2x3" in drawing.text


def test_the_text_of_a_shared_node_is_drawn_once():
    x = st.tensor(2.0, name="x")
    s = st.sin(x)
    assert st.draw(s * s + 1).text.split("\n") == [
        "                 value",
        "+                1.827",
        "├─ *            0.8268",
        "│  ├─ sin [1]   0.9093",
        "│  │  └─ x           2",
        "│  └─ sin [1]   0.9093",
        "└─ 1",
    ]


def test_print_and_notebooks():
    drawing = st.draw(lecture())
    assert str(drawing) == drawing.text
    assert drawing._repr_svg_() == drawing.svg
    assert repr(drawing) == "<graph of f: 5 nodes, value -12>"

    class Printer:
        said = ""

        def text(self, text):
            self.said += text

    printer = Printer()
    drawing._repr_pretty_(printer, False)
    assert printer.said == drawing.text


def test_the_svg_says_what_it_is_and_shares_nothing_with_its_page():
    svg = st.draw(lecture(), gradients=True).svg
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == "graph of f: 5 nodes, value -12"
    assert root.find(f"{SVG}title").text == root.get("aria-label")
    assert root.find(f"{SVG}rect").get("width") == "100%"  # paper of its own, on a dark page too
    assert not re.search(r"<(script|style|a|image|use)\b|\s(id|class|href|style|on\w+)=|url\(", svg)
    tips = [title.text for title in root.iter(f"{SVG}title")]
    assert "multiply" in " ".join(tips)
    assert "x: value -2, gradient -4" in tips


HOSTILE = [
    "<script>alert(1)</script>", "a&b", '"quoted"', "'", "]]>", "x\0y", "\ud800", "\x1b[31m", "a\nb", "\u202egnp",
    "a" * 5000, "θ", "数字", "💥", "<!--", "&lt;", "%s {}",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(name, tmp_path):
    f = st.tensor(1.0, name=name) * 2
    f.name = name
    drawing = st.draw(f, gradients=True, local=True)
    root = ElementTree.fromstring(drawing.svg)
    assert not list(root.iter(f"{SVG}script"))
    assert len(drawing.text.split("\n")) == 4
    assert all(sign.isprintable() or sign == "\n" for sign in drawing.text)
    drawing.save(tmp_path / "graph.svg")
    drawing.save(tmp_path / "graph.txt")
    ElementTree.parse(tmp_path / "graph.svg")


@settings(max_examples=60)
@given(some.text())
def test_any_name_gives_valid_xml(name):
    ElementTree.fromstring(st.draw(st.tensor(1.0, name=name) + 1).svg)


def test_a_long_name_is_cut_and_whole_in_its_tip():
    drawing = st.draw(st.tensor(1.0, name="n" * 50) * 2)
    assert "n" * 35 + "…" in texts(drawing)
    assert "n" * 50 in drawing.svg
    assert "n" * 30 in texts(st.draw(st.tensor(1.0, name="n" * 30) * 2))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "0"), (1.0, "1"), (-12.0, "-12"), (0.73105857, "0.7311"), (1e-9, "1e-9"), (1.5e20, "1.5e20"),
        (12345.6, "12346"), (999999.0, "999999"), (1e6, "1e6"), (np.inf, "inf"), (-np.inf, "-inf"), (np.nan, "nan"),
        (3, "3"), (True, "1"), (np.float32(0.1), "0.1"), ([1.0, -0.0], "[1, 0]"), ([[1.0, 2.0], [3.0, 4.5]],
        "[[1, 2], [3, 4.5]]"), (np.zeros((3, 4)), "(3, 4)"), (np.zeros(0), "[]"), ([1 / 3, 1e-9], "[0.333, 1e-9]"),
        ([-1.234e-100] * 4, "(4,)"), (None, "None"), ("a\nb", r"'a\nb'"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert show(value) == text


def test_infinities_and_nan_are_drawn():
    drawn = texts(st.draw(st.expression("log(x) + log(-y)")(x=0, y=1)))
    assert "-∞" in drawn
    assert "NaN" in drawn


def test_arguments_without_a_derivative_show_none():
    x = st.tensor([1.0, -1.0], name="x")
    c = st.tensor([True, False], name="c")
    drawing = st.draw(st.ops.where(c, x, 0.0).sum(), gradients=True)
    edge = next(edge for edge in drawing._picture.edges if drawing._picture.nodes[edge.source].label == "c")
    assert edge.gradient == ""


def test_a_leaf_alone():
    assert "x" in texts(st.draw(st.tensor(3.0, name="x")))
    assert st.draw(st.tensor(3.0, name="x")).text.split("\n")[1].split() == ["x", "3"]
    assert st.draw(st.tensor(3.0)).text.split("\n")[1].split() == ["3", "3"]


def test_saving(tmp_path):
    drawing = st.draw(lecture())
    drawing.save(tmp_path / "graph.SVG")
    drawing.save(str(tmp_path / "graph.txt"))
    assert (tmp_path / "graph.SVG").read_text(encoding="utf-8") == drawing.svg
    assert (tmp_path / "graph.txt").read_text(encoding="utf-8") == drawing.text + "\n"


def test_mistakes(tmp_path):
    with pytest.raises(st.InputError, match=r"graph\.png: a drawing is saved as \.svg or \.txt, not as \.png"):
        st.draw(lecture()).save(tmp_path / "graph.png")
    with pytest.raises(st.InputError, match="not as a file without end"):
        st.draw(lecture()).save(tmp_path / "graph")
    with pytest.raises(st.InputError, match="cannot be written: No such file"):
        st.draw(lecture()).save(tmp_path / "none" / "graph.txt")
    with pytest.raises(st.InputError, match="draw takes a tensor, the last node of a graph, not a float"):
        st.draw(3.0)
    with pytest.raises(st.InputError, match="needs a seed"):
        st.draw(st.tensor([1.0, 2.0]) * 2, gradients=True)
    with pytest.raises(st.InputError, match="a NaN was born"):
        st.draw(st.expression("log(x)")(x=-1), gradients=True)


def test_without_the_layout_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "fast_sugiyama", None)
    drawing = st.draw(lecture())
    assert "z" in drawing.text
    assert drawing._repr_svg_() is None
    with pytest.raises(st.InputError, match=r"pip install 'steepest\[draw\]'"):
        _ = drawing.svg


def test_heavy_libraries_come_with_the_picture_only():
    script = (
        "import sys, steepest as st; str(st.draw(st.expression('x*y')(x=1, y=2))); st.compare_gradients; "
        "print(*[name for name in ('sympy', 'mpmath', 'fast_sugiyama') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def chain(length):
    f = st.tensor(1.0, name="x")
    for _ in range(length - 1):
        f = st.sin(f)
    return f


def test_the_size_has_a_limit():
    start = time.perf_counter()
    assert len(st.draw(chain(LARGEST)).svg) > LARGEST
    assert len(st.draw(chain(LARGEST), gradients=True, local=True).text.split("\n")) == LARGEST + 1
    assert time.perf_counter() - start < 10
    with pytest.raises(st.InputError, match="more than 400 nodes, too many for a picture"):
        st.draw(chain(LARGEST + 1))


def random_graph(size, seed):
    draw = random.Random(seed)
    nodes = [st.tensor(draw.uniform(0.5, 2), name=f"v{k}") for k in range(draw.randint(1, 5))]
    reach = draw.choice([2, 8, 40])
    while len(nodes) < size:
        one, other = draw.choice(nodes[-reach:]), draw.choice([*nodes, 2.0, 3.0])
        nodes.append(draw.choice([one + other, one * other, one - other, st.tanh(one), st.sigmoid(one)]))
    return nodes[-1]


GRAPHS = {f"random {seed}": random_graph(5 + seed, seed) for seed in range(0, 80, 4)}
GRAPHS |= {"chain": chain(100), "fan": sum(st.tensor(1.0, name=f"x{k}") for k in range(60)), "leaf": chain(1)}


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_covers_anything(name):
    picture = sketch(GRAPHS[name], True, True)
    scene = Scene(picture)
    for one, other in combinations(scene.boxes, 2):
        beside = abs(one.x - other.x) >= (one.width + other.width) / 2 - 0.01
        assert beside or one.y - one.above >= other.y + other.below - 0.01 or other.y - other.above >= one.y + one.below
    for box in scene.boxes:
        assert 0 < box.x - box.width / 2 < box.x + box.width / 2 < scene.width
        assert 0 < box.y - box.above < box.y + box.below < scene.height
    for k, (edge, way) in enumerate(zip(picture.edges, scene.ways, strict=True)):
        own = {edge.source, edge.target, scene.labels.get(k)}
        assert all(before[0] <= after[0] + 0.01 for before, after in pairwise(way))  # to the right
        for (left, y), (right, _) in zip(way[::2], way[1::2], strict=False):
            for position, box in enumerate(scene.boxes):
                apart = right <= box.x - box.width / 2 + 0.01 or left >= box.x + box.width / 2 - 0.01
                assert position in own or apart or not box.y - box.above < y < box.y + box.below


def test_the_same_graph_gives_the_same_picture():
    script = "import steepest as st; print(st.draw(st.expression('(x*y+sin(x))*(x+y)/(x-y)')(x=1, y=2)).svg)"
    pictures = {
        subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout for _ in range(3)
    }
    assert len(pictures) == 1
