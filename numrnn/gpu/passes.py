"""One mini-batch through one network, forward and backward."""

from numrnn.gpu.inputs import Inputs
from numrnn.gpu.products import multiply


class Passes:
    """Forward and backward through a network.

    Parameters
    ----------
    network : CudaNetwork
    settings : Settings
    theta, grad : device arrays
        The network's part of a solver's.
    """

    def __init__(self, network, settings, theta, grad):
        self.network, self._settings = network, settings
        self._weights, self._gradient = map(network.layout.views, (theta, grad))

    def forward(self, static, given=None, carried=None):
        """Inputs and levels of a mini-batch; states as of `CudaNetwork.starts`."""
        network, settings, batch = self.network, self._settings, static.batch
        starts = network.starts(self._weights, batch, given, carried)
        inputs = Inputs(network.layout, static.read, self._weights, batch, settings.kept)
        levels = network._layers.forward(self._weights, batch, inputs, starts, settings.kept, settings.kept_before)
        return inputs, levels

    def states(self, levels):
        """States after the last steps, (N, state_size)."""
        return self.network.columns([s.last for level in levels for s in level.states])

    def head(self, static, levels):
        """Losses of the outputs, gradients of V and c; those of the states in all steps, or None, and of the last."""
        network, weights, kept = self.network, self._weights, self._settings.kept
        head, batch, lasts = network._head, static.batch, network.lasts(static.batch)
        read, reached = head.read(batch, levels[-1], kept)
        logits = head.logits(weights, read)
        losses = head.losses(logits, static.targets, static.goal, static.weight_sum)
        last = lasts[len(lasts) - len(levels[-1].tapes) :]
        ds = head.backward(weights, batch, levels[-1], read, reached, logits, kept, self._gradient, last)
        return losses, ds, lasts

    def backward(self, static, inputs, levels, ds, lasts):
        """Gradients of the layers' parameters, zeros before; those of the states before the first steps."""
        return self.network._layers.backward(
            self._weights, static.batch, inputs, levels, ds, lasts, self._settings.kept, self._gradient
        )

    def gradient_of_starts(self, batch, firsts):
        """Of learned ones: of sequences that begin."""
        layout, kinds = self.network.layout, self.network._layers.kinds
        if layout.initial_state != "learned" or self._settings.given:
            return
        begins = batch.begins.astype(self.network.dtype)
        prefixes = [prefix for n in range(len(layout.hidden_layer_sizes)) for prefix in layout.prefixes(n)]
        for prefix, first in zip(prefixes, firsts, strict=True):
            for kind, name in enumerate(("s_0", "cell_0")[:kinds]):
                multiply(begins, first[kind], self._gradient[f"{prefix}{name}"])
