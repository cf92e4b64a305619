"""Choose the output that is explained, and compute it and its gradient with respect to the inputs."""

from typing import NamedTuple

import numpy as np

from numrnn.data.batches import Batch
from numrnn.data.sequences import Sequences
from numrnn.data.sources import Targets
from numrnn.estimators.targets import encode_labels
from numrnn.inspection.arguments import is_integer
from numrnn.inspection.fitted import Fitted, flat
from numrnn.io.messages import InputError, shown

NUMBERS_AT_ONCE = 1 << 20  # most inputs at all steps of sequences whose gradients or outputs are computed together
SLOPE = 2.0**64  # sigmoid(z) + SLOPE rounds to SLOPE in float32 and float64


class Explained(NamedTuple):
    """Compute one output per sequence: the raw output or the probability number `columns`, at step `steps`."""

    fitted: Fitted
    columns: np.ndarray  # (N,) int64
    steps: np.ndarray | None  # (N,) int64: step of the output; None: the network has one output per sequence
    probability: bool

    def of(self, ids):
        """Return the same outputs for some of the sequences, which may be repeated."""
        return self._replace(columns=self.columns[ids], steps=None if self.steps is None else self.steps[ids])

    def values(self, data):
        """Return the outputs (N,) of sequences, float64 and in the units of y."""
        network = self.fitted.network()
        results, _ = network.predict(self.fitted.theta, data, raw=not self.probability)
        rows = np.arange(len(data)) if self.steps is None else data.offsets[:-1] + self.steps
        values = results[rows, self.columns].astype(np.float64)
        mean, scale = _scale_of(self.fitted.estimator)
        return values if scale is None else values * scale[self.columns] + mean[self.columns]

    def gradient(self, data):
        """Return the derivatives of the outputs with respect to the inputs (steps, D), float64."""
        gradient = np.empty(data.values.shape)
        for ids in groups(data.lengths, NUMBERS_AT_ONCE // data.values.shape[1]):
            part, own = data[ids], self.of(ids)
            rows = slice(data.offsets[ids[0]], data.offsets[ids[-1] + 1])
            if self.probability and self.fitted.architecture.head == "softmax":
                gradient[rows] = own._gradient_of_softmax(part)
            else:
                gradient[rows] = own._gradient_of_raw(part)
        return gradient

    def _gradient_of_softmax(self, data):
        """Return the gradient of probabilities from that of their cross-entropy: dp/dx = -p d(-log p)/dx."""
        columns = self.columns if self.steps is None else np.repeat(self.columns, data.lengths)
        gradient = self._gradient_of_loss(self.fitted.network(), self.fitted.theta, data, columns)
        return gradient * -np.repeat(self.values(data), data.lengths)[:, None]

    def _gradient_of_raw(self, data):
        """Return the gradient of raw outputs, or of sigmoids, by a network that has only this output."""
        gradient = np.empty(data.values.shape)
        steps = np.repeat(self.columns, data.lengths)
        for column in np.unique(self.columns):
            ids = np.flatnonzero(self.columns == column)
            part, own = data[ids], self.of(ids)
            architecture = self.fitted.architecture._replace(n_outputs=1, head="sigmoid")
            weights = self.fitted.weights
            weights = weights | {name: weights[name][column : column + 1] for name in ("V", "c")}
            network = self.fitted._replace(architecture=architecture).network()
            count = len(part) if self.steps is None else part.offsets[-1]
            goal = np.full((count, 1), -SLOPE, architecture.dtype)  # the loss then has the slope SLOPE
            found = own._gradient_of_loss(network, flat(architecture, weights), part, goal) / SLOPE
            gradient[steps == column] = found * own._slopes(part)[:, None]
        return gradient

    def _slopes(self, data):
        """Return for each step of the data the slope of the output over the raw output."""
        if self.probability:
            p = self.values(data)
            return np.repeat(p * (1 - p), data.lengths)
        scale = _scale_of(self.fitted.estimator)[1]
        return np.repeat(np.ones(len(data)) if scale is None else scale[self.columns], data.lengths)

    def _gradient_of_loss(self, network, theta, data, goal):
        """Return the sum of the gradients of the losses of all sequences, at their steps `steps`."""
        weights = None
        if self.steps is not None:
            weights = np.zeros(data.offsets[-1])
            weights[data.offsets[:-1] + self.steps] = 1
        batch = Batch(np.arange(len(data)))
        mean = network.input_gradient(theta, data, Targets(goal, weights), batch)
        return mean.astype(np.float64) * len(data)


def explain(fitted, data, target, output):
    """Return the outputs that `attribute` explains as `Explained`, given its arguments; `data` are vectors."""
    architecture = fitted.architecture
    is_classifier = architecture.head != "identity"
    allowed = ("logit", "probability") if is_classifier else ("logit",)
    if not isinstance(output, str) or output not in allowed:
        expected = "'logit' or 'probability'" if is_classifier else "'logit', the prediction of a regressor"
        raise InputError("output", (), f"={shown(output)}: must be {expected}")
    step, label = None, target
    if architecture.output == "step":
        step, label = _step_of(target)
    steps = None if step is None else _steps(step, data.lengths)
    if label is None:
        columns = _predicted(fitted, data, steps)
    else:
        columns = _columns(fitted, label, len(data))
    return Explained(fitted, columns, steps, output == "probability")


def _step_of(target):
    """Return the step and the output of the argument `target` for a network with an output per step."""
    if target is None:
        return -1, None
    if not isinstance(target, tuple) or len(target) != 2:
        problem = f"={shown(target)}: must be a tuple (step, output) for output='step'; step -1 is the last"
        raise InputError("target", (), problem)
    return target


def _steps(step, lengths):
    if not is_integer(step):
        raise InputError("target", (0,), f"={shown(step)}: must be an integer, the number of a step; -1 is the last")
    wrong = (lengths <= step) | (-lengths > step)
    if wrong.any():
        i = int(wrong.argmax())
        raise InputError("target", (0,), f"={shown(step)}: must be a step of every sequence, X[{i}] has {lengths[i]}")
    return np.where(step < 0, lengths + step, step).astype(np.int64)


def _predicted(fitted, data, steps):
    """Return the output with the largest prediction of each sequence."""
    K = fitted.architecture.n_outputs
    if K > 1 and fitted.architecture.head == "identity":
        raise InputError("target", (), f"=None: must be the number of an output, 0 to {K - 1}, of a regressor with {K}")
    results, _ = fitted.network().predict(fitted.theta, data, raw=True)
    rows = slice(None) if steps is None else data.offsets[:-1] + steps
    return results[rows].argmax(axis=1)


def _columns(fitted, label, count):
    """Return the number of the output of each sequence, given a label or number, or one per sequence."""
    try:
        labels = np.atleast_1d(np.asarray(label))
    except ValueError:  # lists of different lengths
        labels = None
    if labels is None or labels.shape not in ((1,), (count,)):
        raise InputError("target", (), f"must be one output, or one for each of {count} sequences, got {shown(label)}")
    if fitted.architecture.head == "softmax":
        columns = encode_labels(labels, fitted.estimator.classes_, "target")
    else:
        K = fitted.architecture.n_outputs
        if labels.dtype.kind not in "iu" or (labels < 0).any() or (labels >= K).any():
            raise InputError("target", (), f"={shown(label)}: must be the number of an output, 0 to {K - 1}")
        columns = labels.astype(np.int64)
    return np.broadcast_to(columns, count)


def _scale_of(estimator):
    """Return mean and scale of a regressor's targets, or None and None."""
    return getattr(estimator, "target_mean_", None), getattr(estimator, "target_scale_", None)


def groups(lengths, most):
    """Return the ids of consecutive sequences that have at most `most` steps together, or of one sequence."""
    found, steps = [[]], 0
    for i, length in enumerate(lengths.tolist()):
        if found[-1] and steps + length > most:
            found.append([])
            steps = 0
        found[-1].append(i)
        steps += length
    return [np.array(ids) for ids in found]


def repeated(x, count):
    """Return copies of one sequence (T, D) as `Sequences`, and their values (count, T, D) to be changed."""
    copies = np.repeat(x[None], count, axis=0)
    return Sequences.from_array(copies), copies
