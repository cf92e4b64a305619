"""What processes must have alike to train together: a few words of each thing, to compare."""

from numbers import Number

from numrnn.data.fingerprint import fingerprint

OWN_AFFAIRS = ("callbacks", "memory_limit", "n_jobs", "random_state", "verbose")  # parameters that may differ
ARGUMENTS = {"targets": "y", "weights": "sample_weight", "states": "state"}  # of `fit`, by the marks; all else is X's


def facts_of(estimator, data, targets, given):
    """Return what `check_same` compares: a dict of str to str, the names for an error.

    Parameters
    ----------
    estimator : BaseEstimator
    data, targets, given : as of `fingerprint`

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNClassifier, Sequences
    >>> from numrnn.data.targets import Targets
    >>> from numrnn.estimators.facts import facts_of
    >>> data = Sequences.from_list([np.zeros((4, 1)), np.ones((3, 1))])
    >>> one, two = (facts_of(RNNClassifier(), data, Targets(np.array(y)), None) for y in ([0, 1], [1, 1]))
    >>> [name for name in one if one[name] != two[name]]
    ['y']
    """
    parameters = sorted(estimator.get_params(deep=True).items())
    facts = {name: _told(value) for name, value in parameters if name not in OWN_AFFAIRS}
    facts["what was learnt of X and y"] = repr(getattr(estimator, "_architecture", None))
    for mark, value in fingerprint(data, targets, given).items():
        name = ARGUMENTS.get(mark, "X")
        facts[name] = f"{facts.get(name, '')} {value}"
    return facts


def _told(value):
    """A value that is the same text in all processes, else its kind: an object's text may tell where it lies."""
    plain = value is None or isinstance(value, (str, Number, tuple, list))
    return repr(value) if plain else type(value).__name__
