"""Read the first layer's inputs: vectors, symbols that select rows of U, or rows of an embedding."""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.dropout import INPUTS
from numrnn.kernels.cuda.rows import read_symbols, sum_by_symbol
from numrnn.network.cuda.cublas import multiply, product
from numrnn.network.cuda.device import arrays, launch_each
from numrnn.network.cuda.layers import drop


class Read(NamedTuple):
    """Hold steps of the data on the GPU, one per row of a mini-batch; fields that do not apply are None."""

    x: object  # (R, D)
    symbols: object  # (R,) int64
    order: object  # (R,) int64: rows in the order of their symbols
    first: object  # (n_symbols + 1,) int64: index in `order` of each symbol's first row


def gather(source, rows, read):
    """Copy the steps of rows from the data into `read`; `order` and `first` of symbols are not set.

    `source` consists of an array and a number: the steps (steps, D) and 0, or the symbols' bytes (steps * bytes,) uint8
    and the number of bytes of a symbol.
    """
    values, itemsize = source
    if read.symbols is None:
        arrays().take(values, rows.source, axis=0, out=read.x)
    else:
        launch_each(read_symbols, len(rows.source), values, itemsize, rows.source, read.symbols)


def gathered(layout, source, rows):
    """Return the steps of rows as a new `Read` without the order of symbols; see `gather`."""
    xp, R = arrays(), len(rows.source)
    if layout.n_symbols is None:
        read = Read(xp.empty((R, source[0].shape[1]), source[0].dtype), None, None, None)
    else:
        read = Read(None, xp.empty(R, np.int64), None, None)
    gather(source, rows, read)
    return read


def sort_symbols(read, steps):
    """Sort the symbols of the first `steps` rows; the rows after them belong to no sequence.

    The sort is stable, so that sums over the rows of a symbol are bitwise identical in every run.
    """
    xp, symbols = arrays(), read.symbols[:steps]
    order = xp.argsort(symbols, kind="stable")
    read.order[:steps] = order
    read.first[:] = xp.searchsorted(symbols[order], xp.arange(len(read.first)))


class Inputs:
    """Compute products and gradients of the inputs of a mini-batch's rows.

    `kept` is the keep probability of an embedding's elements. The attribute `x` is (R, D), or None if symbols select
    rows of U.
    """

    def __init__(self, layout, read, weights, batch, kept):
        self._read, self._batch, self._kept, self.x = read, batch, kept, read.x
        if layout.embedding_size is not None:
            self.x = weights["embedding"][read.symbols]
            drop(batch.rows, INPUTS, kept, self.x)

    def products(self, U):
        """Return U x of all rows, (R, G H)."""
        return U.T[self._read.symbols] if self.x is None else product(self.x, U.T)

    def add_gradient_of_U(self, gates, dU):
        """Compute dU (G H, D) from the gradients of pre-activations (R, G H).

        dU must hold zeros if symbols select its rows.
        """
        if self.x is None:
            self._sum(gates, dU.T)
        else:
            multiply(gates.T, self.x, dU)

    def add_gradient_of_embedding(self, dx, dembedding):
        """Add dx (R, E) of the rows in which a symbol occurs to dembedding (n_symbols, E); dx is overwritten."""
        drop(self._batch.rows, INPUTS, self._kept, dx)
        self._sum(dx, dembedding)

    def _sum(self, rows, table):
        launch_each(sum_by_symbol, table.size, self._read.order, self._read.first, rows, table)
