"""Compare the log-cosh loss with its slow twin and with finite differences, as tests/kernels/test_losses.py does."""

import naive
import numpy as np
from log_cosh import log_cosh, naive_log_cosh

generator = np.random.default_rng(0)
outputs, target = generator.normal(size=3), generator.normal(size=3)
expected, slopes = naive_log_cosh(outputs, target)
gradient = outputs.copy()
assert abs(log_cosh(gradient, target) - expected) < 1e-12
assert np.allclose(gradient, slopes, rtol=1e-12)
assert np.allclose(gradient, naive.central_differences(lambda: naive_log_cosh(outputs, target)[0], outputs), rtol=1e-6)
assert np.isfinite(log_cosh(np.array([1e4]), np.array([0.0])))  # where cosh overflows
