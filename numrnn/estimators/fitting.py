"""The way of `fit`: check and learn, hold out, run the training loop, store the history."""

import os
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from numrnn.data.random_streams import draw_seed
from numrnn.data.shards.sequences import ShardedSequences
from numrnn.data.symbols.checks import check_symbols, count_symbols
from numrnn.data.targets import Targets
from numrnn.data.validation import check_n_inputs, check_names
from numrnn.distributed import SERIAL
from numrnn.estimators.held_out import Validation, sequence_weights, split, take
from numrnn.estimators.inputs import (
    check_same_vocabulary,
    learn_vocabulary,
    names_vocabulary,
    read_inputs,
    text_symbols,
)
from numrnn.estimators.n_jobs import n_threads
from numrnn.estimators.parameters import _schedule, batch_sizes, check_parameters
from numrnn.estimators.resuming import facts_of
from numrnn.estimators.streaming import check_first_states
from numrnn.estimators.targets import flat_targets, flat_weights, weigh_classes
from numrnn.io.messages import shown
from numrnn.network.architecture import Architecture, check_place, differences
from numrnn.network.cuda.device_sequences import reader_of
from numrnn.solvers import LBFGS, resolve_solver
from numrnn.training import (
    EarlyStopping,
    TrainingDivergedError,
    TrainingState,
    TrainingTerminated,
    default_callbacks,
    minimize_lbfgs,
    rest,
    train,
)


@contextmanager
def unchanged_on_error(estimator, *, continues=False):
    """Give an estimator back all that it had before, so that a mistake in a call never costs a fitted network.

    What was trained stays: after an epoch, and where training diverged or was terminated. With `continues` the epochs
    before count on.
    """
    before = dict(vars(estimator))
    try:
        yield
    except (TrainingDivergedError, TrainingTerminated):
        raise
    except BaseException:
        if not _has_trained(estimator, before.get("_state"), continues):
            vars(estimator).clear()
            vars(estimator).update(before)
        raise


def _has_trained(estimator, before, continues):
    state = vars(estimator).get("_state")
    return state is not before and state.epoch > max(before.epoch if continues else 0, state.resumed_epoch)


def begin(estimator, X, y, sample_weight, *, continues, classes=None, whole=True, comm=SERIAL):
    """Check parameters and data; learn sizes and classes and draw the first weights, unless training continues.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
    X, y, sample_weight : as in `fit`
    continues : bool
        Keep the weights: X and y must fit what was learnt.
    classes : array-like, optional
        All classes, where y may lack some.
    whole : bool
        Whether y is all there is, so that weights may be balanced by it.
    comm : Serial or MPI

    Returns
    -------
    data : Sequences
    targets : Targets
    """
    check_parameters(estimator)
    check_place(estimator.device, estimator.memory_limit, comm)
    dtype = np.dtype(estimator.dtype)
    head, n_symbols = None, estimator.n_symbols
    if estimator.embedding_size is not None and n_symbols is None and estimator.vocabulary is None:
        raise ValueError(
            f"embedding_size={shown(estimator.embedding_size)} needs n_symbols or vocabulary: only symbols are embedded"
        )
    if continues:
        check_same_vocabulary(estimator.vocabulary, estimator.vocabulary_)
        head, known = estimator._architecture.head, estimator._architecture.n_symbols
        n_symbols = known if n_symbols == "auto" and known is not None else n_symbols
    else:
        estimator.vocabulary_ = learn_vocabulary(estimator, X)
    n_symbols = n_symbols if estimator.vocabulary_ is None else len(estimator.vocabulary_)
    data, _ = read_inputs(estimator, X, dtype=dtype, n_symbols=n_symbols, reset=not continues)
    if isinstance(data, ShardedSequences) and isinstance(resolve_solver(estimator.solver), LBFGS):
        raise ValueError("solver='lbfgs' takes all sequences at once: it needs X.load(), got X in shards")
    if n_symbols is not None:
        n_symbols = count_symbols(data, n_symbols)
    if not continues:
        flat = flat_targets(y, data, estimator.output, device=estimator.device)
        head, estimator.n_outputs_ = estimator._learn_targets(flat, classes, data)
    architecture = Architecture.of(
        estimator, n_inputs=estimator.n_inputs_, n_outputs=estimator.n_outputs_, head=head, n_symbols=n_symbols
    )
    check_same(estimator, architecture, continues)
    estimator._architecture = architecture
    targets = make_targets(estimator, y, data, sample_weight, learn=True, whole=whole)
    estimator._state = own_state(estimator._state) if continues else first_state(estimator)
    return data, targets


def check_same(estimator, architecture, continues):
    """Raise an error if training is to continue with another architecture."""
    if continues and architecture != estimator._architecture:
        changed = differences(estimator._architecture, architecture)
        raise ValueError(
            f"training cannot continue with another {' and '.join(changed)}: "
            + ", ".join(
                f"the weights are those of {name}={shown(old)}, got {shown(new)}"
                for name, (old, new) in changed.items()
            )
        )


def make_targets(estimator, y, data, sample_weight, *, learn=False, whole=True, suffix=""):
    """Return the encoded y with weights: sample x class weight, or None where all weigh the same."""
    output, device = estimator._architecture.output, estimator.device
    flat = flat_targets(y, data, output, device=device, name="y" + suffix)
    values = estimator._encode_targets(flat, "y" + suffix)
    weights = flat_weights(sample_weight, data, output, device=device, name="sample_weight" + suffix)
    if learn:
        estimator._learn_class_weights(values, weights, whole)
    return Targets(values, weigh_classes(weights, estimator._class_weights, values, suffix))


def given_states(estimator, state, data, name="state"):
    """Return the states that sequences begin with in training, checked; None where none are given."""
    if state is None:
        return None
    if estimator._architecture.initial_state == "learned":
        raise ValueError(f"{name} must be None with initial_state='learned': the network begins with what it learns")
    network = estimator._architecture.network()
    return check_first_states(state, len(data), network.state_size, network.dtype, name)


def hold_out(estimator, data, targets, X_val, y_val, sample_weight_val, given=None, state_val=None):
    """Return the data, targets and given states to train on, and a function that computes loss and score on others, or
    None.
    """
    if (X_val is None) != (y_val is None) or (X_val is None and sample_weight_val is not None):
        raise ValueError("X_val and y_val must be given together; sample_weight_val only with them")
    if (state_val is None) != (given is None or X_val is None):
        raise ValueError("state_val must be given with both state and X_val, and only then")
    architecture, held_given = estimator._architecture, None
    if X_val is not None:
        held_data = _held_inputs(estimator, X_val)
        held_targets = make_targets(estimator, y_val, held_data, sample_weight_val, suffix="_val")
        held_given = given_states(estimator, state_val, held_data, "state_val")
    elif estimator.early_stopping:
        kept, held = split(
            len(data),
            estimator.validation_fraction,
            estimator._state.seed,
            codes=estimator._strata(targets),
            members=estimator._members(data, targets),
            weights=sequence_weights(targets, data, architecture.output),
            at_least=estimator._fewest_to_score,
        )
        held_data, held_targets = take(data, targets, held, architecture.output)
        data, targets = take(data, targets, kept, architecture.output)
        if given is not None:
            given, held_given = given[kept], given[held]
    else:
        return data, targets, given, None
    network = architecture.network(n_threads(estimator.n_jobs), device=estimator.device)
    return data, targets, given, Validation(network, held_data, held_targets, estimator._score, held_given)


def callbacks_of(estimator, comm=SERIAL):
    """Return the callbacks that parameters of `fit` ask for, before those of the user."""
    stopping = [EarlyStopping(tol=estimator.tol, n_iter_no_change=estimator.n_iter_no_change)]
    shown = default_callbacks(estimator.verbose) if comm.rank == 0 else []
    return (stopping if estimator.early_stopping else []) + shown


def run(estimator, data, targets, *, given=None, resumption=None, validate=None, callbacks=(), comm=SERIAL):
    """Train from the estimator's state on, and store the history however training ends.

    Parameters
    ----------
    estimator : estimator
    data, targets, given : as in `train`
    resumption : Resumption or None
        Of a whole fit; None: one epoch.
    validate, callbacks : as in `train`
        The estimator's own callbacks come after these.
    comm : Serial or MPI
    """
    comm.check_same(lambda: facts_of(estimator, data, targets, given))
    threads = comm.threads(n_threads(estimator.n_jobs), estimator.n_jobs)
    network = _kept_network(estimator)
    if network is None:
        network = estimator._architecture.network(threads, estimator.memory_limit, comm, estimator.device)
    solver, sizes = resolve_solver(estimator.solver), batch_sizes(estimator)
    callbacks, max_iter = [*callbacks, *(estimator.callbacks or ())], 1
    if resumption is not None:
        held = {"data": data, "targets": targets, "given": given, "validate": validate}
        max_iter = resumption.begin(estimator, callbacks, network, comm, **held)
    options = {"max_iter": max_iter, "given": given, "callbacks": callbacks, "comm": comm}
    options["validate"] = comm.on_first(validate)
    try:
        with comm.noting_interrupts(), estimator._state.changing():
            if not max_iter:
                rest(estimator._state, network.layout, callbacks, comm, validate is not None)
            elif isinstance(solver, LBFGS):
                minimize_lbfgs(
                    network, estimator._state, data, targets, solver=solver, alpha=estimator.alpha, **options
                )
            else:
                train(
                    network,
                    estimator._state,
                    data,
                    targets,
                    solver=solver,
                    schedule=_schedule(estimator),
                    alpha=estimator.alpha,
                    clip_norm=estimator.clip_norm,
                    batch_size=sizes["batch_size"],
                    shuffle=estimator.shuffle,
                    bptt_steps=sizes["bptt_steps"],
                    dropout=estimator.dropout,
                    recurrent_dropout=estimator.recurrent_dropout,
                    **options,
                )
    finally:
        estimator._state.progress = None
        store_history(estimator)
    if resumption is None and estimator._state.stop_reason != "interrupted" and network.outlasts_training:
        estimator._state.network = network


def _kept_network(estimator):
    """That of the `partial_fit` before on a card, with its graphs; whoever asks has it alone."""
    kept = vars(estimator._state).pop("network", None)
    return kept if estimator.device == "cuda" else None


def store_history(estimator):
    """Set the fitted attributes that tell how training went."""
    history = estimator._state.history
    estimator.n_iter_ = estimator._state.epoch
    estimator.loss_curve_ = [record.loss for record in history]
    estimator.loss_ = estimator.loss_curve_[-1] if history else float("nan")
    watched = any(not np.isnan(record.validation_loss) for record in history)
    estimator.validation_loss_curve_ = [record.validation_loss for record in history] if watched else None
    estimator.validation_scores_ = [record.validation_score for record in history] if watched else None




def _held_inputs(estimator, X_val):
    n_symbols, vocabulary = estimator._architecture.n_symbols, estimator.vocabulary_
    X_val = X_val if vocabulary is None else text_symbols(X_val, vocabulary, "X_val")
    X_val = check_names(estimator, X_val, name="X_val")
    with names_vocabulary(X_val, "X_val"):
        dtype = np.dtype(estimator.dtype)
        read = reader_of(estimator.device, X_val)
        data, form = read(X_val, dtype=dtype, name="X_val", allow_symbols=n_symbols is not None)
    if n_symbols is not None:
        data = check_symbols(data, n_symbols, name="X_val")
    check_n_inputs(estimator, data, form, name="X_val")
    return data


def own_state(state):
    """Copy what training changes in place: a shallow copy of the estimator has the same state."""
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




def share_state(estimator, comm):
    """Let all processes begin with the first one's seed and weights."""
    estimator._state = comm.from_first(estimator._state)


def first_state(estimator):
    """Draw the seed and the first weights."""
    _check_fits_in_memory(estimator)
    seed = draw_seed(estimator.random_state)
    return TrainingState(estimator._architecture.initial_theta(seed), seed)


def _check_fits_in_memory(estimator):
    """Raise a ValueError if the weights alone take more than the memory of this machine."""
    if not hasattr(os, "sysconf"):
        return
    n_weights = estimator._architecture.layout().size
    size = n_weights * np.dtype(estimator.dtype).itemsize
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory:
        raise ValueError(
            f"hidden_layer_sizes={shown(estimator.hidden_layer_sizes)}: with these inputs and outputs, and "
            f"embedding_size={shown(estimator.embedding_size)}, the network has {n_weights} weights, {size} bytes; "
            f"this machine has {memory} bytes of memory"
        )
