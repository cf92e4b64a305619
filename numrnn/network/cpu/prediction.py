"""Predict with a network whose weights are packed once; the memory of a call is kept for the next one."""

import numpy as np

from numrnn.io.messages import InputError
from numrnn.kernels.cpu import single_sequence
from numrnn.kernels.jit import read_only
from numrnn.network.cpu.workspaces import KEPT_BYTES, make_scratch
from numrnn.network.interface import check_step_shape


class Predictor:
    """Predict sequences and single steps, from any number of Python threads at once.

    The constructor packs the weights into the `CPUNetwork`, which must not predict or train with other weights
    afterwards.
    """

    def __init__(self, network, theta):
        network.pack(theta)
        net = network.net
        self.dtype = network.dtype
        forward_only = network.layout.n_symbols is None and not network.layout.bidirectional
        # Shape of the array that `step` accepts as one step; None if `step` cannot be used.
        self.step_shape = (network.layout.n_inputs,) if forward_only else None
        self.state_shape = 1, network.state_size
        self.network, self._packed, self._kernel = network, net.packed, single_sequence.predictor_of(type(net))
        self._in_one_call = forward_only and network.pooling == "last"
        self._alone = network.work.team_size(1) == 1  # one sequence runs on one thread, whatever its length
        self._no_state, self._first_state = np.zeros((0, 0), self.dtype), network.first_state()
        self._spare = []  # memory of finished calls; pop and append are atomic

    def useful_threads(self, data):
        """Return how many threads are worthwhile for predictions of these sequences."""
        return 1 if len(data) == 1 and self._alone else self.network.work.useful_threads(data)

    def predict(self, data, state=None, raw=False, threads=1):
        """Return the outputs of all sequences and their final states; see `RecurrentNetwork.predict`."""
        alone = len(data) == 1 and threads == 1 and self._in_one_call and data.in_memory
        if not alone or not self.network.work.fits_one_call(len(data.values)):
            return self.network.predict_packed(data, state, raw, threads)
        values = read_only(data.values)
        check_step_shape(self.network.layout, values)
        outputs = np.empty((len(values) if self.network.per_step else 1, self.network.layout.n_outputs), self.dtype)
        before = self._no_state if state is None else np.array(state, self.dtype, order="C")
        after = np.empty(self.state_shape, self.dtype)
        memory = self._take(len(values))
        code = self._kernel(memory.table, self._packed, values, raw, memory.work, outputs, before, after)
        self._give(memory)
        if code < 0:
            _refuse(code)
        return outputs, after

    def step(self, x, state, decode):
        """Predict one more step x (D,) or (1, D) of one sequence; return the result of `decode`, and the new state.

        The state is (1, state_size), or None for the initial state. `decode` is called with the index of the largest
        output and the outputs (1, K). It must not keep the outputs, since the next step overwrites them. Raises
        ValueError if x or the state is not finite.
        """
        memory = self._take(1)
        memory.x[:] = x
        state = (self._first_state if state is None else state).copy()
        code = self._kernel(*memory.step, state, state)  # the new state replaces the old one
        if code < 0:
            _refuse(code)
        prediction = decode(code, memory.outputs)
        self._give(memory)
        return prediction, state

    def _take(self, steps):
        try:
            memory = self._spare.pop()
        except IndexError:
            return _Memory(self.network, steps)
        return memory if memory.longest >= steps else _Memory(self.network, steps)

    def _give(self, memory):
        if memory.kept:
            self._spare.append(memory)


class _Memory:
    """Hold the arrays that one call writes."""

    __slots__ = ("kept", "longest", "outputs", "step", "table", "work", "x")

    def __init__(self, network, steps):
        net, layout, dtype = network.net, network.layout, network.dtype
        self.longest = 1 << (steps - 1).bit_length()
        scratch = make_scratch(net, single_sequence.ROWS, self.longest, one_block=True)
        self.work, self.table = scratch.work, single_sequence.make_table(net, scratch)
        self.kept = self.work.nbytes + self.table.nbytes <= max(KEPT_BYTES, net.packed.nbytes)
        self.x, self.outputs = np.zeros(layout.n_inputs, dtype), np.zeros((1, layout.n_outputs), dtype)
        x = read_only(self.x.reshape(1, -1))
        self.step = (self.table, net.packed, x, False, self.work, self.outputs)  # all arguments except the states


def _refuse(code):
    raise InputError("x" if code == single_sequence.BAD_INPUT else "state", (), "contains NaN or infinity")
