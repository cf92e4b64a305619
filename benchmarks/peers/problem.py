"""Define one network, its data and its weights, from which every side starts."""

import numpy as np

from numrnn.network import components
from numrnn.network.parameters import Layout, initial_theta

# (B sequences, T steps, D inputs, H units)
SHAPES = [
    (32, 50, 32, 32),
    (32, 100, 32, 64),
    (32, 100, 32, 128),
    (64, 100, 64, 256),
    (64, 50, 128, 512),
    (64, 50, 256, 1024),
]
CELLS = ["elman", "gru", "lstm"]
CLASSES, RATE, CLIP = 2, 1e-3, 1.0


class Problem:
    """Hold sequences of one length, a label for each, and the weights and biases of a network."""

    def __init__(self, cell, shape):
        self.cell, self.shape = cell, shape
        self.B, self.T, self.D, self.H = shape
        random = np.random.default_rng(0)
        self.X = random.standard_normal((self.B, self.T, self.D)).astype(np.float32)
        # PyTorch's, JAX's and ONNX's own layout, so that none of them pays for a transposition.
        self.X_by_step = np.ascontiguousarray(self.X.transpose(1, 0, 2))
        self.y = np.arange(self.B) % CLASSES
        self.layout = Layout(n_inputs=self.D, hidden_layer_sizes=(self.H,), cell=cell, n_outputs=CLASSES)
        self.theta = initial_theta(self.layout, "tanh", 0, np.float32)
        for view in self.layout.views(self.theta).values():
            if view.ndim == 1:
                view += 0.1 * random.standard_normal(view.shape)
        self.weights = self.layout.views(self.theta)

    @property
    def operations(self):
        """Return the number of floating-point operations of a training step."""
        return 2 * self.B * self.T * components.CELLS[self.cell].gates * self.H * (3 * self.H + 2 * self.D)

    def title(self):
        """Return the cell and the shape as texts for a table."""
        return self.cell, ", ".join(map(str, self.shape))


def chosen(options):
    """Return (cell, shape) of all rows that the command line selects."""
    return [(cell, shape) for cell in options.cells for shape in SHAPES if shape[3] in options.units]


def check_gradients(reference, gradients, what):
    """Return the largest relative error of gradients by name; end the program if it is above 1e-4."""
    error = max(float(np.abs(gradients[name] - value).max() / np.abs(value).max()) for name, value in reference.items())
    if not error <= 1e-4:
        raise SystemExit(f"{what}: gradients differ from PyTorch's by {error:.1e}")
    return error


def check_predictions(predictions, what):
    """Return the largest difference between the sides' probabilities; end the program if it is above 1e-4."""
    first, *others = predictions.values()
    error = max(float(np.abs(first - other).max()) for other in others)
    if not error <= 1e-4:
        raise SystemExit(f"{what}: predictions of {', '.join(predictions)} differ by {error:.1e}")
    return error
