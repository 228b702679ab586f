"""Sweeps over the rows: native programs, and their readable twins in NumPy."""
