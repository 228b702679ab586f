"""f(x, W): the score functions."""
