"""The way of `fit` with checkpoints: what a fit has in common with the one it goes on from."""

import hashlib
import json
import logging
import os
from numbers import Integral, Number

import numpy as np

from numrnn.data.fingerprint import fingerprint
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.data.windows import epoch_windows
from numrnn.estimators.parameters import batch_sizes
from numrnn.io import encode, newest_checkpoint
from numrnn.io.messages import shown
from numrnn.kernels.jit import kernel_hash
from numrnn.network.architecture import hidden_sizes
from numrnn.solvers import resolve_solver
from numrnn.training import Checkpoint, check_progress, restore_callbacks, restore_state

logger = logging.getLogger("numrnn")

# Another value of these changes no bit, or only how long training goes on; another device rounds otherwise, but where
# there is no card any more its checkpoints are worth as much.
_FREE = ("n_jobs", "memory_limit", "device", "verbose", "callbacks", "warm_start", "max_iter")
_OF_CARD = "kernels of the card"  # a fact of fits on one, which nobody can compare who has none
_FINISHED = ("callback", "converged", "line_search")
_DAMAGE = (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)


class Resumption:
    """A fit, from its first epoch or from where a checkpoint has it.

    Parameters
    ----------
    estimator : estimator
        After its weights were drawn; gets the seed of the checkpoint, by which sequences are held out.
    directory : str, path-like or None
        Of checkpoints; None, or one without any: the fit begins with its first epoch.
    """

    def __init__(self, estimator, directory):
        self._first_epoch, self._path = estimator._state.epoch, None
        if directory is None:
            return
        if not isinstance(directory, str | os.PathLike):
            raise TypeError(f"resume must be the directory of checkpoints, got {shown(directory)}")
        if os.path.isfile(directory):
            raise ValueError(f"resume must be the directory of checkpoints, {directory} is a file")
        self._path, self._tensors, self._header = newest_checkpoint(directory)
        if self._path is None:
            logger.info("no checkpoint in %s: training begins anew", directory)
            return
        try:
            self._saved, facts = restore_state(self._tensors, self._header), self._header["facts"]
            changed = _differences(facts, self._facts(estimator))
        except _DAMAGE as error:
            reason = str(error) if isinstance(error, ValueError) else shown(error)
            raise ValueError(f"resume: {self._path} is no checkpoint of a fit: {reason}") from error
        self._refuse(changed)
        if self._saved.theta.shape != estimator._state.theta.shape:
            raise ValueError(f"resume: {self._path} holds {self._saved.theta.size} weights, not those of its network")
        self._check_drawn(estimator)
        estimator._state.seed = self._saved.seed

    def _check_drawn(self, estimator):
        """Compare what the parameters decide of a checkpoint: dtype, arrays of the solver, the seed."""
        saved, drawn = self._saved, estimator._state
        if saved.theta.dtype != drawn.theta.dtype:
            raise ValueError(f"resume: {self._path} holds weights of {saved.theta.dtype}, not {drawn.theta.dtype}")
        kept = list(resolve_solver(estimator.solver).init_state(drawn.theta[:0]))
        if list(saved.solver_state) != kept:
            raise ValueError(
                f"resume: {self._path} holds the arrays {list(saved.solver_state)} of a solver, not {kept}"
            )
        if isinstance(estimator.random_state, Integral) and not self._first_epoch and saved.seed != drawn.seed:
            raise ValueError(
                f"resume: {self._path} has seed={saved.seed}, random_state={estimator.random_state} means {drawn.seed}"
            )

    def begin(self, estimator, callbacks, network, comm, **data):
        """Take over state and callbacks of the checkpoint, if there is one.

        Parameters
        ----------
        estimator : estimator
        callbacks : list of objects
        network : Network
            That is to be trained.
        comm : Serial or MPI
        **data : data, targets, given, validate
            What the fit is on.

        Returns
        -------
        epochs : int
            That are left to make.
        """
        writers = [callback for callback in callbacks if isinstance(callback, Checkpoint)]
        comm.check_same(lambda: {"resume": str(self._path and (self._path.name, self._saved.n_updates))})
        if not writers and self._path is None:
            return estimator.max_iter
        facts = self._facts(estimator) | _data_facts(estimator, **data)
        if self._path is not None:
            self._refuse(_differences(self._header["facts"], facts))
            unknown = sorted(set(self._header["facts"]) - set(facts) - {_OF_CARD})
            self._refuse([f"it has {shown(unknown)}"] if unknown else [])
            self._check_progress(estimator, network, data["data"])
            self._take_over(estimator, callbacks)
        for writer in writers:
            writer.watch(facts, callbacks, self._path)
        if self._path is not None and estimator._state.stop_reason in _FINISHED:
            return 0
        return self._first_epoch + estimator.max_iter - estimator._state.epoch

    def _check_progress(self, estimator, network, data):
        progress, sizes = self._saved.progress, batch_sizes(estimator)
        if progress is None:
            return
        windows = epoch_windows(
            *(data, sizes["batch_size"], sizes["bptt_steps"]),
            shuffle=estimator.shuffle,
            key=(self._saved.seed, self._saved.epoch),
            tile_rows=network.tile_rows,
        )
        carried = (0 if sizes["bptt_steps"] is None else len(data), network.state_size)
        try:
            check_progress(progress, carried, network.dtype, sum(map(len, windows)))
        except ValueError as error:
            raise ValueError(f"resume: {self._path}: {error}") from error

    def _take_over(self, estimator, callbacks):
        made = self._saved.epoch - self._first_epoch
        if made > estimator.max_iter:
            raise ValueError(f"resume: {self._path} has made {made} epochs, more than max_iter={estimator.max_iter}")
        try:
            restore_callbacks(callbacks, self._tensors, self._header)
        except _DAMAGE as error:
            raise ValueError(f"resume: {self._path}: {error}") from error
        estimator._state = self._saved
        estimator._state.resumed_epoch = self._saved.epoch
        logger.info("going on from %s, after %d epochs", self._path, self._saved.epoch)

    def _facts(self, estimator):
        facts = {
            "class": type(estimator).__name__,
            "kernels": kernel_hash(),
            **({_OF_CARD: kernel_hash("cuda")} if estimator.device == "cuda" else {}),
            "epochs before": self._first_epoch,
            "parameters": {name: _fact(estimator, name) for name in sorted(_names(estimator))},
            "network": {name: encode(value) for name, value in estimator._architecture.to_dict().items()},
        }
        return json.loads(json.dumps(facts))

    def _refuse(self, changed):
        if changed:
            raise ValueError(
                f"resume: {self._path} cannot be gone on from, it belongs to another fit: {'; '.join(changed)}"
            )


def _names(estimator):
    names = set(estimator.get_params(deep=False)) - set(_FREE)
    if not isinstance(estimator.random_state, Integral):
        names -= {"random_state"}  # the seed is in the checkpoint
    return names | {"max_iter"} if estimator.learning_rate == "cosine" else names


def _fact(estimator, name):
    """A parameter as JSON values, equal where it means the same."""
    value = getattr(estimator, name)
    if name == "hidden_layer_sizes":
        value = hidden_sizes(value)
    elif name == "dtype":
        value = np.dtype(value).name
    elif name == "solver":
        value = resolve_solver(value)
    elif isinstance(value, np.integer | np.float64 | np.bool_):
        value = value.item()
    return _encoded(value)


def _encoded(value):
    """What has no encoding, a function or an object with one, is told by its name."""
    try:
        return encode(value)
    except TypeError:
        if hasattr(value, "get_params"):
            return {name: _encoded(item) for name, item in value.get_params(deep=False).items()}
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _data_facts(estimator, data, targets, given, validate):
    learnt = [(name, _learnt(vars(estimator)[name])) for name in estimator._learnt if name in vars(estimator)]
    facts = {"training data": fingerprint(data, targets, given), "validation data": {}}
    facts["training data"]["labels and symbols"] = hashlib.sha256(json.dumps(learnt).encode()).hexdigest()
    if validate is not None:
        facts["validation data"] = fingerprint(*validate.held)
    return facts


def _learnt(value):
    return [_encoded(value), value.symbols_] if isinstance(value, Vocabulary) else _encoded(value)


def _differences(saved, facts):
    """Words for each of the facts that are not as they were saved."""
    changed = []
    for name, now in facts.items():
        then = saved.get(name, now if name == _OF_CARD else None)
        if isinstance(now, dict) and isinstance(then, dict):
            keys = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key))
            prefix = "" if name == "parameters" else f"{name}: "
            changed += [prefix + _change(key, then.get(key), now.get(key)) for key in keys]
        elif now != then:
            changed.append(_change(name, then, now))
    return changed


def _change(name, then, now):
    hidden = any(isinstance(value, str) and len(value) == 64 for value in (then, now))
    if name in ("kernels", _OF_CARD):
        return f"the {name} were those of another version of numrnn or Numba, with other bits"
    return f"other {name}" if hidden else f"{name} was {shown(then)}, is {shown(now)}"


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
    >>> from numrnn.estimators.resuming import facts_of
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
