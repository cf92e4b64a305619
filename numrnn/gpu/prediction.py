"""A network on a card that is ready to predict."""


class CudaPredictor:
    """Outputs of sequences from a card; single steps of streams from the CPU, which is done before a card has begun.

    Parameters
    ----------
    predictor : Predictor
        Of the same weights, on the CPU.
    network : CudaNetwork
    theta : ndarray of shape (size,)
    """

    def __init__(self, predictor, network, theta):
        self._predictor, self._theta = predictor, theta
        self.network, self.dtype, self.step = network, predictor.dtype, predictor.step
        self.step_shape, self.state_shape = predictor.step_shape, predictor.state_shape

    def useful_threads(self, data):
        """How many threads of the host predictions are worth."""
        return 1

    def predict(self, data, state=None, raw=False, threads=1):
        """Outputs of all sequences, and the states after them; see `Network.predict`."""
        return self.network.predict(self._theta, data, state, raw)
