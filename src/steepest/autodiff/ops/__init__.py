"""The ops: functions of tensors or arrays. With tensors they make nodes of the graph, with arrays alone plain arrays.

One declaration each, by rooms: ``arithmetic``, ``functions`` of one number, ``choices``, ``reductions``, ``shapes``,
``products``, ``activations``. A public name of a room is a name here; ``st.op`` declares more.
"""

from steepest.autodiff.ops import activations, arithmetic, choices, functions, products, reductions, shapes
from steepest.autodiff.ops.activations import *  # noqa: F403
from steepest.autodiff.ops.arithmetic import *  # noqa: F403
from steepest.autodiff.ops.choices import *  # noqa: F403
from steepest.autodiff.ops.functions import *  # noqa: F403
from steepest.autodiff.ops.products import *  # noqa: F403
from steepest.autodiff.ops.reductions import *  # noqa: F403
from steepest.autodiff.ops.shapes import *  # noqa: F403

__all__ = sorted(
    name
    for room in (activations, arithmetic, choices, functions, products, reductions, shapes)
    for name in room.__all__
)
