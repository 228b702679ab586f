"""Whole algorithms for convex objectives: to the optimum in few passes over the data, with a certificate."""

from steepest.solvers.certificate import Certificate

__all__ = ["Certificate"]
