"""Whole algorithms for convex objectives: to the optimum in few passes over the data, with a certificate."""

from steepest.solvers.certificate import Certificate
from steepest.solvers.choice import SOLVERS, Choice, choose, solve
from steepest.solvers.convex import Solution, minimize

__all__ = ["SOLVERS", "Certificate", "Choice", "Solution", "choose", "minimize", "solve"]
