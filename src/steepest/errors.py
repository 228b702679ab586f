"""The errors and warnings that steepest raises on purpose: what was wrong, where, and what to do."""


class InputError(ValueError):
    """Something handed to steepest cannot be used: a file, an array, a parameter.

    The message is one line (or a short list) that says what is wrong, where (file, row, column, parameter) and what to do.
    The command line prints it without a traceback and ends with status 2.
    """


class DataWarning(UserWarning):
    """Data could be used, but not all of it, or not as one would think: the message says what was left out and why."""


class DivergenceError(RuntimeError):
    """Training went to infinity: the message names the epoch, the step and the likely cause."""
