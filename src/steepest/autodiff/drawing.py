"""A graph as a picture, for a page, a notebook or the terminal."""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import final

from steepest.autodiff.graph import Tensor
from steepest.autodiff.outline import outline
from steepest.autodiff.sketch import Sketch, show, sketch
from steepest.errors import InputError

__all__ = ["Drawing", "draw"]


@final
class Drawing:
    """The picture of a graph as it was when ``draw`` was called.

    Attributes
    ----------
    text : str
        For the terminal: a tree, values and gradients in columns. It is what ``print`` shows.
    svg : str
        For a page: one SVG element, with a background of its own. A notebook shows it by itself.
    """

    def __init__(self, picture: Sketch, title: str) -> None:
        self._picture, self._title = picture, title

    @cached_property
    def text(self) -> str:
        """The picture in signs."""
        return outline(self._picture)

    @cached_property
    def svg(self) -> str:
        """The picture in lines."""
        from steepest.autodiff.svg import svg

        return svg(self._picture, self._title)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file.

        Parameters
        ----------
        path : path
            It ends in .svg or .txt, which says what is written.

        Raises
        ------
        InputError
            If it ends otherwise, or cannot be written.
        """
        file = Path(path)
        kinds = {".svg": "svg", ".txt": "text"}
        if file.suffix.lower() not in kinds:
            raise InputError(
                f"{file}: a drawing is saved as .svg or .txt, not as {file.suffix or 'a file without end'}"
            )
        picture: str = getattr(self, kinds[file.suffix.lower()])
        try:
            file.write_text(picture.rstrip("\n") + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror}") from None

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self._title}>"

    def _repr_svg_(self) -> str | None:
        try:
            return self.svg
        except InputError:  # no library for the layout: the notebook shows the text
            return None

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text(self.text)  # type: ignore[attr-defined]


def draw(f: Tensor, gradients: bool | None = None, local: bool = False) -> Drawing:
    """Draw the graph that a tensor came from: values forward and gradients backward, on each edge.

    Above each edge stands the value that goes forward, below it the gradient that comes back along this edge alone.
    Where several edges leave a node, the node has the sum of what comes back.

    Parameters
    ----------
    f : Tensor
        The last node.
    gradients : bool or None
        By default those of ``f.backward()``, if that has been called. True calculates them, from the seed 1 if it has
        not, and leaves every ``grad`` as it is; False draws values alone.
    local : bool
        Also show for each edge of what the gradient is the product: upstream gradient times local gradient.

    Returns
    -------
    Drawing
        Its ``svg`` and its ``text``; ``save`` writes either. Numbers are rounded to four digits; arrays of more than
        four show their shape.

    Raises
    ------
    InputError
        If ``f`` is no tensor, the graph has more than 400 nodes, or gradients are wanted that do not exist.

    Examples
    --------
    >>> import steepest as st
    >>> f = st.expression("(x + y) * z")(x=-2, y=5, z=-4)
    >>> print(st.draw(f, gradients=True, local=True))
               value   gradient   upstream x local
    *            -12          1
    ├─ +           3         -4   1 x -4
    │  ├─ x       -2         -4   -4 x 1
    │  └─ y        5         -4   -4 x 1
    └─ z          -4          3   1 x 3
    """
    if type(f) is not Tensor:
        raise InputError(f"draw takes a tensor, the last node of a graph, not a {type(f).__name__}")
    picture = sketch(f, gradients, local)
    name = picture.nodes[0].label
    title = f"graph of {name or 'a tensor'}: {len(picture.nodes) - 1} nodes, value {show(f._value)}"
    return Drawing(picture, title)
