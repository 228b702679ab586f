"""steepest: classifiers trained fast, proven, and open to the eye."""

__version__ = "0.1.0"
