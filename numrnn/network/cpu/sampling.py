"""Generate symbols with a network, one after another."""

import numpy as np

from numrnn.kernels.cpu.inputs import SymbolData
from numrnn.kernels.cpu.sampling import generate
from numrnn.network.cpu.workspaces import make_scratch

FIRST_BLOCK, LARGEST_BLOCK = 16, 4096  # symbols per call of compiled code; few in the first call, for quick output


class Writer:
    """Continue one text; the state is kept between calls, so no step is computed twice.

    The `CPUNetwork` must read symbols, have an output for each step, and have its weights packed. Many writers may
    share it. Logits are divided by `temperature`; 0 always selects the most probable symbol. Symbols are drawn from the
    `top_k` most probable ones and, of these, from the fewest that together have at least the probability `top_p`; None
    means no restriction. `random` is a NumPy generator, which gives one number per symbol.
    """

    def __init__(self, network, *, temperature, top_k, top_p, random):
        layout = network.layout
        self._network, self._random = network, random
        self._options = (
            float(temperature),
            layout.n_outputs if top_k is None else min(int(top_k), layout.n_outputs),
            1.0 if top_p is None else float(top_p),
        )
        self._scratch = make_scratch(network.net, 1, 1, one_block=True)
        self._ids, self._integers = np.zeros(1, np.int64), np.zeros((2, 1), np.int64)
        self._state = network.first_state()
        self._weights, self._heap = np.empty(layout.n_outputs), np.empty(layout.n_outputs, np.int64)
        self._largest = min(LARGEST_BLOCK, network.work.steps_per_call)
        self._symbols = np.zeros(self._largest + 1, np.min_scalar_type(layout.n_symbols - 1))

    def read(self, symbols):
        """Read the symbols of an array (T,); the next symbol that is written follows the last of them."""
        for first in range(0, len(symbols) - 1, self._largest):
            part = symbols[first : min(first + self._largest, len(symbols) - 1)]
            self._symbols[: len(part)] = part
            self._run(len(part), np.zeros(0))
        self._symbols[0] = symbols[-1]

    def write(self, length=None):
        """Yield arrays (n,) of symbols, until `length` symbols have been written; None means endlessly."""
        left, size = np.inf if length is None else length, min(FIRST_BLOCK, self._largest)
        while left > 0:
            count = int(min(size, left))
            self._run(count, self._random.random(count))
            yield self._symbols[1 : count + 1].copy()
            self._symbols[0] = self._symbols[count]
            left, size = left - count, min(2 * size, self._largest)

    def _run(self, steps, uniforms):
        starts, lengths = self._integers
        none = self._integers[0, :0]
        data = SymbolData(
            self._symbols.view(np.uint8), self._symbols.itemsize, starts, lengths, self._state, self._ids, self._state,
            self._state, 1.0, 1.0, none, none, self._state[0, :0], none, none,
        )  # fmt: skip
        generate(
            self._network.net, data, self._scratch, self._ids, steps, *self._options, uniforms, self._weights,
            self._heap,
        )  # fmt: skip
