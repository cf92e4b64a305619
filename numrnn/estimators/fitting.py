"""Run the steps of a fit, which are the same for all estimators: learn, hold out, train, store the history."""

import logging
import sys
from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np

from numrnn.distributed import SERIAL, comm_of
from numrnn.estimators.base import Model
from numrnn.estimators.doubts import warn_of_no_success
from numrnn.estimators.problem import TrainingOptions, batch_size_of
from numrnn.estimators.resuming import Resumption, facts_of
from numrnn.io.messages import short_errors
from numrnn.kernels.jit import CACHE_FOLDER
from numrnn.kernels.linking import compilations
from numrnn.network.architecture import check_place
from numrnn.training import (
    PREFIX,
    Checkpoint,
    EarlyStopping,
    Monitor,
    ScikitLearnBridge,
    TrainingDivergedError,
    TrainingTerminated,
    columns_of,
    default_callbacks,
    minimize_lbfgs,
    rest,
    train,
)
from numrnn.training.signals import noting_interrupts

logger = logging.getLogger("numrnn")


class Fitting(Model, ABC):
    """Define `fit`, `partial_fit` and `initialize` as templates.

    A subclass defines how to learn from the arguments (`_learn`), which data to hold out (`_hold_out`), and in which
    layout to train on the rest (`_lay_out`).
    """

    _fixed = {"restart_rate": 0.0}  # values of parameters that the class does not have

    @abstractmethod
    def _learn(self, options, arguments, continues):
        """Read the arguments, set the fitted attributes that follow from them, and return the `Problem`.

        Parameters
        ----------
        options : TrainingOptions
        arguments : Arguments
        continues : bool
            Whether training continues from the current weights; if so, the data must agree with the fitted attributes.
        """

    @abstractmethod
    def _hold_out(self, options, problem, arguments):
        """Return the problem without the data to hold out; set its field `validate` if there are validation data."""

    def _lay_out(self, options, problem):
        """Return the problem with its data in the layout for training, and with the size of mini-batches."""
        return replace(problem, batch_size=batch_size_of(options.batch_size, len(problem.data), problem.targets))

    def _check_options(self, options):
        """Raise an error if parameters contradict each other."""
        options.check()

    def _warn_of(self, problem):
        """Warn of a fit that is unlikely to succeed."""

    def _warn_after(self, options, problem, layout):
        """Warn if training ended without success."""
        state = self._state
        if not state.history or state.stop_reason in ("interrupted", "terminated"):
            return
        if problem.targets is None or not isinstance(problem.targets.values, np.ndarray):  # symbols on a GPU
            return
        squares = sum(float(np.square(state.theta[first:end], dtype=np.float64).sum()) for first, end in layout.decayed)
        record = Monitor(options.monitor).best(state.history) if options.restores_best else state.history[-1]
        loss = record.loss - 0.5 * options.alpha * squares
        warn_of_no_success(loss, problem.targets, problem.architecture.head, state.n_updates, stacklevel=5)

    def _options(self):
        return TrainingOptions(type(self).__name__, self.get_params(deep=False), self._fixed)

    def _fit(self, arguments, *, resume, comm):
        continues, comm = self.warm_start and "_state" in vars(self), SERIAL if comm is None else comm_of(comm)
        # In this order: the attributes that scikit-learn sets for its callbacks must remain after a failed fit.
        with comm.together(), self._told(*arguments[:3]) as more, self._unchanged_on_error(continues=continues):
            options = self._options()
            problem = self._begin(options, arguments, continues, comm)
            self._state = comm.from_first(self._state)
            callbacks = [*_own_callbacks(options, comm), *more, *(options.callbacks or ())]
            resumption = None
            writes = any(isinstance(callback, Checkpoint) for callback in callbacks)
            if resume is not None or writes or comm.size > 1:  # several processes compare checkpoints
                resumption = Resumption(resume, self._state, options, problem.architecture)
            problem = self._hold_out(options, problem, arguments)
            if comm.rank == 0:
                self._warn_of(problem)
            if continues:
                self._state.restart_schedule()
            layout = self._train(options, problem, options.max_iter, callbacks, resumption, comm).layout
            if comm.rank == 0:
                self._warn_after(options, problem, layout)
        return self

    def _one_pass(self, arguments):
        continues = "_state" in vars(self)
        with self._unchanged_on_error(continues=continues):
            options = self._options()
            problem = self._lay_out(options, self._begin(options, arguments, continues))
            network = self._train(options, problem, 1, [*default_callbacks(False), *(options.callbacks or ())])
            if network.outlasts_training and self._state.stop_reason != "interrupted":
                self._state.network = network
        return self

    def _initialize(self, arguments):
        with self._unchanged_on_error():
            self._begin(self._options(), arguments, continues=False)
        self._keep_history()
        return self

    def _begin(self, options, arguments, continues, comm=SERIAL):
        """Check the parameters, learn from the data and, unless training continues, draw the initial weights."""
        self._check_options(options)
        check_place(options.device, options.memory_limit, comm)
        problem = self._learn(options, arguments, continues)
        self._state = _own(self._state) if continues else options.first_state(problem.architecture)
        return problem

    def _train(self, options, problem, max_iter, callbacks, resumption=None, comm=SERIAL):
        """Train from the current state and return the network; store the history even after an error."""
        comm.check_same(lambda: facts_of(self.get_params(), problem))
        network = vars(self._state).pop("network", None)  # left by the last `partial_fit`
        if network is None or options.device == "cpu":
            threads = comm.threads(options.threads, options.n_jobs)
            network = problem.architecture.network(threads, options.memory_limit, comm, options.device)
        if resumption is not None:
            learnt = self._what_was_learnt()
            self._state, max_iter = resumption.begin(self._state, problem, learnt, callbacks, network, comm)
        try:
            noting = nullcontext() if comm.size == 1 else noting_interrupts(comm)
            with noting, announcing_compilation(options.verbose), self._state.changing():
                _run(options, problem, network, self._state, max_iter, callbacks, comm)
        finally:
            self._state.progress = None
            self._keep_history()
        return network

    @contextmanager
    def _told(self, X, y, sample_weight):
        """Notify scikit-learn's callbacks of begin and end of `fit`; yield callbacks that pass epochs on to them."""
        if not hasattr(self, "_init_callback_context"):
            yield []
            return
        task = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
        context = self._init_callback_context(max_subtasks=self.max_iter)
        context.call_on_fit_task_begin(estimator=self, **task)
        heard = getattr(self, "_skl_callbacks", None)  # without any, weights can stay on the GPU
        yield [ScikitLearnBridge(context, self, **task)] if heard else []
        context.call_on_fit_task_end(estimator=self, reconstruction_attributes={}, **task)

    def _what_was_learnt(self):
        """Return a dict of the fitted attributes that a model file stores."""
        return {name: vars(self)[name] for name in self._learnt if name in vars(self)}

    def _validate_params(self):
        try:
            super()._validate_params()
        except ValueError:
            with short_errors():
                raise

    def _keep_inputs(self, inputs):
        """Set the fitted attributes that describe X."""
        self._keep_names("feature_names_in_", inputs.names)
        self.n_inputs_, self.n_features_in_, self._on_table = inputs.n_inputs, inputs.n_features, inputs.on_table

    def _keep_names(self, attribute, names):
        """Set the names of columns as an attribute; if `names` is None, remove the attribute of an earlier fit."""
        vars(self).pop(attribute, None)
        if names is not None:
            setattr(self, attribute, np.array(names, dtype=object))

    def _keep_history(self):
        """Set the fitted attributes that describe the course of training."""
        history = self._state.history
        self.n_iter_ = self._state.epoch
        columns = {name.removeprefix(PREFIX): np.array(values) for name, values in columns_of(history).items()}
        self.history_ = columns
        self.loss_curve_ = [record.loss for record in history]
        self.loss_ = self.loss_curve_[-1] if history else float("nan")
        watched = any(not np.isnan(record.validation_loss) for record in history)
        self.validation_loss_curve_ = [record.validation_loss for record in history] if watched else None
        self.validation_scores_ = [record.validation_score for record in history] if watched else None
        self._keep_best([record for record in history if record.epoch > self._state.schedule_epoch])

    def _keep_best(self, history):
        """Set the fitted attributes of the best epoch of the last fit; `partial_fit` continues that fit."""
        validated = [record for record in history if not np.isnan(record.validation_loss)]
        compared = validated or history
        best = Monitor(self._options().monitor).best(compared) if compared else None
        self.best_iter_ = best.epoch if best else 0
        self.best_loss_ = float("nan") if best is None else best.validation_loss if validated else best.loss
        self.best_validation_score_ = best.validation_score if validated else None

    @contextmanager
    def _unchanged_on_error(self, *, continues=False):
        """Restore the estimator after an error within the context, so that a failed fit destroys no fitted network.

        The estimator is not restored if training diverged or was terminated, or if this fit has completed an epoch.
        With `continues`, epochs of earlier fits do not count as completed by this one.
        """
        before = dict(vars(self))
        try:
            yield
        except (TrainingDivergedError, TrainingTerminated):
            raise
        except BaseException:
            if not _has_trained(vars(self).get("_state"), before.get("_state"), continues):
                vars(self).clear()
                vars(self).update(before)
            raise


class _Announcement:
    """Announce, once per process, that numrnn compiles kernels and how long the compilation takes."""

    made = False

    def __init__(self, show):
        self._show = show

    def __call__(self, module):
        """Announce the compilation of a function of numrnn if the log or stderr shows announcements."""
        listening = logger.isEnabledFor(logging.INFO) and logger.hasHandlers()
        if _Announcement.made or not module.startswith("numrnn.") or not (listening or self._show):
            return
        _Announcement.made = True
        kept = "in this process only" if CACHE_FOLDER is None else "for later processes"
        text = f"compiling kernels: ten to thirty seconds, once per cell and options; the kernels are kept {kept}"
        logger.info("%s", text)
        if self._show:
            print(f"numrnn: {text}", file=sys.stderr, flush=True)


def announcing_compilation(show):
    """Announce compilation within the context, once per process, in the log and, with `show`, on stderr."""
    return compilations(_Announcement(show))


def _has_trained(state, before, continues):
    return state is not before and state.epoch > max(before.epoch if continues else 0, state.resumed_epoch)


def _own(state):
    """Copy what training changes in place, since shallow copies of the estimator share the state."""
    own = replace(
        state,
        theta=state.theta.copy(),
        solver_state={name: array.copy() for name, array in state.solver_state.items()},
        schedule_state=dict(state.schedule_state),
        history=list(state.history),
        progress=None,
    )
    own.network = vars(state).pop("network", None)
    return own


def _own_callbacks(options, comm):
    """Return the callbacks that follow from parameters; they run before the callbacks of the user."""
    callbacks = default_callbacks(options.verbose) if comm.rank == 0 else []
    if options.early_stopping or options.restores_best:
        patience = options.n_iter_no_change if options.early_stopping else None
        callbacks.insert(0, EarlyStopping(options.tol, patience, options.monitor, options.restores_best))
    return callbacks


def _run(options, problem, network, state, max_iter, callbacks, comm):
    data, targets = problem.data, problem.targets
    shared = {"max_iter": max_iter, "given": problem.given, "callbacks": callbacks, "comm": comm}
    shared["validate"] = comm.on_first(problem.validate)
    if not max_iter:
        rest(state, network.layout, callbacks, comm, problem.validate is not None)
    elif not options.makes_passes:
        minimize_lbfgs(network, state, data, targets, solver=options.resolved_solver, alpha=options.alpha, **shared)
    else:
        train(
            network,
            state,
            data,
            targets,
            solver=options.resolved_solver,
            schedule=options.schedule,
            alpha=options.alpha,
            clip_norm=options.clip_norm,
            batch_size=problem.batch_size,
            shuffle=options.shuffle,
            bptt_steps=problem.bptt_steps,
            restart_rate=options.restart_rate,
            dropout=options.dropout,
            recurrent_dropout=options.recurrent_dropout,
            **shared,
        )
