"""x_i, y_i: data sets, their readers, toy problems, splits."""

from steepest.data.dataset import Dataset
from steepest.data.load import load

__all__ = ["Dataset", "load"]
