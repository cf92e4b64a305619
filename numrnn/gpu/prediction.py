"""A network on a card that is ready to predict."""


class OneThread:
    """The host's share of a card's work."""

    def useful_threads(self, data):
        """How many threads predictions are worth."""
        return 1


class CudaPredictor:
    """Outputs of sequences from a card.

    Parameters
    ----------
    network : CudaNetwork
        Its weights are brought to the card here: it must not predict with others afterwards.
    theta : ndarray of shape (size,)
    """

    def __init__(self, network, theta):
        network.pack(theta)
        self.network, self.dtype, self.state_shape = network, network.dtype, (1, network.state_size)

    def useful_threads(self, data):
        """How many threads of the host predictions are worth."""
        return self.network.work.useful_threads(data)

    def predict(self, data, state=None, raw=False, threads=1):
        """Outputs of all sequences, and the states after them; see `Network.predict`."""
        return self.network.predict_packed(data, state, raw)
