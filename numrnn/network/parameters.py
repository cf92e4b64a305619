"""Define the flat parameter vector theta: names (as in model format 1), positions and initial values."""

import math
from functools import cached_property

import numpy as np

from numrnn.data.random_streams import generator
from numrnn.network.components import ACTIVATIONS, CELLS

WIDE = 512  # with at least this many gate outputs (G H), a tile has 16 rows, since W does not fit into the L1 cache


class Layout:
    """Describe the names, shapes and positions of all parameters in theta.

    Parameters
    ----------
    n_inputs : int
        D, number of inputs of the first layer; ignored if the inputs are symbols.
    hidden_layer_sizes : sequence of int
        H of each layer.
    cell : str
        Key of `numrnn.network.components.CELLS`. Gates are in PyTorch's order: r, z, n and i, f, g, o.
    n_outputs : int
        K; 0 for a network without a head, which has neither V nor c.
    n_symbols : int, optional
        Number of symbols if the inputs are symbols, which represent one-hot vectors. Without an embedding, the U of the
        first layer is stored transposed, with one row per symbol.
    embedding_size : int, optional
        E, length of the learned vector of each symbol, which the first layer reads.
    bidirectional : bool
        Whether each layer has a second, reverse direction with its own weights. The next layer or the head reads the 2H
        outputs of both directions.
    initial_state : {"zero", "learned"}
        Whether the states before the first step are zero or learned parameters.

    Attributes
    ----------
    shapes : dict of str to tuple
        Shape of each parameter, in theta's order: `embedding` (n_symbols, E) if there is one; for each layer, here
        layer 0, `layers.0.U` (G*H, D), `layers.0.W` (G*H, H), `layers.0.b` (G*H,), the GRU's `layers.0.b_Wn` (H,), the
        learned initial states `layers.0.s_0` (H,) and the LSTM's `layers.0.cell_0` (H,), and if the layer is
        bidirectional, the same again as `layers.0.reverse.U` and so on; `V` (K, H) or (K, 2H), and `c` (K,).
    offsets : dict of str to int
        Index in theta of the first element of each parameter.
    size : int
        Number of elements of theta.
    decayed : ndarray of shape (n, 2), int64
        Start and stop of each part of theta to which the L2 penalty applies: U, W and V, but not biases, embedding or
        initial states.
    """

    def __init__(
        self,
        *,
        n_inputs=None,
        hidden_layer_sizes,
        cell,
        n_outputs,
        n_symbols=None,
        embedding_size=None,
        bidirectional=False,
        initial_state="zero",
    ):
        self.n_symbols, self.embedding_size, self.cell = n_symbols, embedding_size, cell
        self.bidirectional, self.initial_state = bidirectional, initial_state
        self.n_inputs = int(n_inputs if n_symbols is None else embedding_size or n_symbols)
        self.n_outputs = int(n_outputs)
        self.hidden_layer_sizes = tuple(int(size) for size in hidden_layer_sizes)
        self.shapes = dict(self._shapes())
        self.offsets, at = {}, 0
        for name, shape in self.shapes.items():
            self.offsets[name] = at
            at += math.prod(shape)
        self.size = at

    @cached_property
    def decayed(self):
        matrices = [name for name, shape in self.shapes.items() if len(shape) == 2 and name != "embedding"]
        places = [self.place(name) for name in matrices]
        return np.array([(place.start, place.stop) for place in places], np.int64)

    def _shapes(self):
        cell, inputs = CELLS[self.cell], self.n_inputs
        if self.embedding_size is not None:
            yield "embedding", (self.n_symbols, self.embedding_size)
        for index, H in enumerate(self.hidden_layer_sizes):
            for prefix in self.prefixes(index):
                yield f"{prefix}U", (cell.gates * H, inputs)
                yield f"{prefix}W", (cell.gates * H, H)
                yield f"{prefix}b", (cell.gates * H,)
                for name in (*cell.biases_of_W, *(cell.states if self.initial_state == "learned" else ())):
                    yield f"{prefix}{name}", (H,)
            inputs = H * len(self.prefixes(index))
        if self.n_outputs:
            yield "V", (self.n_outputs, inputs)
            yield "c", (self.n_outputs,)

    def prefixes(self, index):
        """Return the prefixes of a layer's parameter names, one per direction."""
        forward = f"layers.{index}."
        return [forward, f"{forward}reverse."] if self.bidirectional else [forward]

    @property
    def picks_rows_of_U(self):
        """Return True if inputs are symbols without an embedding."""
        return self.n_symbols is not None and self.embedding_size is None

    @property
    def names(self):
        """Return the names of the parameters, in theta's order."""
        return list(self.shapes)

    def place(self, name):
        """Return the slice of theta that holds a parameter."""
        return slice(self.offsets[name], self.offsets[name] + math.prod(self.shapes[name]))

    def views(self, flat):
        """Return a dict of named views of a flat array (size,), without copies."""
        views = {name: flat[self.place(name)].reshape(shape) for name, shape in self.shapes.items()}
        if self.picks_rows_of_U:
            for name in (f"{prefix}U" for prefix in self.prefixes(0)):
                views[name] = views[name].reshape(self.shapes[name][::-1]).T
        return views


def initial_theta(layout, activation, seed, dtype, *, long_memory=False):
    """Return initial parameters, a flat array (size,).

    U and V are drawn from a Glorot uniform distribution (Glorot & Bengio 2010), and W is a random orthogonal matrix
    (Saxe et al. 2014), for each gate by itself. W is the identity in an Elman layer with ReLU (Le, Jaitly, Hinton
    2015). Initial states and biases are zero, except that the bias of the LSTM's forget gate is 1 (Jozefowicz et al.
    2015). With `long_memory`, the biases of this gate and of the GRU's update gate are spread evenly from 0 to 3, such
    that units remember for 2 to 21 steps (after Tallec & Ollivier 2018; see docs/design/defaults.rst). An embedding is
    drawn from a uniform distribution, scaled such that its vectors have a length of about 1, like the one-hot vectors
    that they replace (see docs/design/symbols.rst).
    """
    random, cell = generator(seed, "weights"), CELLS[layout.cell]
    theta = np.zeros(layout.size, dtype)
    for name, view in layout.views(theta).items():
        gates = 1 if name == "V" else cell.gates
        if name == "embedding":
            view[...] = random.uniform(-1, 1, view.shape) * np.sqrt(3 / view.shape[1])
        elif view.ndim == 2:
            for gate in np.split(view, gates):
                draw = _recurrent if name.endswith(".W") else _glorot
                gate[...] = draw(random, gate.shape, layout, activation)
        elif cell.memory_gate is not None and name.endswith(".b"):
            gate = np.split(view, gates)[cell.memory_gate]
            gate[...] = np.linspace(0, 3, len(gate)) if long_memory else cell.memory_bias
    return theta


def _glorot(random, shape, layout, activation):
    return random.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape))


def _recurrent(random, shape, layout, activation):
    if activation in CELLS[layout.cell].activations and ACTIVATIONS[activation].W_is_identity:
        return np.eye(*shape)
    q, r = np.linalg.qr(random.standard_normal(shape))
    return q * np.where(np.diag(r) < 0, -1, 1)


def tile_rows_of(layout):
    """Return the number of sequences in a tile."""
    return 16 if CELLS[layout.cell].gates * max(layout.hidden_layer_sizes) >= WIDE else 8


def state_size_of(layout):
    """Return the number of elements of a sequence's state."""
    directions = len(layout.prefixes(0))
    return directions * sum(layout.hidden_layer_sizes) * len(CELLS[layout.cell].states)
