"""Two networks over one vector of parameters: one reads, one writes from the state in which the first one ended.

Sutskever, Vinyals, Le: Sequence to sequence learning with neural networks. NeurIPS 2014. Cho et al.: Learning phrase
representations using RNN encoder-decoder for statistical machine translation. EMNLP 2014.
"""

import math
from functools import cached_property

import numpy as np

from numrnn.data.batches import full_batch
from numrnn.data.random_streams import mask_keys
from numrnn.data.sources import Targets
from numrnn.kernels.cpu import updates
from numrnn.network.interface import Masks, Network, SolverStep, TrainingRun

PARTS = ("encoder", "decoder")
PAIRS = 1024  # whose outputs are in memory at a time
KEPT_BYTES = 1 << 25  # memory of a call is kept for the next up to this size: calls are many and short


def decoder_seed(seed):
    """The seed of the decoder's first weights and masks, which must not be the encoder's."""
    return seed ^ 0xFFFF_FFFF_FFFF_FFFF


class PairLayout:
    """Names, shapes and places of the parameters of both networks in one theta, the encoder's first.

    Parameters
    ----------
    encoder, decoder : Layout

    Attributes
    ----------
    shapes : dict of str to tuple
        `encoder.layers.0.U` ..., `decoder.layers.0.U` ..., `decoder.V`, `decoder.c`.
    size, decayed
        As a `Layout` has them.

    Examples
    --------
    >>> from numrnn.network.encoder_decoder import PairLayout
    >>> from numrnn.network.parameters import Layout
    >>> encoder = Layout(n_inputs=2, hidden_layer_sizes=(4,), cell="elman", n_outputs=0)
    >>> decoder = Layout(n_symbols=3, hidden_layer_sizes=(4,), cell="elman", n_outputs=3)
    >>> PairLayout(encoder, decoder).shapes["decoder.V"]
    (3, 4)
    """

    def __init__(self, encoder, decoder):
        self.parts = dict(zip(PARTS, (encoder, decoder), strict=True))
        self.size = encoder.size + decoder.size
        self.places = {"encoder": slice(0, encoder.size), "decoder": slice(encoder.size, self.size)}
        self.shapes = {f"{part}.{name}": shape for part in PARTS for name, shape in self.parts[part].shapes.items()}

    @cached_property
    def decayed(self):
        encoder, decoder = self.parts.values()
        return np.concatenate([encoder.decayed, decoder.decayed + encoder.size])

    def split(self, flat):
        """The encoder's and the decoder's part of a flat array (size,)."""
        return flat[self.places["encoder"]], flat[self.places["decoder"]]

    def views(self, flat):
        """Dict of named views of a flat array (size,); no copies."""
        return {
            f"{part}.{name}": view
            for part, piece in zip(PARTS, self.split(flat), strict=True)
            for name, view in self.parts[part].views(piece).items()
        }


class EncoderDecoder(Network):
    """What training and prediction need of a network, of two of them; holds no parameters.

    The states of all layers of the encoder after its last step are those of the decoder before its first.

    Parameters
    ----------
    encoder : CPUNetwork or CudaNetwork
        Without a head.
    decoder : CPUNetwork or CudaNetwork
        With an output for each step, and the encoder's cell and sizes.
    """

    def __init__(self, encoder, decoder):
        layout = PairLayout(encoder.layout, decoder.layout)
        super().__init__(layout, decoder.dtype, decoder.tile_rows, decoder.state_size)
        self.encoder, self.decoder = encoder, decoder

    def gradient(self, theta, data, targets, batch, grad, given=None, dgiven=None, step=None):
        """Loss of a mini-batch of `Pairs`, a mean over the decoder's steps; see `Network.gradient`. An encoder begins
        with zeros: nothing is given.
        """
        reading, writing = self.layout.split(theta)
        dreading, dwriting = self.layout.split(grad)
        pairs = data.choose(batch.ids)
        source, target = pairs.source, pairs.target
        masks = encoder_masks, _ = masks_of(step, batch.ids)
        reads, writes = (SolverStep.none(self.dtype, masks=each) for each in masks)
        self.encoder.pack(reading)
        state = self.read(source, self.encoder.n_jobs, encoder_masks)
        dstate = np.empty_like(state)
        ids = full_batch(target.lengths, self.decoder.tile_rows)
        result = self.decoder.gradient(writing, target, targets, ids, dwriting, state, dstate, writes)
        ids = full_batch(source.lengths, self.encoder.tile_rows)
        self.encoder.gradient(reading, source, Targets(dstate), ids, dreading, step=reads)
        return result

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Make a step of a solver for each of some mini-batches of `Pairs`, without `state`, `given` and `dgiven`; see
        `Network.train`.
        """
        losses, norms, weight_sums = np.full((3, len(batches)), np.nan)
        outcome, done = "done", 0
        try:
            for n, batch in enumerate(batches):
                losses[n], weight_sums[n] = self.gradient(theta, data, targets, batch, grad, step=step)
                losses[n], norms[n], finite = self._update(theta, grad, before, step, n, losses[n])
                if not finite:
                    outcome = "diverged"
                    theta[:] = before
                    break
                done += 1
        except KeyboardInterrupt:
            outcome = "interrupted"
        return TrainingRun(outcome, losses, norms, weight_sums, done)

    def _update(self, theta, grad, before, step, n, loss):
        """L2 term, clipping, the solver's step: the objective, the norm of its gradient, whether all was finite."""
        scalars = step.scalars[n].astype(theta.dtype)
        return updates.complete_step(
            theta, grad, before, loss, self.layout.decayed, *step.update_of(theta), scalars
        )  # fmt: skip

    def loss(self, theta, data, targets):
        """Mean loss of a step of all `Pairs`, each target read as it is given, and the number of steps."""
        self.pack(theta)
        groups = np.split(np.arange(len(data)), range(PAIRS, len(data), PAIRS))
        total = math.fsum(self._summed_loss(data, targets, ids) for ids in groups)
        steps = int(data.target.lengths.sum())
        return total / steps, float(steps)

    def _summed_loss(self, data, targets, ids):
        threads = self.decoder.n_jobs
        steps, places = data.target.steps(ids, 0, data.target.lengths[ids])
        state = self.read(data.source.choose(ids), threads)
        return self.decoder.summed_loss(steps, Targets(targets.values[places]), state, threads)[0]

    def pack(self, theta):
        """Take the weights that `read` and `write` work with."""
        reading, writing = self.layout.split(theta)
        self.encoder.pack(reading)
        self.decoder.pack(writing)

    def read(self, source, threads=1, masks=None):
        """States (N, state_size) of the encoder after sequences."""
        threads = min(threads, self.encoder.work.useful_threads(source))
        return self.encoder.predict_packed(source, threads=threads, masks=masks)[1]

    def write(self, steps, state, threads=1):
        """Raw outputs of the decoder for some more steps of sequences from given states, and the states after them."""
        threads = min(threads, self.decoder.work.useful_threads(steps))
        return self.decoder.predict_packed(steps, state, True, threads)


def masks_of(step, ids):
    """Dropout of both networks, another one for each pair and epoch; None where there is none."""
    if step is None or not (step.dropout or step.recurrent_dropout):
        return None, None
    none = np.zeros(len(ids), np.int64)
    keys = [mask_keys(seed, step.epoch, ids, none) for seed in (step.seed, decoder_seed(step.seed))]
    return tuple(Masks(step.dropout, step.recurrent_dropout, each) for each in keys)
