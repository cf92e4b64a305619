"""The work on one mini-batch of pairs, as `numrnn.gpu.steps` has that of one network."""

from numrnn.gpu.device import arrays
from numrnn.gpu.passes import Passes
from numrnn.gpu.steps import Update, take_goal, take_steps


def take_pairs(decoder, reading, source, writing, target):
    """Bring steps and targets of a mini-batch to where `PairWork.learn` looks for them."""
    take_steps(reading, source.values)
    take_steps(writing, target.values)
    take_goal(decoder, writing, target.goal)


class PairWork:
    """What is done with a mini-batch of pairs that has been taken.

    Parameters
    ----------
    pair : CudaEncoderDecoder
    room : Room
    settings : Settings
    vectors : Theta
        On the card, of both networks.
    """

    def __init__(self, pair, room, settings, vectors):
        theta, grad = map(pair.layout.split, vectors[:2])
        self._encoder = Passes(pair.encoder, settings, theta[0], grad[0])
        self._decoder = Passes(pair.decoder, settings, theta[1], grad[1])
        self._grad, self._update = vectors.grad, Update(room, settings, vectors)

    def learn(self, reading, writing):
        """Forward, losses, backward, a step of the solver.

        Parameters
        ----------
        reading, writing : Static
            Of the encoder and of the decoder.
        """
        encoder, decoder = self._encoder, self._decoder
        self._grad[:] = 0
        read = encoder.forward(reading)
        state = _in_other_order(encoder.states(read[1]), reading.batch, writing.batch)
        written = decoder.forward(writing, state)
        losses, ds, lasts = decoder.head(writing, written[1])
        dstate = decoder.network.columns(decoder.backward(writing, *written, ds, lasts))
        dstate = _in_other_order(dstate, writing.batch, reading.batch)
        firsts = encoder.backward(reading, *read, None, encoder.network.lasts(reading.batch, dstate))
        encoder.gradient_of_starts(reading.batch, firsts)
        self._update.make(writing, losses)


def _in_other_order(rows, batch, other):
    """Rows (N, n) of the sequences of one network in the order of the other one, which sorts by other lengths."""
    by_place = arrays().empty_like(rows)
    by_place[batch.numbers] = rows
    return arrays().take(by_place, other.numbers, axis=0)
