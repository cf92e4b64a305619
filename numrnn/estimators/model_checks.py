"""Check that the content of a model file can be the result of a `fit`.

Kernels do not check sizes and indices, so this module checks everything that determines them. The architecture must
have values that the parameters allow, and the fitted attributes must agree with the architecture.
`numrnn.estimators.loading` checks the arrays.
"""

import numpy as np

from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.parameter_table import choices_of
from numrnn.io.messages import shown
from numrnn.network.architecture import Architecture, PairArchitecture
from numrnn.network.components import CELLS, outputs_of_targets

LARGEST = 2**31 - 1  # largest size, such as a number of units
_HEADS = {"RNNClassifier": ("softmax", "sigmoid"), "RNNRegressor": ("identity",), "RNNLanguageModel": ("softmax",)}


def check_consistency(kind, architecture, learnt):
    """Raise a ValueError that names the first value that is invalid or contradicts another one.

    Parameters
    ----------
    kind : str
        Class name of the estimator.
    architecture : Architecture or PairArchitecture
    learnt : dict of str to object
        Fitted attributes.
    """
    rules = {
        "RNNClassifier": _of_classifier,
        "RNNRegressor": _of_regressor,
        "RNNLanguageModel": _of_language_model,
        "RNNSeq2Seq": _of_pair,
    }
    for name, value, holds, expected in rules[kind](architecture, learnt):
        if not holds:
            raise ValueError(f"{name}={shown(value)}: must be {expected}")


def _is_size(value, least=1):
    return type(value) is int and least <= value <= LARGEST


def _is_array(value, shape, kinds):
    return isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind in kinds


def _are_texts(array):
    return all(isinstance(item, str) for item in array.tolist())


def _equals(facts, name, value, where):
    """Return the check that facts[name] equals a value that has been checked already."""
    return name, facts[name], type(facts[name]) is type(value) and facts[name] == value, f"{shown(value)}, {where}"


def _is_bool(facts, name):
    return name, facts[name], type(facts[name]) is bool, "True or False"


def _of_network(network, heads, outputs, prefix="", least_outputs=1):
    """Yield the checks of a network's architecture that all estimators need."""
    if not isinstance(network, Architecture):
        yield f"{prefix}architecture", network, False, "that of a network"
    facts = network._asdict()
    for name, least in (("n_inputs", 1), ("n_outputs", least_outputs)):
        yield prefix + name, facts[name], _is_size(facts[name], least), f"an integer from {least} to {LARGEST}"
    sizes, expected = network.hidden_layer_sizes, f"a tuple of integers from 1 to {LARGEST}"
    yield f"{prefix}hidden_layer_sizes", sizes, type(sizes) is tuple and sizes and all(map(_is_size, sizes)), expected
    options = {name: choices_of(name) for name in ("cell", "activation", "initial_state", "pooling", "dtype")}
    for name, known in (options | {"head": heads, "output": outputs}).items():
        holds = isinstance(facts[name], str) and facts[name] in known
        yield prefix + name, facts[name], holds, f"one of {', '.join(sorted(known))}"
    yield _is_bool(facts, "bidirectional")
    activation, cell = network.activation, network.cell
    known = CELLS[cell].activations
    expected = f"{' or '.join(map(repr, known))} with cell={shown(cell)}"
    yield f"{prefix}activation", activation, activation in known, expected
    last = network.pooling == "last" or network.output == "sequence"
    yield f"{prefix}pooling", network.pooling, last, f"'last' with output={shown(network.output)}"
    n_symbols, embedding_size = network.n_symbols, network.embedding_size
    expected = f"None or an integer from 1 to {LARGEST}"
    yield f"{prefix}n_symbols", n_symbols, n_symbols is None or _is_size(n_symbols), expected
    yield f"{prefix}embedding_size", embedding_size, embedding_size is None or _is_size(embedding_size), expected
    embeds = embedding_size is None or n_symbols is not None
    yield f"{prefix}embedding_size", embedding_size, embeds, "None with n_symbols=None"
    if n_symbols is not None:
        yield f"{prefix}n_inputs", network.n_inputs, network.n_inputs == 1, f"1 with n_symbols={n_symbols}"


def _of_inputs(network, learnt):
    """Yield the checks of estimators that read sequences of numbers."""
    expected = f"an integer from 1 to {LARGEST}"
    yield "n_features_in_", learnt["n_features_in_"], _is_size(learnt["n_features_in_"]), expected
    yield _equals(learnt, "n_inputs_", network.n_inputs, "the n_inputs of its architecture")
    yield _is_bool(learnt, "_on_table")
    n_features, n_inputs = learnt["n_features_in_"], learnt["n_inputs_"]
    if learnt["_on_table"]:
        yield "_on_table", True, n_inputs == 1, f"False with n_inputs_={n_inputs}"
        yield "_on_table", True, learnt["vocabulary_"] is None, "False with a vocabulary: texts are not a table"
    else:
        yield "n_features_in_", n_features, n_features == n_inputs, f"n_inputs_={n_inputs}, since X was not a table"
    if "feature_names_in_" in learnt:
        names = learnt["feature_names_in_"]
        holds = _is_array(names, (n_features,), "OU") and _are_texts(names)
        yield "feature_names_in_", names, holds, f"an array of n_features_in_={n_features} str"
    if "target_names_in_" in learnt:
        names, n_outputs = learnt["target_names_in_"], learnt["n_outputs_"]
        holds = _is_array(names, (n_outputs,), "OU") and _are_texts(names)
        yield "target_names_in_", names, holds, f"an array of n_outputs_={n_outputs} str"


def _of_symbols(name, vocabulary, n_symbols):
    """Yield the checks of a vocabulary, or of its absence."""
    yield name, vocabulary, vocabulary is None or isinstance(vocabulary, Vocabulary), "a vocabulary or None"
    if vocabulary is not None:
        expected = f"a vocabulary of n_symbols={n_symbols} symbols, or None"
        yield name, list(vocabulary.symbols_), len(vocabulary) == n_symbols, expected
        last, longest = vocabulary.last, f"None or an integer from 1 to {LARGEST}"
        yield f"{name}.last", last, last is None or _is_size(last), longest


def _of_regressor(network, learnt, kind="RNNRegressor"):
    yield from _of_network(network, _HEADS[kind], choices_of("output"))
    count, expected = learnt["n_outputs_"], f"the number of targets of a network with {network.n_outputs} outputs"
    holds = _is_size(count) and outputs_of_targets(network.head, count) == network.n_outputs
    yield "n_outputs_", count, holds, expected
    yield from _of_inputs(network, learnt)
    yield from _of_symbols("vocabulary_", learnt["vocabulary_"], network.n_symbols)
    if kind == "RNNRegressor":
        yield _is_bool(learnt, "_one_column")
        one = learnt["_one_column"]
        yield "_one_column", one, not one or count == 1, f"False with n_outputs_={count}"
        yield from _of_target_scale(learnt)


def _of_target_scale(learnt):
    """Yield the checks of mean and scale of the targets."""
    mean, scale, K = learnt["target_mean_"], learnt["target_scale_"], learnt["n_outputs_"]
    expected = f"None, or an array of n_outputs_={K} finite numbers"
    for name, value in (("target_mean_", mean), ("target_scale_", scale)):
        holds = value is None or _is_array(value, (K,), "f") and bool(np.isfinite(value).all())
        yield name, value, holds, expected
    yield "target_scale_", scale, (scale is None) == (mean is None), "None if and only if target_mean_ is None"
    yield "target_scale_", scale, scale is None or bool((scale > 0).all()), "above 0"


def _of_classifier(network, learnt):
    yield from _of_regressor(network, learnt, "RNNClassifier")
    labels, K, weights = learnt["classes_"], network.n_outputs, learnt["_class_weights"]
    if network.head == "sigmoid":
        holds = _is_array(labels, (K,), "iu") and np.array_equal(labels, np.arange(K))
        yield "classes_", labels, holds, f"the integers from 0 to {K - 1} for multi-label targets"
        yield "_class_weights", weights, weights is None, "None with multi-label targets"
        return
    yield "n_outputs", K, K > 1, "at least 2 with head='softmax'"
    texts = _is_array(labels, (K,), "O") and _are_texts(labels)
    numbers = _is_array(labels, (K,), "biuf") and bool(np.isfinite(labels).all())
    distinct = (texts or numbers or _is_array(labels, (K,), "U")) and bool((labels[:-1] < labels[1:]).all())
    yield "classes_", labels, distinct, f"an array of n_outputs={K} distinct labels in ascending order"
    known = weights is None or _is_array(weights, (K,), "f") and bool((np.isfinite(weights) & (weights >= 0)).all())
    yield "_class_weights", weights, known, f"None, or an array of {K} finite numbers, none negative"


def _of_language_model(network, learnt):
    yield from _of_network(network, _HEADS["RNNLanguageModel"], ("step",))
    facts = network._asdict()
    yield _equals(facts, "bidirectional", False, "because a language model reads forwards")
    yield "n_symbols", network.n_symbols, network.n_symbols is not None, "an integer: a language model reads symbols"
    end, known = learnt["end_symbol_"], network.n_symbols - 1
    holds = end is None or type(end) is int and 1 <= end == known
    yield "end_symbol_", end, holds, f"None, or {known}, the last of the n_symbols of its architecture"
    count = network.n_symbols - (end is not None)
    yield _equals(facts, "n_outputs", network.n_symbols, "the n_symbols of its architecture")
    yield _equals(learnt, "n_symbols_", count, "the n_symbols of its architecture, without the boundary symbol")
    yield from _of_symbols("vocabulary_", learnt["vocabulary_"], count)
    last = getattr(learnt["vocabulary_"], "last", None)
    yield "vocabulary_.last", last, last is None, "None: a language model reads whole texts"


def _of_pair(pair, learnt):
    yield "architecture", pair, isinstance(pair, PairArchitecture), "that of an encoder and a decoder"
    encoder, decoder = pair
    yield from _of_network(encoder, ("identity",), ("state",), "encoder ", least_outputs=0)
    yield from _of_network(decoder, ("softmax", "identity"), ("step",), "decoder ")
    yield "encoder n_outputs", encoder.n_outputs, encoder.n_outputs == 0, "0: an encoder has no output layer"
    for name, value in {"bidirectional": False, "initial_state": "zero", "pooling": "last"}.items():
        for part, network in zip(pair._fields, pair, strict=True):
            yield _equals(network._asdict(), name, value, f"in the {part} of every encoder-decoder")
    for name in ("hidden_layer_sizes", "cell", "activation", "dtype"):
        yield _equals(decoder._asdict(), name, getattr(encoder, name), f"the {name} of the encoder")
    yield from _of_pair_inputs(encoder, learnt)
    yield from _of_pair_targets(decoder, learnt)
    if encoder.n_symbols is not None and decoder.n_symbols is not None:
        yield _equals(decoder._asdict(), "embedding_size", encoder.embedding_size, "the embedding_size of the encoder")


def _of_pair_inputs(encoder, learnt):
    yield from _of_inputs(encoder, learnt)
    yield _equals(learnt, "n_symbols_", encoder.n_symbols, "the n_symbols of the encoder")
    yield from _of_symbols("vocabulary_", learnt["vocabulary_"], encoder.n_symbols)
    form = learnt["_input"]
    yield "_input", form, isinstance(form, str) and form in ("sequence", "vector"), "'sequence' or 'vector'"
    numbers = form == "sequence" or encoder.n_symbols is None and not learnt["_on_table"]
    yield "_input", form, numbers, "'sequence' for an encoder of symbols or of tables"


def _of_pair_targets(decoder, learnt):
    yield _equals(learnt, "n_outputs_", decoder.n_outputs, "the n_outputs of the decoder")
    for name in ("_one_length", "_one_column"):
        yield _is_bool(learnt, name)
    longest, count = learnt["longest_target_"], decoder.n_outputs
    yield "longest_target_", longest, _is_size(longest), f"an integer from 1 to {LARGEST}"
    facts = decoder._asdict()
    if decoder.n_symbols is None:
        yield _equals(facts, "head", "identity", "for a decoder of vectors")
        yield _equals(facts, "n_inputs", count, "the n_outputs of a decoder of vectors")
        yield _equals(learnt, "n_target_symbols_", None, "for a decoder of vectors")
        yield "_one_column", learnt["_one_column"], not learnt["_one_column"] or count == 1, "False with many columns"
        yield from _of_target_scale(learnt)
    else:
        yield _equals(facts, "head", "softmax", "for a decoder of symbols")
        yield _equals(facts, "n_symbols", count, "the n_outputs of a decoder of symbols")
        yield _equals(learnt, "n_target_symbols_", count - 1, "one less than the n_outputs of the decoder")
        for name in ("target_mean_", "target_scale_"):
            yield _equals(learnt, name, None, "for a decoder of symbols")
    yield from _of_symbols("target_vocabulary_", learnt["target_vocabulary_"], learnt["n_target_symbols_"])
