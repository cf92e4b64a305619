"""Whether numbers are finite, at the speed of memory."""

import numpy as np

from numrnn.kernels.jit import njit


@njit
def all_finite(values):
    """Whether a flat array holds neither NaN nor infinity. To leave at the first one found would keep LLVM from testing
    many at once.
    """
    finite = True
    for i in range(values.size):
        finite &= np.isfinite(values[i])
    return finite
