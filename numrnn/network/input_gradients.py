"""Compute gradients with respect to inputs by the kernels that compute the gradient of an embedding.

A network that reads vectors equals a network with an embedding that has one row for each step: the step's vector. Step
number t of the mini-batch is then symbol t. The kernels for embeddings return the gradient of each row, which is the
gradient with respect to the step, so networks that read vectors need neither other kernels nor a flag in them.
"""

import numpy as np

from numrnn.data.batches import full_batch
from numrnn.data.sequences import Sequences
from numrnn.data.sources import Targets
from numrnn.network.parameters import Layout

ONE_BYTE, TWO_BYTES = 1 << 8, 1 << 16


def gradient_of_inputs(network, theta, data, targets, batch, given=None):
    """Return dloss/dx of the steps of a mini-batch; see `Network.input_gradient`."""
    values, starts = data.gather(batch.ids)
    lengths = data.lengths[batch.ids]
    table = vectors_of(network.layout, theta, values[_places(starts, lengths)])
    reader = network.like(_layout_of_table(network.layout, len(table)))
    weights = np.empty(reader.layout.size, theta.dtype)
    views = reader.layout.views(weights)
    for name, view in network.layout.views(theta).items():
        if name != "embedding":
            views[name][...] = view
    views["embedding"][...] = table
    grad, given = np.empty_like(weights), None if given is None else given[batch.ids]
    targets = _chosen(targets, data, batch.ids, network.per_step)
    batch = full_batch(lengths, reader.tile_rows)
    reader.gradient(weights, _numbered(lengths), targets, batch, grad, given)
    return reader.layout.views(grad)["embedding"].copy()


def vectors_of(layout, theta, values):
    """Return the vectors (steps, E) that the first layer reads of steps: inputs, rows of the embedding, or one-hot."""
    if layout.n_symbols is None:
        return values
    if layout.embedding_size is None:
        return np.eye(layout.n_symbols, dtype=theta.dtype)[values]
    return layout.views(theta)["embedding"][values]


def _layout_of_table(layout, steps):
    """Return the layout of a network that reads the same vectors from an embedding with a row for each step."""
    return Layout(
        hidden_layer_sizes=layout.hidden_layer_sizes,
        cell=layout.cell,
        n_outputs=layout.n_outputs,
        n_symbols=steps,
        embedding_size=layout.n_inputs,
        bidirectional=layout.bidirectional,
        initial_state=layout.initial_state,
    )


def _numbered(lengths):
    """Return sequences of these lengths whose symbols count all steps from 0."""
    steps = int(lengths.sum())
    dtype = np.uint8 if steps <= ONE_BYTE else np.uint16 if steps <= TWO_BYTES else np.uint32
    return Sequences.from_concatenated(np.arange(steps, dtype=dtype), lengths)


def _chosen(targets, data, ids, per_step):
    """Return the targets and weights of some sequences, in their order."""
    rows = _places(data.offsets[ids], data.lengths[ids]) if per_step else ids
    return Targets(*(None if array is None else array[rows] for array in targets))


def _places(starts, lengths):
    """Return the indices of the steps of sequences, one sequence after another."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - (ends - lengths), lengths)
