"""Choose validation sequences and evaluate the network on them."""

import numpy as np

from numrnn.data.random_streams import generator
from numrnn.data.sequences import Sequences
from numrnn.data.sources import Targets
from numrnn.io.messages import InputError, shown


class Validation:
    """Compute loss and score of the validation sequences; the training loop calls it after each epoch."""

    def __init__(self, network, data, targets, score, given=None, scored=None, scores=None):
        self.network = network
        self.data = data
        self.targets = targets
        self.score = score
        self.given = given  # states before the first steps
        self.scored = targets if scored is None else scored  # targets for the score: also labels that training lacks
        self.scores = scores  # function of theta that returns the values of `scoring` by name

    @property
    def held(self):
        """Return the validation sequences, their targets and initial states."""
        return self.data, self.scored, self.given

    def __call__(self, theta):
        """Return (loss, score, scores) for weights theta; the loss is weighted as in training and has no L2 penalty."""
        logits, _ = self.network.predict(theta, self.data, self.given, raw=True)
        loss, _ = self.network.loss_of(logits, self.targets)
        score = self.score(self.network.outputs_of(logits), self.scored)
        return loss, score, {} if self.scores is None else self.scores(theta)


class LossAlone:
    """Compute a validation loss whose negative is the score.

    Parameters
    ----------
    loss : callable
        `loss(theta)` returns the validation loss.
    *held : sequences, optionally followed by their targets
        Validation data.
    scores : callable, optional
        `scores(theta)` returns the values of `scoring` by name.
    """

    def __init__(self, loss, *held, scores=None):
        self._loss, self.held, self._scores = loss, held, scores

    def __call__(self, theta):
        loss = self._loss(theta)
        return loss, -loss, {} if self._scores is None else self._scores(theta)


def chosen_split(options, n_sequences, seed, groups=None, y=None, **of_a_part):
    """Return the ids of training and validation sequences according to the parameter `validation`.

    Parameters
    ----------
    options : TrainingOptions
    n_sequences, seed, **of_a_part : as in `split`
    groups : array-like of shape (N,), optional
        Groups of the sequences, for a splitter.
    y : array-like of shape (N,), optional
        Targets, for a splitter that stratifies.
    """
    validation = options.validation
    if validation is None:
        return split(n_sequences, options.validation_fraction, seed, **of_a_part)
    if isinstance(validation, str):
        return _last(options, n_sequences, of_a_part.get("at_least", 1))
    try:
        train, held = next(iter(validation.split(np.zeros((n_sequences, 1)), y, groups)))
    except (ValueError, TypeError) as error:
        raise InputError("validation", (), f"={shown(validation)}: its split failed: {error}") from error
    train, held = (_checked_ids(ids, n_sequences, validation) for ids in (train, held))
    if np.intersect1d(train, held).size:
        problem = f"={shown(validation)}: its first split trains on sequences that it holds out"
        raise InputError("validation", (), problem)
    return train, held


def _checked_ids(ids, n_sequences, validation):
    ids = np.asarray(ids)
    ids = np.flatnonzero(ids) if ids.dtype == bool else np.unique(ids)
    if not len(ids) or ids[0] < 0 or ids[-1] >= n_sequences:
        expected = f"its first split must train on some of {n_sequences} sequences and hold out others"
        raise InputError("validation", (), f"={shown(validation)}: {expected}, got the ids {shown(ids)}")
    return ids.astype(np.int64)


def _last(options, n_sequences, at_least):
    """Return the ids before the gap and those after it."""
    n_held = max(at_least, round(options.validation_fraction * n_sequences))
    end = n_sequences - n_held - options.gap
    if end < 1:
        found = f"holds out {n_held} of {n_sequences} sequences and leaves out gap={options.gap} before them"
        raise InputError("validation", (), f"='last': {found}; none is left to train on", "; lower gap, or pass X_val")
    return np.arange(end), np.arange(n_sequences - n_held, n_sequences)


def split(n_sequences, fraction, seed, *, codes=None, weights=None, at_least=1, members=None):
    """Split sequences into a training and a validation part.

    Parameters
    ----------
    n_sequences : int
    fraction : float
        Fraction of the sequences to hold out, in (0, 1).
    seed : int
    codes : ndarray of shape (N,), int, optional
        Classes by which to stratify.
    weights : ndarray of shape (N,), optional
        Sequences with weight 0 are never held out.
    at_least : int
        Smallest number of sequences to hold out; at least one more is kept.
    members : tuple of two ndarrays of int, optional
        Pairs of a sequence and a class that occurs in it. Each class keeps a training sequence.

    Returns
    -------
    train, validation : ndarray of int64
        Ids in ascending order.

    Notes
    -----
    The sequences are shuffled and then sorted by class with a stable sort; every k-th one is held out. This stratifies
    for any number of sequences per class, and no class is too small to split. The only sequence of a class is trained
    on.
    """
    ids = np.arange(n_sequences) if weights is None else np.flatnonzero(weights > 0)
    if len(ids) <= at_least:
        problem = (
            f"={fraction}: early stopping holds out this fraction of the sequences and needs at least {at_least + 1} "
            f"sequences with a weight above 0, got {len(ids)}"
        )
        raise InputError("validation_fraction", (), problem, "; pass more sequences, or X_val and y_val")
    ids = generator(seed, "split").permutation(ids)
    if codes is not None:
        ids = ids[np.argsort(codes[ids], kind="stable")]
    n_validation = min(max(at_least, round(fraction * len(ids))), len(ids) - 1)
    places = ((np.arange(n_validation) + 0.5) * len(ids) / n_validation).astype(np.int64)
    held_out = np.zeros(n_sequences, dtype=bool)
    held_out[ids[places]] = True
    if members is not None:
        _keep_each_class(held_out, ids, members)
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _keep_each_class(held_out, ids, members):
    """Exchange held-out sequences so that each class has a training sequence."""
    sequences, classes = members
    weighed = np.zeros(len(held_out), dtype=bool)
    weighed[ids] = True
    sequences, classes = sequences[weighed[sequences]], classes[weighed[sequences]]
    kept = np.bincount(classes[~held_out[sequences]], minlength=classes.max() + 1)
    n_held = np.count_nonzero(held_out)
    for lost in np.flatnonzero((np.bincount(classes) > 0) & (kept == 0)):
        if kept[lost] == 0:  # another class's sequence may have had it
            given_back = sequences[(classes == lost) & held_out[sequences]][0]
            held_out[given_back] = False
            kept += np.bincount(classes[sequences == given_back], minlength=len(kept))
    for i in ids if np.count_nonzero(held_out) < n_held else ():
        of_sequence = classes[sequences == i]
        if not held_out[i] and (kept[of_sequence] > 1).all():
            held_out[i] = True
            kept -= np.bincount(of_sequence, minlength=len(kept))
            if np.count_nonzero(held_out) == n_held:
                break
    if not held_out.any():
        problem = "holds out sequences, but each class would lose its only training sequence"
        raise InputError("early_stopping", (), problem, ": pass X_val and y_val, or more sequences")


def items_of(values, ids):
    """Return the items `ids` of X, y or weights in the form that the user passed."""
    if values is None:
        return None
    if hasattr(values, "iloc"):
        return values.iloc[ids]
    return [values[i] for i in ids] if isinstance(values, (list, tuple)) else values[ids]


def take(data, targets, ids, output):
    """Return the sequences `ids`, as a view, and their targets."""
    chosen = data.choose(ids)
    if output == "sequence":
        return chosen, Targets(targets.values[ids], None if targets.weights is None else targets.weights[ids])
    values, weights = (
        None if part is None else Sequences(part, data.offsets)[ids].values
        for part in (targets.values, targets.weights)
    )
    return chosen, Targets(values, weights)


def sequence_weights(targets, data, output):
    """Return the weight of each sequence, summed over its steps; None if all weights are equal."""
    if targets.weights is None or output == "sequence":
        return targets.weights
    return np.add.reduceat(targets.weights, data.offsets[:-1])
