"""Encoder-decoders on a card: nothing of a mini-batch comes back to the host between its two networks."""

from contextlib import contextmanager

import numpy as np

from numrnn.encoder_decoder import PARTS, EncoderDecoder
from numrnn.gpu.calls import Kept
from numrnn.gpu.device import memory_named
from numrnn.gpu.pair_calls import PairCall
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.steps import Step


class CudaEncoderDecoder(EncoderDecoder):
    """An `EncoderDecoder` whose mini-batches stay on a card, from the first step of the encoder to the solver's.

    Parameters
    ----------
    encoder, decoder : CudaNetwork
    """

    outlasts_training = True  # its arrays and graphs serve the next one

    def __init__(self, encoder, decoder):
        super().__init__(encoder, decoder)
        self._kept, self._resident = {name: Kept() for name in ("both", *PARTS)}, False

    def gradient(self, theta, data, targets, batch, grad, given=None, step=None):
        """Loss of a mini-batch, without the L2 term, and its gradient; see `EncoderDecoder.gradient`."""
        gradient_only = Step(NO_STEP, {}, np.zeros((1, 0), self.dtype))
        if step is not None:
            noise = ("dropout", "recurrent_dropout", "seed", "epoch")
            gradient_only = gradient_only._replace(**{name: getattr(step, name) for name in noise})
        run = self.train(theta, data, targets, [batch], gradient_only, grad, theta)
        if run.outcome == "interrupted":
            raise KeyboardInterrupt
        return float(run.losses[0]), float(run.weight_sums[0])

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None):
        """Make a step of a solver for each of some mini-batches; see `Network.train`, which has more to say."""
        kept = self._kept["both"]
        with memory_named():
            try:
                with kept.mirrors.at_work(), kept.graphs.on_stream():
                    return PairCall(self, self._kept, theta, data, targets, batches, step, grad, before).run()
            finally:
                if not self._resident or step.rule == NO_STEP:
                    kept.mirrors.settle()

    @contextmanager
    def resident(self):
        """As `CudaNetwork.resident`, of both."""
        mirrors = self._kept["both"].mirrors
        self._resident = True
        try:
            with self.encoder.resident(), self.decoder.resident():
                yield mirrors.look
        finally:
            mirrors.settle()
            self._resident = False
