"""A network on a card that is ready to predict."""


class OneThread:
    """The host's share of a card's work."""

    def useful_threads(self, data):
        """How many threads predictions are worth."""
        return 1


class CudaPredictor:
    """Outputs of sequences from a card; single steps of streams from the CPU, which is done before a card has begun.

    Parameters
    ----------
    predictor : Predictor
        Of the same weights, on the CPU.
    network : CudaNetwork
        Its weights are brought to the card here: it must not predict with others afterwards.
    theta : ndarray of shape (size,)
    """

    def __init__(self, predictor, network, theta):
        network.pack(theta)
        self._predictor = predictor
        self.network, self.dtype, self.step = network, predictor.dtype, predictor.step
        self.step_shape, self.state_shape = predictor.step_shape, predictor.state_shape

    def useful_threads(self, data):
        """How many threads of the host predictions are worth."""
        return self.network.work.useful_threads(data)

    def predict(self, data, state=None, raw=False, threads=1):
        """Outputs of all sequences, and the states after them; see `Network.predict`."""
        return self.network.predict_packed(data, state, raw)
