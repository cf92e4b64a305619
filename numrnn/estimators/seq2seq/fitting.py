"""The way of an encoder-decoder's `fit`: check and learn, hold out, lay out what the decoder reads."""

from numrnn.data.pairs import Pairs, shifted
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.data.targets import Targets
from numrnn.distributed import SERIAL
from numrnn.estimators.fitting import check_same, first_state, own_state
from numrnn.estimators.held_out import LossAlone, choose, split
from numrnn.estimators.inputs import check_same_vocabulary
from numrnn.estimators.n_jobs import n_threads
from numrnn.estimators.parameters import check_parameters
from numrnn.estimators.seq2seq.inputs import n_target_symbols, read_source, read_targets
from numrnn.io.messages import shown
from numrnn.network.architecture import Architecture, PairArchitecture, check_place


def begin_pairs(estimator, X, y, *, continues, comm=SERIAL):
    """Check parameters and data; learn sizes and symbols and draw the first weights, unless training continues.

    Parameters
    ----------
    estimator : RNNSeq2Seq
    X, y : as in `fit`
    continues : bool
        Keep the weights: X and y must fit what was learnt.
    comm : Serial or MPI

    Returns
    -------
    data : Pairs
    """
    check_parameters(estimator)
    check_place(estimator.device, estimator.memory_limit, comm)
    if continues and estimator.input != estimator._input:
        raise ValueError(
            f"input={shown(estimator.input)}: training cannot continue, it began with {shown(estimator._input)}"
        )
    if continues:
        check_same_vocabulary(estimator.vocabulary, estimator.vocabulary_, default=Vocabulary())
        name = "target_vocabulary"
        check_same_vocabulary(getattr(estimator, name), estimator.target_vocabulary_, name, default=Vocabulary())
    source = read_source(estimator, X, learn=not continues)
    targets = read_targets(estimator, y, source, learn=not continues)
    architecture = _architecture_of(estimator)
    check_same(estimator, architecture, continues)
    estimator._architecture = architecture
    _learn_lengths(estimator, targets.lengths, continues)
    estimator._state = own_state(estimator._state) if continues else first_state(estimator)
    return pairs_of(estimator, source, targets)


def pairs_of(estimator, source, targets):
    """Return checked sequences as training takes them."""
    return Pairs(source, shifted(targets, n_target_symbols(estimator)))


def targets_of(data):
    """Return the targets of the decoder's steps."""
    return Targets(data.target.targets)


def _architecture_of(estimator):
    n_symbols, n_target_symbols = estimator.n_symbols_, estimator.n_target_symbols_
    if estimator.embedding_size is not None and n_symbols is None and n_target_symbols is None:
        raise ValueError(f"embedding_size={shown(estimator.embedding_size)} needs symbols or texts, in X or in y")
    encoder = Architecture.of(
        estimator, n_inputs=estimator.n_inputs_, n_outputs=0, head="identity", n_symbols=n_symbols
    )._replace(output="state")
    outputs = estimator.n_outputs_
    if n_target_symbols is None:
        decoder = Architecture.of(estimator, n_inputs=outputs, n_outputs=outputs, head="identity")
        return PairArchitecture(encoder, decoder._replace(embedding_size=None))
    decoder = Architecture.of(estimator, n_inputs=1, n_outputs=outputs, head="softmax", n_symbols=outputs)
    return PairArchitecture(encoder if n_symbols is not None else encoder._replace(embedding_size=None), decoder)


def _learn_lengths(estimator, lengths, continues):
    longest, shortest = int(lengths.max()), int(lengths.min())
    one_length = longest == shortest
    if continues:
        one_length = one_length and estimator._one_length and longest == estimator.longest_target_
        longest = max(longest, estimator.longest_target_)
    estimator.longest_target_, estimator._one_length = longest, one_length


def hold_out_pairs(estimator, data, X_val, y_val):
    """Return what to train on, and a function that computes loss and score on other pairs, or None.

    Parameters
    ----------
    estimator : RNNSeq2Seq
    data : Pairs
    X_val, y_val : as in `fit`

    Returns
    -------
    data : Pairs
    validate : callable or None
    """
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together")
    if X_val is not None:
        source = read_source(estimator, X_val, name="X_val")
        held = pairs_of(estimator, source, read_targets(estimator, y_val, source, name="y_val"))
    elif estimator.early_stopping:
        kept, held_ids = split(len(data), estimator.validation_fraction, estimator._state.seed)
        data, held = (Pairs(choose(data.source, ids), data.target.take(ids)) for ids in (kept, held_ids))
    else:
        return data, None
    network = estimator._architecture.network(n_threads(estimator.n_jobs), device=estimator.device)
    targets = targets_of(held)
    return data, LossAlone(lambda theta: network.loss(theta, held, targets), held, targets)
