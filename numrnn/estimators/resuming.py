"""Resume a fit from a checkpoint, after checking that the checkpoint belongs to this fit."""

import hashlib
import json
import logging
import os
from numbers import Integral, Number

import numpy as np

from numrnn.data.batches import epoch_windows
from numrnn.data.fingerprint import fingerprint
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.io import encode, newest_checkpoint
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.kernels.jit import kernel_hash
from numrnn.network.architecture import hidden_sizes
from numrnn.solvers import resolve_solver
from numrnn.training import Checkpoint, check_progress, restore_callbacks, restore_state

logger = logging.getLogger("numrnn")

# Parameters that may differ from those in a checkpoint: they do not change results, or only the number of epochs.
# A GPU rounds differently, but a checkpoint from a GPU must remain usable on a machine without one.
_FREE = ("n_jobs", "memory_limit", "device", "verbose", "callbacks", "warm_start", "max_iter")
_OF_CARD = "kernels of the card"  # key in checkpoints of fits on a GPU; a fit on a CPU ignores it
_OTHER_FOLDER = "the file was changed, or belongs to another fit: pass another directory"
_FINISHED = ("callback", "converged", "line_search")
_DAMAGE = (LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError)


class Resumption:
    """Start a fit from its first epoch, or resume it from a checkpoint.

    Parameters
    ----------
    directory : str, path-like or None
        Directory of checkpoints. If it is None or empty, the fit starts with its first epoch.
    state : TrainingState
        State with initial weights. Its seed is replaced by that of the checkpoint, which determines the validation
        split.
    options : TrainingOptions
    architecture : Architecture or PairArchitecture
    """

    def __init__(self, directory, state, options, architecture):
        self._first_epoch, self._path = state.epoch, None
        self._options, self._architecture = options, architecture
        if directory is None:
            return
        if not isinstance(directory, str | os.PathLike):
            raise InputTypeError("resume", (), f"must be the directory of checkpoints, got {shown(directory)}")
        if os.path.isfile(directory):
            raise InputError(
                "resume", (), f"={shown(str(directory))}: must be the directory of checkpoints, but is a file"
            )
        self._path, self._tensors, self._header = newest_checkpoint(directory)
        if self._path is None:
            logger.info("no checkpoint in %s: training starts from the beginning", directory)
            return
        try:
            self._saved, facts = restore_state(self._tensors, self._header), self._header["facts"]
            changed = _differences(facts, self._facts())
        except _DAMAGE as error:
            reason = str(error) if isinstance(error, ValueError) else shown(error)
            raise self._error(f"is not a checkpoint of a fit: {reason}") from error
        self._refuse(changed)
        if self._saved.theta.shape != state.theta.shape:
            found, needed = self._saved.theta.size, state.theta.size
            raise self._error(f"holds {found} weights, but its network needs {needed}; {_OTHER_FOLDER}")
        self._check_drawn(state)
        state.seed = self._saved.seed

    def _check_drawn(self, drawn):
        """Check that dtype, solver's arrays and seed of a checkpoint are those that the parameters determine."""
        saved, random_state = self._saved, self._options.random_state
        if saved.theta.dtype != drawn.theta.dtype:
            expected = f"expected {drawn.theta.dtype}; {_OTHER_FOLDER}"
            raise self._error(f"holds weights of dtype {saved.theta.dtype}, {expected}")
        kept = list(self._options.resolved_solver.init_state(drawn.theta[:0]))
        if list(saved.solver_state) != kept:
            found = shown(list(saved.solver_state))
            raise self._error(f"holds the arrays {found} of its solver, expected {kept}; {_OTHER_FOLDER}")
        if isinstance(random_state, Integral) and not self._first_epoch and saved.seed != drawn.seed:
            found = f"was made with the seed {saved.seed}, but random_state={random_state} gives {drawn.seed}"
            raise self._error(f"{found}; pass the random_state of the earlier fit")

    def begin(self, state, problem, learnt, callbacks, network, comm):
        """Return the state from which to train and the number of remaining epochs; restore the callbacks' states.

        Parameters
        ----------
        state : TrainingState
            State that is returned if there is no checkpoint.
        problem : Problem
        learnt : dict
            Fitted attributes.
        callbacks : list of objects
        network : Network
            Network to be trained.
        comm : Serial or MPI
        """
        max_iter = self._options.max_iter
        writers = [callback for callback in callbacks if isinstance(callback, Checkpoint)]
        comm.check_same(lambda: {"resume": str(self._path and (self._path.name, self._saved.n_updates))})
        if not writers and self._path is None:
            return state, max_iter
        facts = self._facts() | _data_facts(problem, learnt)
        if self._path is not None:
            self._refuse(_differences(self._header["facts"], facts))
            unknown = sorted(set(self._header["facts"]) - set(facts) - {_OF_CARD})
            self._refuse([f"it has {shown(unknown)}"] if unknown else [])
            self._check_progress(problem, network)
            state = self._take_over(callbacks)
        for writer in writers:
            writer.watch(facts, callbacks, self._path)
        if self._path is not None and state.stop_reason in _FINISHED:
            return state, 0
        return state, self._first_epoch + max_iter - state.epoch

    def _check_progress(self, problem, network):
        progress, data = self._saved.progress, problem.data
        if progress is None:
            return
        windows = epoch_windows(
            *(data, problem.batch_size, problem.bptt_steps),
            shuffle=self._options.shuffle,
            key=(self._saved.seed, self._saved.epoch),
            tile_rows=network.tile_rows,
        )
        carried = (0 if problem.bptt_steps is None else len(data), network.state_size)
        try:
            check_progress(progress, carried, network.dtype, sum(map(len, windows)))
        except ValueError as error:
            raise self._error(f": {error}") from error

    def _take_over(self, callbacks):
        made, max_iter = self._saved.epoch - self._first_epoch, self._options.max_iter
        if made > max_iter:
            raise self._error(
                f"has made {made} epochs, more than max_iter={max_iter}; raise max_iter to at least {made}"
            )
        try:
            restore_callbacks(callbacks, self._tensors, self._header)
        except _DAMAGE as error:
            raise self._error(f": {error}") from error
        self._saved.resumed_epoch = self._saved.epoch
        logger.info("resuming from %s, after %d epochs", self._path, self._saved.epoch)
        return self._saved

    def _facts(self):
        options = self._options
        facts = {
            "class": options.kind,
            "kernels": kernel_hash(),
            **({_OF_CARD: kernel_hash("cuda")} if options.device == "cuda" else {}),
            "epochs before": self._first_epoch,
            "parameters": {name: _fact(name, getattr(options, name)) for name in sorted(_names(options))},
            "network": {name: encode(value) for name, value in self._architecture.to_dict().items()},
        }
        return json.loads(json.dumps(facts))

    def _refuse(self, changed):
        if changed:
            way_out = "; pass the same data and parameters, or another directory"
            raise self._error(f"cannot be resumed, because it belongs to another fit: {'; '.join(changed)}{way_out}")

    def _error(self, problem):
        """Return an error whose message consists of the checkpoint's path and a problem."""
        return InputError("resume", (), f": {self._path}{'' if problem.startswith(':') else ' '}{problem}")


def _names(options):
    names = set(options.names) - set(_FREE)
    if not isinstance(options.random_state, Integral):
        names -= {"random_state"}  # the checkpoint stores the seed
    return names | {"max_iter"} if options.learning_rate == "cosine" else names


def _fact(name, value):
    """Return a parameter as JSON values; parameters with the same meaning have equal JSON values."""
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
    """Encode a value as JSON; a function, or an object that cannot be encoded, is represented by its name."""
    try:
        return encode(value)
    except TypeError:
        if hasattr(value, "get_params"):
            return {name: _encoded(item) for name, item in value.get_params(deep=False).items()}
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _data_facts(problem, learnt):
    learnt = [(name, _learnt(value)) for name, value in learnt.items()]
    facts = {"training data": fingerprint(problem.data, problem.targets, problem.given), "validation data": {}}
    facts["training data"]["labels and symbols"] = hashlib.sha256(json.dumps(learnt).encode()).hexdigest()
    if problem.validate is not None:
        facts["validation data"] = fingerprint(*problem.validate.held)
    return facts


def _learnt(value):
    return [_encoded(value), value.symbols_] if isinstance(value, Vocabulary) else _encoded(value)


def _differences(saved, facts):
    """Return a description of each fact that differs from the saved one."""
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
        where = " of the GPU" if name == _OF_CARD else ""
        return f"the kernels{where} were those of another version of numrnn or Numba, which rounds differently"
    return f"{name} differ" if hidden else f"{name} was {shown(then)}, but is {shown(now)} now"


# Parameters that may differ between processes that train together.
OWN_AFFAIRS = ("callbacks", "memory_limit", "n_jobs", "random_state", "verbose")
# Arguments of `fit` by the keys of `fingerprint`; all other keys belong to X.
ARGUMENTS = {"targets": "y", "weights": "sample_weight", "states": "state"}


def facts_of(parameters, problem):
    """Return the facts that `check_same` compares, as a dict of str; its keys are the names in error messages."""
    facts = {name: _told(value) for name, value in sorted(parameters.items()) if name not in OWN_AFFAIRS}
    facts["the network for X and y"] = repr(problem.architecture)
    for mark, value in fingerprint(problem.data, problem.targets, problem.given).items():
        name = ARGUMENTS.get(mark, "X")
        facts[name] = f"{facts.get(name, '')} {value}"
    return facts


def _told(value):
    """Return the repr of a value, or its type if the repr may contain an address, which differs between processes."""
    plain = value is None or isinstance(value, (str, Number, tuple, list))
    return repr(value) if plain else type(value).__name__
