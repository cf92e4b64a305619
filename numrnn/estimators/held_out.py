"""Choose validation sequences and evaluate the network on them."""

import copy

import numpy as np

from numrnn.data.random_streams import generator
from numrnn.data.sequences import Sequences
from numrnn.data.sources import Targets
from numrnn.io.messages import InputError, shown


class Validation:
    """Compute loss and score of the validation sequences; the training loop calls this object after each epoch."""

    def __init__(self, network, data, targets, score, given=None, scored=None, scores=None):
        self.network = network
        self.data = data
        self.targets = targets
        self.score = score
        self.given = given  # initial states
        self.scored = targets if scored is None else scored  # targets for the score
        self.scores = scores  # function of theta; returns a dict of the scores in `scoring`

    @property
    def held(self):
        """Return the validation sequences, their targets and initial states."""
        return self.data, self.scored, self.given

    def __call__(self, theta):
        """Return loss, score and dict of scores for weights theta; the loss is weighted and has no L2 penalty."""
        logits, _ = self.network.predict(theta, self.data, self.given, raw=True)
        loss, _ = self.network.loss_of(logits, self.targets)
        score = self.score(self.network.outputs_of(logits), self.scored)
        return loss, score, {} if self.scores is None else self.scores(theta)


class ValidationLoss:
    """Compute the validation loss of an estimator whose score is the negative loss.

    Parameters
    ----------
    loss : callable
        `loss(theta)` returns the validation loss.
    *held : sequences, optionally followed by their targets
        Validation data.
    scores : callable, optional
        `scores(theta)` returns a dict of the scores in the parameter `scoring`.
    """

    def __init__(self, loss, *held, scores=None):
        self._loss, self.held, self._scores = loss, held, scores

    def __call__(self, theta):
        loss = self._loss(theta)
        return loss, -loss, {} if self._scores is None else self._scores(theta)


def chosen_split(options, n_sequences, seed, groups=None, y=None, **of_a_part):
    """Return the indices of training and validation sequences according to the parameter `validation`.

    Parameters
    ----------
    options : TrainingOptions
    n_sequences, seed, **of_a_part : as in `split`
    groups : array-like of shape (N,), optional
        Groups of the sequences; only a splitter uses them.
    y : array-like of shape (N,), optional
        Targets; only a splitter that stratifies uses them.
    """
    validation, weights = options.validation, of_a_part.get("weights")
    if validation is None:
        return split(n_sequences, options.validation_fraction, seed, **of_a_part)
    if isinstance(validation, str):
        parts = _last(options, n_sequences, of_a_part.get("at_least", 1))
    else:
        parts = _first_split(validation, n_sequences, seed, groups, y)
    for ids, name in zip(parts, ("training", "validation"), strict=True):
        if weights is not None and not weights[ids].any():
            raise InputError("validation", (), f"={shown(validation)}: all weights of the {name} part are 0")
    return parts


def _first_split(validation, n_sequences, seed, groups, y):
    """Return the indices of the two parts of a splitter's first split."""
    if getattr(validation, "random_state", 0) is None:
        validation = copy.copy(validation)
        validation.random_state = seed % 2**32  # so that a resumed fit gets the same split
    try:
        train, held = next(iter(validation.split(np.zeros((n_sequences, 1)), y, groups)))
    except Exception as error:  # any splitter of the user's
        reason = "it has no split" if isinstance(error, StopIteration) else f"its split failed: {error}"
        raise InputError("validation", (), f"={shown(validation)}: {reason}") from error
    train, held = (_checked_ids(ids, n_sequences, validation) for ids in (train, held))
    if np.intersect1d(train, held).size:
        problem = f"={shown(validation)}: the two parts of its first split have sequences in common"
        raise InputError("validation", (), problem)
    return train, held


def _checked_ids(ids, n_sequences, validation):
    ids = np.asarray(ids)
    ids = np.flatnonzero(ids) if ids.dtype == bool else np.unique(ids)
    if not len(ids) or ids[0] < 0 or ids[-1] >= n_sequences:
        expected = f"its first split must select at least one of {n_sequences} sequences for each part"
        raise InputError("validation", (), f"={shown(validation)}: {expected}, got the indices {shown(ids)}")
    return ids.astype(np.int64)


def _last(options, n_sequences, at_least):
    """Return the indices of the sequences before the gap and of the sequences after it."""
    n_held = max(at_least, round(options.validation_fraction * n_sequences))
    end = n_sequences - n_held - options.gap
    if end < 1:
        found = f"holds out {n_held} of {n_sequences} sequences after gap={options.gap}: no training sequence is left"
        raise InputError("validation", (), f"='last': {found}", "; lower gap, or pass more sequences")
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
        Weights of the sequences; sequences of weight 0 are never held out.
    at_least : int
        Smallest number of sequences to hold out. At least one sequence is always left for training.
    members : tuple of two ndarrays of int, optional
        Pairs of a sequence and a class that occurs in it, as two arrays. Each class keeps a training sequence.

    Returns
    -------
    train, validation : ndarray of int64
        Indices of the sequences in ascending order.

    Notes
    -----
    The sequences are shuffled and then sorted by class with a stable sort; every k-th sequence is held out. This
    stratifies for any number of sequences per class. With `members`, a sequence that alone has a certain class is never
    held out.
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
        if kept[lost] == 0:  # still lost: no sequence given back for another class has it
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
        problem = "holds out sequences, but each of them has a class that no other sequence has"
        raise InputError("early_stopping", (), problem, ": pass X_val and y_val, or more sequences")


def take(data, targets, ids, output):
    """Return a view of the sequences with the indices `ids`, and their targets."""
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
