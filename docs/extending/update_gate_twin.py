"""Compute the update-gate cell slowly, by one unit at a time; both functions belong in tests/naive.py."""

import numpy as np
from naive import row_back, row_sum, sigmoid


def update_gate_step(x, s, p, activation):
    """Compute s_t of an update-gate cell (Collins, Sohl-Dickstein and Sussillo 2017)."""
    H = len(s)
    now, z, n = (np.empty(H) for _ in range(3))
    for j in range(H):
        z[j] = sigmoid(row_sum(p, j, x, s))
        n[j] = np.tanh(row_sum(p, H + j, x, s))
        now[j] = (1.0 - z[j]) * n[j] + z[j] * s[j]
    return now, (z, n)


def update_gate_back(dnow, x, s, now, saved, p, dp, activation):
    H = len(s)
    z, n = saved
    dx, ds = np.zeros(np.shape(x)), np.zeros(H)
    for j in range(H):
        dz, dn = dnow[j] * (s[j] - n[j]), dnow[j] * (1.0 - z[j])
        ds[j] += dnow[j] * z[j]
        row_back(dz * z[j] * (1.0 - z[j]), p, dp, j, x, s, dx, ds)
        row_back(dn * (1.0 - n[j] ** 2), p, dp, H + j, x, s, dx, ds)
    return dx, ds
