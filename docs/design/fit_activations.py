"""Compute the coefficients of q in expm1(r) = r + r^2 q(r), |r| <= ln 2 / 2, for kernels/cpu/activations.py.

Interpolation at Chebyshev nodes in 60 digits comes within a small factor of the best polynomial. Run it by
``python fit_activations.py`` (needs mpmath).
"""

import mpmath as mp
import numpy as np

mp.mp.dps = 60


def coefficients(degree):
    """Return the coefficients of q, highest power first."""
    half = mp.log(2) / 2 * mp.mpf("1.0001")
    nodes = [half * mp.cos(mp.pi * (2 * i + 1) / (2 * degree + 2)) for i in range(degree + 1)]
    matrix = mp.matrix([[r**power for power in range(degree, -1, -1)] for r in nodes])
    values = mp.matrix([(mp.expm1(r) - r) / r**2 if abs(r) > 1e-20 else mp.mpf(1) / 2 for r in nodes])
    return list(mp.lu_solve(matrix, values))


def worst(q):
    """Return the largest relative error of r + r^2 q(r) against expm1(r)."""
    half = mp.log(2) / 2
    points = [half * mp.mpf(i) / 1000 for i in range(-1000, 1001) if i]
    return max(abs((r + r * r * mp.polyval(q, r)) / mp.expm1(r) - 1) for r in points)


for kind, degree in ((np.float32, 4), (np.float64, 9)):
    q = coefficients(degree)
    print(kind.__name__, "relative error of the polynomial", mp.nstr(worst(q), 3))
    for value in q:
        print("   ", repr(float(kind(float(value)))), float(kind(float(value))).hex())
