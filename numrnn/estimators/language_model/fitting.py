"""The way of a language model's `fit`: check and learn the symbols, hold out, lay out streams."""

import numpy as np

from numrnn.data.symbols.checks import count_symbols
from numrnn.data.symbols.next_symbols import NextSymbols
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.distributed import SERIAL
from numrnn.estimators.fitting import check_same, first_state, own_state
from numrnn.estimators.held_out import LossAlone, split
from numrnn.estimators.inputs import check_same_vocabulary, vocabulary_of
from numrnn.estimators.language_model.inputs import has_boundaries, n_text_symbols, next_symbols, read_known, read_with
from numrnn.estimators.language_model.scoring import mean_cross_entropy
from numrnn.estimators.language_model.sizes import learn_sizes
from numrnn.estimators.n_jobs import n_threads
from numrnn.estimators.parameters import check_parameters
from numrnn.io.messages import shown
from numrnn.network.architecture import Architecture, check_place
from numrnn.solvers import LBFGS, resolve_solver


def begin_texts(estimator, X, *, continues, comm=SERIAL):
    """Check parameters and X; learn the symbols and draw the first weights, unless training continues.

    Parameters
    ----------
    estimator : RNNLanguageModel
    X : as in `fit`
    continues : bool
        Keep the weights: X must have the symbols that were learnt.
    comm : Serial or MPI

    Returns
    -------
    sequences : Sequences
    is_one : bool
        Whether X is one long text without boundaries, to be cut into streams.
    """
    if isinstance(resolve_solver(estimator.solver), LBFGS):
        raise ValueError(f"solver={shown(estimator.solver)}: a language model needs a mini-batch solver")
    check_parameters(estimator)
    check_place(estimator.device, estimator.memory_limit, comm)
    if estimator.vocabulary is not None and estimator.vocabulary.last is not None:
        raise ValueError(
            f"vocabulary={shown(estimator.vocabulary)}: a language model reads whole texts, expected last=None"
        )
    if continues:
        check_same_vocabulary(estimator.vocabulary, estimator.vocabulary_, default=Vocabulary())
    else:
        n_symbols = None if estimator.n_symbols == "auto" else estimator.n_symbols
        estimator.vocabulary_ = vocabulary_of(X, estimator.vocabulary, n_symbols=n_symbols)
    boundaries = has_boundaries(estimator, X, continues)
    known = n_text_symbols(estimator) if continues else estimator.n_symbols
    sequences, is_one = read_with(estimator, X, known, boundaries)
    if not continues:
        vocabulary = estimator.vocabulary_
        estimator.n_symbols_ = count_symbols(sequences, known) if vocabulary is None else len(vocabulary)
        estimator.end_symbol_ = estimator.n_symbols_ if boundaries else None
    n_symbols = estimator.n_symbols_ + boundaries
    architecture = Architecture.of(estimator, n_inputs=1, n_outputs=n_symbols, head="softmax", n_symbols=n_symbols)
    check_same(estimator, architecture, continues)
    estimator._architecture = architecture
    estimator._state = own_state(estimator._state) if continues else first_state(estimator)
    return sequences, is_one and not boundaries


def hold_out_texts(estimator, sequences, is_one, X_val):
    """Return what to train on, and a function that computes loss and score on other texts, or None.

    Parameters
    ----------
    estimator : RNNLanguageModel
    sequences, is_one : as `begin_texts` returned them
    X_val : as in `fit`

    Returns
    -------
    data : NextSymbols
    validate : callable or None
    """
    if X_val is not None:
        held = next_symbols(estimator, read_known(estimator, X_val, name="X_val")[0], name="X_val")
        return training_data(estimator, sequences, is_one), _watch(estimator, held)
    if not estimator.early_stopping:
        return training_data(estimator, sequences, is_one), None
    fraction = estimator.validation_fraction
    if not is_one:
        kept, held = split(len(sequences), fraction, estimator._state.seed)
        data = next_symbols(estimator, sequences)
        learn_sizes(estimator, data.lengths[kept], is_one=False)
        return data.take(kept), _watch(estimator, data.take(held))
    symbols = sequences.values
    end = max(0, len(symbols) - max(2, round(fraction * len(symbols))))
    data = _streams(estimator, symbols[:end], name=f"X without its last {fraction:g}")
    return data, _watch(estimator, NextSymbols(symbols, np.array([end]), np.array([len(symbols) - end - 1])))


def training_data(estimator, sequences, is_one):
    """Return streams of one text, or texts of a list as they are; learn the sizes of mini-batches."""
    if is_one:
        return _streams(estimator, sequences.values, name="X")
    data = next_symbols(estimator, sequences)
    learn_sizes(estimator, data.lengths, is_one=False)
    return data


def _streams(estimator, symbols, *, name):
    learn_sizes(estimator, np.array([max(0, len(symbols) - 1)]), is_one=True)
    return NextSymbols.in_streams(symbols, estimator.batch_size_, name=name)


def _watch(estimator, held):
    threads = n_threads(estimator.n_jobs)
    network = estimator._architecture.network(threads, device=estimator.device)

    def loss(theta):
        network.pack(theta)
        return mean_cross_entropy(network, held, threads)

    return LossAlone(loss, held)
