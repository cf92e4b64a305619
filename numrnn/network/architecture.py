"""Describe a fitted network independently of the estimator's parameters, which may change after `fit`."""

import functools
import warnings
from typing import NamedTuple

import numpy as np

from numrnn.data.array_checks import check_list_plain
from numrnn.data.byte_sizes import n_bytes
from numrnn.data.conversion import to_sequences
from numrnn.distributed import SERIAL
from numrnn.io.messages import InputError, shown
from numrnn.network.components import outputs_of_targets
from numrnn.network.cpu.distributed import SharedNetwork
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cpu.prediction import Predictor
from numrnn.network.cuda import device_sequences
from numrnn.network.cuda.device import check_device
from numrnn.network.encoder_decoder import KEPT_BYTES, EncoderDecoder, PairLayout, decoder_seed
from numrnn.network.parameters import Layout, initial_theta, state_size_of


class Architecture(NamedTuple):
    """Hold the plain values that determine a `Layout` and a network; model files store them unchanged."""

    n_inputs: int
    hidden_layer_sizes: tuple
    cell: str
    activation: str
    n_outputs: int
    head: str
    output: str
    dtype: str
    n_symbols: int | None = None
    embedding_size: int | None = None
    bidirectional: bool = False
    initial_state: str = "zero"
    pooling: str = "last"

    @classmethod
    def of(cls, options, *, n_inputs, n_targets, head, n_symbols=None):
        """Return an architecture, given constructor parameters as attributes of `options`.

        `n_targets` is the number of targets, or of classes.
        """
        return cls(
            n_inputs=int(n_inputs),
            hidden_layer_sizes=hidden_sizes(options.hidden_layer_sizes),
            cell=options.cell,
            activation=options.activation,
            n_outputs=outputs_of_targets(head, int(n_targets)),
            head=head,
            output=options.output,
            dtype=np.dtype(options.dtype).name,
            n_symbols=n_symbols,
            embedding_size=None if options.embedding_size is None else int(options.embedding_size),
            bidirectional=bool(options.bidirectional),
            initial_state=options.initial_state,
            pooling=options.pooling,
        )

    @property
    def state_size(self):
        """Return the number of elements of a sequence's state."""
        return state_size_of(self.layout())

    @property
    def directions(self):
        """Return the number of directions in which a layer reads, 1 or 2."""
        return 2 if self.bidirectional else 1

    def layout(self):
        """Return the names, shapes and positions of the parameters in theta."""
        return Layout(
            n_inputs=self.n_inputs,
            hidden_layer_sizes=self.hidden_layer_sizes,
            cell=self.cell,
            n_outputs=self.n_outputs,
            n_symbols=self.n_symbols,
            embedding_size=self.embedding_size,
            bidirectional=self.bidirectional,
            initial_state=self.initial_state,
        )

    def network(self, n_jobs=1, memory_limit=None, comm=SERIAL, device="cpu"):
        """Return a network to train or to predict with, with workspaces of its own."""
        options = {
            "activation": self.activation,
            "head": self.head,
            "output": self.output,
            "pooling": self.pooling,
            "dtype": np.dtype(self.dtype),
        }
        if device != "cpu":
            check_place(device, memory_limit, comm)
            return _on_card(self.layout(), **options)
        options["n_jobs"] = n_jobs
        options["memory_limit"] = None if memory_limit is None else n_bytes(memory_limit, "memory_limit")
        if comm.size > 1:
            return SharedNetwork(self.layout(), comm=comm, **options)
        return CPUNetwork(self.layout(), **options)

    def initial_theta(self, seed):
        """Return the initial weights, a flat array.

        A network remembers long from the beginning if it reads numbers, and if no pooling brings earlier states to the
        output: see docs/design/defaults.rst for what was measured.
        """
        long_memory = self.n_symbols is None and self.pooling == "last"
        return initial_theta(self.layout(), self.activation, seed, np.dtype(self.dtype), long_memory=long_memory)

    def predictor(self, theta, device="cpu"):
        """Return a predictor with these weights."""
        network = self.network(device=device)
        return Predictor(network, theta) if device == "cpu" else _predictor_on_card(network, theta)

    def features(self):
        """Return this architecture without a head: it outputs what the head reads and uses the beginning of theta."""
        return self._replace(n_outputs=0, output="features")

    def to_dict(self):
        """Return plain values for a file."""
        return self._asdict()


class PairArchitecture(NamedTuple):
    """Hold the architectures of an encoder and a decoder; see `Architecture` for the methods."""

    encoder: Architecture
    decoder: Architecture

    @property
    def dtype(self):
        """Return the dtype of all weights."""
        return self.decoder.dtype

    @property
    def head(self):
        """Return the output function of the decoder."""
        return self.decoder.head

    def layout(self):
        """Return the names, shapes and positions of the parameters in theta."""
        return PairLayout(self.encoder.layout(), self.decoder.layout())

    def network(self, n_jobs=1, memory_limit=None, comm=SERIAL, device="cpu"):
        """Return a network to train or to predict with, with workspaces of its own."""
        check_place(device, memory_limit, comm)
        half = None if memory_limit is None else max(1, n_bytes(memory_limit, "memory_limit") // 2)
        networks = [part.network(n_jobs, half, comm, device) for part in self]
        if device != "cpu":
            return _pair_on_card(*networks)
        for network in networks:
            network.memory.kept_bytes = KEPT_BYTES
        return EncoderDecoder(*networks)

    def initial_theta(self, seed):
        """Return the initial weights, a flat array."""
        return np.concatenate([self.encoder.initial_theta(seed), self.decoder.initial_theta(decoder_seed(seed))])

    def predictor(self, theta, device="cpu"):
        """Return a network that has these weights packed for predictions."""
        network = self.network(device=device)
        network.pack(theta)
        return network

    def to_dict(self):
        """Return plain values for a file."""
        return {"encoder": self.encoder.to_dict(), "decoder": self.decoder.to_dict()}


def check_place(device, memory_limit=None, comm=SERIAL):
    """Raise an error if this machine cannot compute on a device, or the device does not support the other options.

    Raises the errors of `check_device`, and ValueError if a memory limit or several processes are requested for a GPU.
    """
    if device == "cpu":
        return
    check_device(device)
    _warn_of_simulator()
    if memory_limit is not None:
        problem = f"={shown(memory_limit)}: must be None with device={shown(device)}; it limits only device='cpu'"
        raise InputError("memory_limit", (), problem)
    if comm.size > 1:
        problem = f"has {comm.size} processes, but device={shown(device)} trains in one process; set device='cpu'"
        raise InputError("comm", (), problem)


@functools.cache  # warns once in a process
def _warn_of_simulator():
    warnings.warn(
        "device='cuda': numrnn's kernels for GPUs have been tested in Numba's simulator only, and never on a GPU; "
        "compare results with those of device='cpu'",
        stacklevel=3,
    )


def reader_of(device, X):
    """Return the function that converts X to sequences for an estimator; with device="cpu", X must be on the host."""
    return to_sequences if device == "cpu" else device_sequences.reader_of(X)


def values_on_host(values, device, name):
    """Return targets or weights on the host; those of an estimator with device="cuda" are copied from the GPU.

    `name` is the name of the values in errors. Raises TypeError if they are on a GPU and the estimator computes on a
    CPU.
    """
    values = values if device == "cpu" else device_sequences.values_on_host(values)
    check_list_plain(values, name)
    return values


def _on_card(layout, **options):
    from numrnn.network.cuda.network import CudaNetwork  # only a GPU needs these packages

    return CudaNetwork(layout, **options)


def _pair_on_card(encoder, decoder):
    from numrnn.network.cuda.encoder_decoder import CudaEncoderDecoder

    return CudaEncoderDecoder(encoder, decoder)


def _predictor_on_card(network, theta):
    from numrnn.network.cuda.network import CudaPredictor

    return CudaPredictor(network, theta)


def architecture_of(content):
    """Return the architecture with the plain values of `to_dict`."""
    if set(content) == {"encoder", "decoder"}:
        return PairArchitecture(**{part: Architecture(**plain) for part, plain in content.items()})
    return Architecture(**content)


def differences(known, other):
    """Return the fields in which two architectures of the same class differ, as a dict from names to both values."""
    parts = zip(known, other, strict=True) if isinstance(known, PairArchitecture) else [(known, other)]
    return {
        name: (old, new)
        for one, another in parts
        for name, old, new in zip(one._fields, one, another, strict=True)
        if old != new
    }


def hidden_sizes(hidden_layer_sizes):
    """Return the number of units of each layer as a tuple of int; a single number means one layer."""
    sizes = np.atleast_1d(np.asarray(hidden_layer_sizes))
    if sizes.ndim != 1 or sizes.size == 0 or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        expected = "must hold the number of units of each layer, integers of at least 1"
        raise InputError("hidden_layer_sizes", (), f"{expected}, got {shown(hidden_layer_sizes)}")
    return tuple(int(size) for size in sizes)
