"""The formula: L(W) = 1/N sum_i L_i(f(x_i, W), y_i) + alpha R(W).

Everything that optimizes, checks or draws talks to an ``Objective``. ``GraphObjective`` evaluates it on the graph, for
any model, loss and penalty; ``CompiledLinear`` runs that of a linear classifier as one native program.
"""

from steepest.objective.base import Objective
from steepest.objective.compiled import CompiledLinear
from steepest.objective.graph import GraphObjective

__all__ = ["CompiledLinear", "GraphObjective", "Objective"]
