"""Whole algorithms for convex objectives: to the optimum in few passes over the data, with a certificate."""

from steepest.solvers.certificate import Certificate
from steepest.solvers.choice import SOLVERS, Choice, choose, solve
from steepest.solvers.convex import Solution, minimize
from steepest.solvers.coordinate import coordinate_descent
from steepest.solvers.descent import gradient_descent
from steepest.solvers.genetic import genetic_search
from steepest.solvers.l1_limit import alpha_max
from steepest.solvers.local_search import local_search
from steepest.solvers.path import Path, Tried, select
from steepest.solvers.perceptron import perceptron
from steepest.solvers.platt import calibrate, platt
from steepest.solvers.random_search import random_search
from steepest.solvers.ridge import Ridge
from steepest.solvers.search import Search

__all__ = [
    "SOLVERS",
    "Certificate",
    "Choice",
    "Path",
    "Ridge",
    "Search",
    "Solution",
    "Tried",
    "alpha_max",
    "calibrate",
    "choose",
    "coordinate_descent",
    "genetic_search",
    "gradient_descent",
    "local_search",
    "minimize",
    "perceptron",
    "platt",
    "random_search",
    "select",
    "solve",
]
