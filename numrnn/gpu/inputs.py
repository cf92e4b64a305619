"""What the first layer reads: vectors, symbols that pick rows of U, or rows of an embedding."""

import numpy as np

from numrnn.gpu.device import arrays, launch_each, product
from numrnn.gpu.dropout import drop
from numrnn.kernels.cpu.dropout import INPUTS
from numrnn.kernels.cuda.rows import read_symbols, sum_by_symbol


class Inputs:
    """The inputs of the rows of a mini-batch.

    Parameters
    ----------
    layout : Layout
    values : device array of shape (steps, D), or (steps * bytes,) uint8 of symbols
    itemsize : int
        Bytes of a symbol.
    weights : dict of str to device array
    batch : DeviceBatch
    kept : float
        Probability that dropout keeps a number of an embedding.

    Attributes
    ----------
    x : device array of shape (R, D), or None where symbols pick rows of U
    """

    def __init__(self, layout, values, itemsize, weights, batch, kept):
        self._layout, self._batch, self._kept, self.x = layout, batch, kept, None
        if layout.n_symbols is None:
            self.x = values[batch.rows.source]
            return
        self._symbols = arrays().empty(batch.size, np.int64)
        launch_each(read_symbols, batch.size, values, itemsize, batch.rows.source, self._symbols)
        if layout.embedding_size is not None:
            self.x = weights["embedding"][self._symbols]
            drop(batch.rows, INPUTS, kept, self.x)

    def products(self, U):
        """U x of all rows, (R, G H)."""
        return U.T[self._symbols] if self.x is None else product(self.x, U.T)

    def add_gradient_of_U(self, gates, dU):
        """dU (G H, D) from the gradients of pre-activations (R, G H); it holds zeros where symbols pick its rows."""
        if self.x is None:
            self._sum(gates, dU.T)
        else:
            arrays().matmul(gates.T, self.x, out=dU)

    def add_gradient_of_embedding(self, dx, dembedding):
        """dembedding (n_symbols, E) += dx (R, E) of the rows in which a symbol occurs; dx is spent."""
        drop(self._batch.rows, INPUTS, self._kept, dx)
        self._sum(dx, dembedding)

    def _sum(self, rows, table):
        xp = arrays()
        order = xp.argsort(self._symbols, kind="stable")
        first = xp.searchsorted(self._symbols[order], xp.arange(self._layout.n_symbols + 1))
        launch_each(sum_by_symbol, table.size, order, first, rows, table)
