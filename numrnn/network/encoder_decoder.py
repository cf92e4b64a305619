"""Combine two networks with one parameter vector: the decoder begins with the final state of the encoder.

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
PAIRS = 1024  # most pairs whose outputs are in memory at the same time
KEPT_BYTES = 1 << 25  # a call keeps memory of up to this size for the next one: decoding makes many short calls


def decoder_seed(seed):
    """Return the seed of the decoder's initial weights and masks, which must differ from the encoder's."""
    return seed ^ 0xFFFF_FFFF_FFFF_FFFF


class PairLayout:
    """Describe the positions of both networks' parameters in one theta, which begins with the encoder's.

    The attributes `shapes`, `size` and `decayed` have the same meaning as in `Layout`; names are, for example,
    `encoder.layers.0.U` and `decoder.V`.
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
        """Return the encoder's and the decoder's part of a flat array (size,)."""
        return flat[self.places["encoder"]], flat[self.places["decoder"]]

    def views(self, flat):
        """Return a dict of named views of a flat array (size,), without copies."""
        return {
            f"{part}.{name}": view
            for part, piece in zip(PARTS, self.split(flat), strict=True)
            for name, view in self.parts[part].views(piece).items()
        }


class EncoderDecoder(Network):
    """Train and predict with an encoder and a decoder.

    The encoder has no head. The final states of all its layers are the initial states of the decoder, which has the
    same cell and layer sizes and an output for each step.
    """

    def __init__(self, encoder, decoder):
        layout = PairLayout(encoder.layout, decoder.layout)
        super().__init__(layout, decoder.dtype, decoder.tile_rows, decoder.state_size)
        self.encoder, self.decoder = encoder, decoder

    def gradient(self, theta, data, targets, batch, grad, given=None, dgiven=None, step=None):
        """Compute the mean loss per decoder step of a mini-batch of `Pairs`, and its gradient; see `Network.gradient`.

        The encoder's initial states are zero: `given` and `dgiven` are not used.
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
        """Perform one solver's step for each mini-batch of `Pairs`; see `Network.train`.

        `state`, `given` and `dgiven` are not used.
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
        """Add the L2 term, clip, and step; return objective, gradient norm and whether these and theta are finite."""
        scalars = step.scalars[n].astype(theta.dtype)
        return updates.complete_step(
            theta, grad, before, loss, self.layout.decayed, *step.update_of(theta), scalars
        )  # fmt: skip

    def loss(self, theta, data, targets):
        """Return the mean loss per step of all `Pairs`, with the targets as decoder inputs, and the number of steps."""
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
        """Store the weights that `read` and `write` use."""
        reading, writing = self.layout.split(theta)
        self.encoder.pack(reading)
        self.decoder.pack(writing)

    def read(self, source, threads=1, masks=None):
        """Return the final states (N, state_size) of the encoder after reading sequences."""
        threads = min(threads, self.encoder.work.useful_threads(source))
        return self.encoder.predict_packed(source, threads=threads, masks=masks)[1]

    def write(self, steps, state, threads=1):
        """Return the decoder's raw outputs for the next steps of sequences, given their states, and the new states."""
        threads = min(threads, self.decoder.work.useful_threads(steps))
        return self.decoder.predict_packed(steps, state, True, threads)


def masks_of(step, ids):
    """Return the dropout masks of both networks, different for each pair and epoch, or (None, None) without dropout."""
    if step is None or not (step.dropout or step.recurrent_dropout):
        return None, None
    none = np.zeros(len(ids), np.int64)
    keys = [mask_keys(seed, step.epoch, ids, none) for seed in (step.seed, decoder_seed(step.seed))]
    return tuple(Masks(step.dropout, step.recurrent_dropout, each) for each in keys)
