"""The formula: L(W) = 1/N sum_i L_i(f(x_i, W), y_i) + alpha R(W).

Everything that optimizes, checks or draws talks to one of these.
"""
