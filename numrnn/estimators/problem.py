"""Define the objects that the steps of a fit pass on: arguments, constructor parameters, and the training problem."""

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from numrnn.data.byte_sizes import n_bytes
from numrnn.data.random_streams import draw_seed
from numrnn.data.sources import Targets
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.parameter_table import Choice, Range, parameters_of
from numrnn.estimators.scoring import resolve_scoring
from numrnn.io.messages import InputError, shown
from numrnn.network.architecture import Architecture, PairArchitecture, differences
from numrnn.network.components import CELLS
from numrnn.solvers import LBFGS, resolve_solver
from numrnn.training import Monitor, TrainingState, check_callbacks, resolve_schedule

Method = TypeVar("Method", bound=Callable[..., Any])


class Arguments(NamedTuple):
    """Hold the arguments of `fit` or `partial_fit` that are data, as the user passed them."""

    X: Any
    y: Any = None
    sample_weight: Any = None
    state: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    state_val: Any = None
    groups: Any = None
    classes: Any = None
    whole: bool = True  # whether y holds all targets, so that class weights can be derived from it


class TrainingOptions(SimpleNamespace):
    """Give access to the constructor parameters as attributes.

    Parameters
    ----------
    kind : str
        Class name of the estimator.
    parameters : dict
        Parameters as the user passed them.
    fixed : dict
        Values of parameters that the class does not have.
    """

    def __init__(self, kind, parameters, fixed):
        super().__init__(kind=kind, names=tuple(parameters), **parameters, **fixed)

    @property
    def makes_passes(self):
        """Return whether training makes passes over mini-batches; L-BFGS does not."""
        return not isinstance(self.resolved_solver, LBFGS)

    @cached_property
    def resolved_solver(self):
        """Return the solver as an object."""
        return resolve_solver(self.solver)

    @cached_property
    def schedule(self):
        """Return the schedule of the learning rate."""
        return resolve_schedule(
            self.learning_rate,
            learning_rate_init=self.learning_rate_init,
            max_iter=self.max_iter,
            tol=self.tol,
            monitor=self.monitor,
        )

    @cached_property
    def scorers(self):
        """Return the parameter `scoring` as a dict of scorers by name."""
        return resolve_scoring(self.scoring)

    @property
    def restores_best(self):
        """Return whether the best weights are restored after training."""
        automatic = isinstance(self.restore_best_weights, str)
        return self.early_stopping if automatic else bool(self.restore_best_weights)

    @property
    def wants_held_out(self):
        """Return whether a part of X is held out unless validation data are passed."""
        return self.early_stopping or self.validation is not None

    def holds_out(self, arguments):
        """Return whether a part of X is held out; raise an error if arguments and parameters contradict each other."""
        if arguments.X_val is not None and self.validation is not None:
            raise InputError("validation", (), f"={shown(self.validation)}: must be None if X_val is passed")
        if arguments.groups is not None and (self.validation is None or isinstance(self.validation, str)):
            expected = "need a splitter such as GroupShuffleSplit(1) as the parameter validation"
            raise InputError("groups", (), f": {expected}, got validation={shown(self.validation)}")
        if self.gap and self.validation != "last":
            raise InputError("gap", (), f"={self.gap}: must be 0 unless validation='last'")
        holds_out = arguments.X_val is None and self.wants_held_out
        if not holds_out and arguments.X_val is None and (self.monitor != "loss" or self.scoring is not None):
            name = "scoring" if self.scoring is not None else "monitor"
            hint = "; pass X_val, or set validation or early_stopping"
            raise InputError(name, (), f"={shown(getattr(self, name))}: needs validation data", hint)
        return holds_out

    @property
    def threads(self):
        """Return the number of threads that the estimator may use."""
        return n_threads(self.n_jobs)

    def check(self):
        """Raise an error that names the first parameter whose value contradicts others or is not supported."""
        for name in self.names:
            value = getattr(self, name)
            if isinstance(value, Integral) and value > LARGEST:
                raise InputError(name, (), f"={shown(value)}: must be at most {LARGEST}")
        if self.activation not in CELLS[self.cell].activations:
            known = " or ".join(f"cell={name!r}" for name, cell in CELLS.items() if self.activation in cell.activations)
            found = f"={shown(self.activation)}: needs {known}, got cell={shown(self.cell)}"
            raise InputError("activation", (), f"{found}; change either parameter")
        for name in ("dropout", "recurrent_dropout"):
            value = getattr(self, name)
            if value and not self.makes_passes:
                expected = "must be 0 with solver='lbfgs', which does not support dropout"
                raise InputError(name, (), f"={shown(value)}: {expected}; or choose another solver, such as 'adam'")
        if self.bptt_steps is not None:
            self._check_chunks()
        if self.pooling != "last" and (self.output == "step" or self.bptt_steps is not None):
            found = f"output={shown(self.output)} and bptt_steps={shown(self.bptt_steps)}"
            why = "it pools all steps of a sequence into one prediction"
            problem = f"={shown(self.pooling)}: needs output='sequence' and bptt_steps=None, got {found}; {why}"
            raise InputError("pooling", (), problem)
        if self.washout and self.output == "sequence":
            problem = f"={shown(self.washout)}: must be 0 with output='sequence', whose target belongs to no step"
            raise InputError("washout", (), problem)
        if isinstance(self.validation, str) and self.validation != "last":  # str also has a method `split`
            raise InputError("validation", (), f"={shown(self.validation)}: must be None, 'last' or a splitter")
        Monitor(self.monitor).check(self.scorers)
        for _ in (self.resolved_solver, self.schedule, self.threads):  # each property checks its parameters
            pass
        check_callbacks(self.callbacks or ())
        if self.memory_limit is not None:
            n_bytes(self.memory_limit, "memory_limit")

    def _check_chunks(self):
        if not self.makes_passes:
            expected = "must be None with solver='lbfgs', which takes whole sequences"
            problem = f"={shown(self.bptt_steps)}: {expected}; or choose another solver, such as 'adam'"
            raise InputError("bptt_steps", (), problem)
        if self.bidirectional:
            expected = "must be None with bidirectional=True"
            why = "the reverse direction begins at the last step of a sequence, which a chunk does not include"
            raise InputError("bptt_steps", (), f"={shown(self.bptt_steps)}: {expected}; {why}")

    def first_state(self, architecture):
        """Draw the seed and the initial weights, and return them as a `TrainingState`."""
        self._check_fits_in_memory(architecture.layout().size)
        seed = draw_seed(self.random_state)
        return TrainingState(architecture.initial_theta(seed), seed)

    def _check_fits_in_memory(self, n_weights):
        """Raise a ValueError if the weights alone exceed the memory of this machine."""
        if not hasattr(os, "sysconf"):
            return
        size = n_weights * np.dtype(self.dtype).itemsize
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if size > memory:
            problem = (
                f"={shown(self.hidden_layer_sizes)}: with these inputs and outputs, and embedding_size="
                f"{shown(self.embedding_size)}, the {n_weights} weights need {size} bytes, but this machine has "
                f"{memory} bytes of memory; choose fewer units"
            )
            raise InputError("hidden_layer_sizes", (), problem)


@dataclass(frozen=True)
class Problem:
    """Hold everything that training needs in addition to the options.

    Parameters
    ----------
    architecture : Architecture or PairArchitecture
    data : SequenceSource
        Training sequences.
    targets : Targets, optional
    given : ndarray of shape (N, state_size), optional
        Initial states.
    validate : callable, optional
        `validate(theta)` returns loss, score and dict of scores of the validation data `validate.held`.
    batch_size : int
    bptt_steps : int or None
        Number of steps in a chunk; None means whole sequences.
    """

    architecture: Architecture | PairArchitecture
    data: Any
    targets: Targets | None = None
    given: np.ndarray | None = None
    validate: Any = None
    batch_size: int | None = None
    bptt_steps: int | None = None


def batch_size_of(batch_size, n_sequences, targets):
    """Return the number of sequences of a mini-batch, given the parameter and the training data.

    The loss of a mini-batch is divided by its sum of weights, so samples of low weight would count too much in a small
    mini-batch. Hence weighted samples get the largest automatic size.
    """
    if batch_size != "auto":
        return int(batch_size)
    weights = targets.weights
    if weights is not None and np.ptp(weights[weights > 0]) > 0:
        return LARGEST_BATCH
    return min(LARGEST_BATCH, max(8, n_sequences // 16))


def check_same(known, architecture):
    """Raise an error if training would continue with another architecture."""
    changed = differences(known, architecture)
    if changed:
        name, (old, new) = next(iter(changed.items()))
        others = f" (other differences: {', '.join(list(changed)[1:])})" if len(changed) > 1 else ""
        found = f"={shown(new)}: must be {shown(old)} to continue training{others}"
        raise InputError(name, (), found, "; pass the same parameters, or fit anew with warm_start=False")


LARGEST_BATCH = 32  # number of sequences in the largest automatic mini-batch
LARGEST = 2**63 - 1  # largest int64, the type of integers in kernels
_CONSTRAINTS = {
    "splitter": HasMethods("split"),
    "vocabulary": Vocabulary,
    "float type": Options(type, {np.float32, np.float64}),
}


def constraints_of(kind):
    """Return the parameter constraints of an estimator (given by its class name) for scikit-learn's validation."""
    rows = parameters_of(kind)
    return {row.name: [_constraint(allowed) for allowed in row.allows] for row in rows if row.allows is not None}


def _constraint(allowed):
    if isinstance(allowed, Range):
        return Interval(allowed.kind, allowed.left, allowed.right, closed=allowed.closed)
    if isinstance(allowed, Choice):
        return StrOptions(set(allowed.texts))
    return _CONSTRAINTS.get(allowed, allowed)


def checks_parameters(method: Method) -> Method:
    """Validate the constructor parameters before a method runs; type checkers see the method's own signature."""
    return _fit_context(prefer_skip_nested_validation=True)(method)


def solver_makes_passes(estimator):
    if estimator.solver == "lbfgs" or isinstance(estimator.solver, LBFGS):
        raise AttributeError(
            "partial_fit needs a mini-batch solver such as 'adam'; solver='lbfgs' takes all of X at once: call fit"
        )
    return True


def check_number(name, value, kind, holds, expected):
    """Raise a ValueError unless the argument of a method has a numeric type and satisfies a condition."""
    if not isinstance(value, kind) or isinstance(value, (bool, np.bool_)) or not holds(value):
        raise InputError(name, (), f"must be {expected}, got {shown(value)}")
    if isinstance(value, Integral) and value > LARGEST:
        raise InputError(name, (), f"={shown(value)}: must be at most {LARGEST}")


def n_threads(n_jobs, at_most=None):
    """Convert the parameter `n_jobs` to a number of threads, at least 1 and at most `at_most`.

    Parameters
    ----------
    n_jobs : int or None
        None means all cores available to this process (by CPU affinity and container limits), limited by
        ``OMP_NUM_THREADS`` or ``NUMBA_NUM_THREADS``. Joblib's back end loky sets these variables in its worker
        processes, so that ``GridSearchCV(n_jobs=...)`` does not start cores x cores threads. Workers of joblib's other
        back ends and of Dask cannot know how many workers there are; hence they use one thread if ``NUMBA_NUM_THREADS``
        is not set. A positive number is used as it is; -1 means all cores, -2 all but one, and so on.
    at_most : int or None
        Largest number of threads that the task can use.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.
    """
    if n_jobs == 0:
        raise InputError("n_jobs", (), "=0: must be None or an integer other than 0; -1 means all cores")
    if at_most == 1:
        return 1
    threads = int(n_jobs) if n_jobs is not None and n_jobs > 0 else _share_of_cores(n_jobs)
    return threads if at_most is None else min(threads, at_most)


def _share_of_cores(n_jobs):
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    cores = _count(joblib.cpu_count, os.getpid(), affinity, os.environ.get("LOKY_MAX_CPU_COUNT"))
    if n_jobs is not None:
        return max(1, cores + 1 + int(n_jobs))
    # Both variables count: joblib does not change a variable that is set already, and batch scripts set OMP_NUM_THREADS
    # to all cores of a job.
    limits = [_limit("OMP_NUM_THREADS", cores), _limit("NUMBA_NUM_THREADS", cores)]
    is_worker = (get_active_backend()[0].nesting_level or 0) > 0 or _in_task_of_dask()
    if is_worker and "NUMBA_NUM_THREADS" not in os.environ:
        limits.append(1)  # a worker in a thread, in a fork or of Dask: the number of workers is unknown
    return min(cores, *limits)


def _in_task_of_dask():
    worker = sys.modules.get("distributed.worker")
    return hasattr(getattr(worker, "thread_state", None), "execution_state")


def _limit(name, cores):
    # OMP_NUM_THREADS may be a list, one number per nesting level ("4,2").
    limit = os.environ.get(name, "").split(",")[0].strip()
    return int(limit) if limit.isdigit() and int(limit) > 0 else cores


@functools.lru_cache(maxsize=8)
def _count(cpu_count, *_what_it_depends_on):
    # Reading a container's limit from its files takes 50 us, a third of the time to predict 32 sequences.
    return cpu_count()
