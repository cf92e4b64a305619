"""Test that the contents of a model file or a checkpoint are checked for consistency before they are used."""

import json
import os
from fractions import Fraction

import numpy as np
import pytest
from safetensors.numpy import save_file

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences, load
from numrnn.data import Vocabulary
from numrnn.io import decode, read_checkpoint, read_model, write_checkpoint, write_model
from numrnn.training import Checkpoint, EarlyStopping

X = np.random.default_rng(0).normal(size=(8, 5, 3)).astype(np.float32)
y = np.arange(8) % 2


def encoded(values):
    return {"dict": [list(pair) for pair in values.items()]}


@pytest.fixture
def forged(tmp_path):
    """Save a model, change its header, and return the path."""

    def forge(model, *, learnt=None, architecture=None, training=None, part=None):
        path = tmp_path / "model.safetensors"
        model.save(path)
        tensors, header = read_model(path)
        header["learnt"] |= learnt or {}
        facts = dict(header["architecture"]["dict"])
        if part is None:
            header["architecture"] = encoded(facts | (architecture or {}))
        else:
            facts[part] = encoded(dict(facts[part]["dict"]) | architecture)
            header["architecture"] = encoded(facts)
        header["training"] = encoded(dict(header["training"]["dict"]) | (training or {}))
        write_model(path, tensors, header)
        return path

    return forge


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"learnt": {"n_inputs_": 1, "n_features_in_": 1}}, "n_inputs_=1: must be 3"),
        ({"learnt": {"n_features_in_": 1}}, "n_features_in_=1"),
        ({"learnt": {"n_outputs_": 7}}, "n_outputs_=7"),
        ({"learnt": {"_on_table": 1}}, "_on_table=1"),
        ({"learnt": {"_one_column": "no"}}, "_one_column='no'"),
        ({"architecture": {"n_inputs": 10**18}}, "n_inputs=1000000000000000000"),
        ({"architecture": {"hidden_layer_sizes": {"tuple": [2**31]}}}, "hidden_layer_sizes"),
        ({"architecture": {"hidden_layer_sizes": {"tuple": [2**31 - 1]}}}, "array 'layers.0.U' has shape"),
        ({"architecture": {"pooling": "sum"}}, "pooling='sum'"),
        ({"architecture": {"activation": "sin"}}, "activation='sin'"),
        ({"architecture": {"cell": "gru", "activation": "relu"}}, "activation='relu'"),
        ({"architecture": {"head": "softmax"}}, "head='softmax'"),
        ({"architecture": {"output": "features"}}, "output='features'"),
        ({"architecture": {"dtype": "float16"}}, "dtype='float16'"),
        ({"architecture": {"n_symbols": 5}}, "n_inputs=3: must be 1"),
        ({"architecture": {"embedding_size": 2}}, "embedding_size=2"),
        ({"training": {"seed": 2**64}}, "seed=18446744073709551616"),
        ({"training": {"epoch": 5}}, "history"),
        ({"training": {"n_seen": 5}}, "n_seen=5"),
        ({"training": {"schedule_epoch": 10**18}}, "schedule_epoch"),
        ({"training": {"stop_reason": "tired"}}, "stop_reason='tired'"),
        ({"training": {"schedule_state": {"dict": [["rate", -1.0]]}}}, "rate"),
    ],
)
def test_a_fact_that_contradicts_another_is_named(forged, changes, fact):
    path = forged(RNNRegressor((4,), max_iter=1, random_state=0).fit(X, y), **changes)
    with pytest.raises(ValueError) as raised:
        load(path)
    assert str(path) in str(raised.value) and fact in str(raised.value)


@pytest.mark.parametrize("items", [[0], [0, 0], [1, 0], [0, 1, 2], [0, {"float": "nan"}]])
def test_labels_must_be_those_of_the_network(forged, items):
    dtype = "<i8" if all(isinstance(item, int) for item in items) else "<f8"
    labels = {"array": {"dtype": dtype, "shape": [len(items)], "items": items}}
    path = forged(RNNClassifier((4,), max_iter=1).fit(X, y), learnt={"classes_": labels})
    with pytest.raises(ValueError, match="model.safetensors: classes_"):
        load(path)


def test_a_vocabulary_must_have_the_symbols_of_the_network(forged):
    model = RNNLanguageModel((4,), batch_size=2, max_iter=1).fit("abcabc" * 10)
    longer = {"vocabulary": Vocabulary().fit("abcdefgh").to_dict()}
    with pytest.raises(ValueError, match="vocabulary_=.*n_symbols=3"):
        load(forged(model, learnt={"vocabulary_": longer}))
    with pytest.raises(ValueError, match="n_symbols_=8"):
        load(forged(model, learnt={"vocabulary_": longer, "n_symbols_": 8}))


def test_encoder_and_decoder_must_fit(forged):
    model = RNNSeq2Seq((4,), max_iter=1).fit(["ab", "b"], ["ba", "b"])
    with pytest.raises(ValueError, match="hidden_layer_sizes=.*the encoder"):
        load(forged(model, architecture={"hidden_layer_sizes": {"tuple": [5]}}, part="decoder"))
    with pytest.raises(ValueError, match="n_target_symbols_=5"):
        load(forged(model, learnt={"n_target_symbols_": 5}))
    with pytest.raises(ValueError, match="longest_target_=0"):
        load(forged(model, learnt={"longest_target_": 0}))


def test_weights_that_are_not_finite_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    RNNRegressor((4,), max_iter=1).fit(X, y).save(path)
    tensors, header = read_model(path)
    write_model(path, tensors | {"V": np.full_like(tensors["V"], np.nan)}, header)
    with pytest.raises(ValueError, match="model.safetensors: array 'V' contains NaN"):
        load(path)


def test_a_flipped_bit_of_a_model_file_is_found(tmp_path):
    path = tmp_path / "model.safetensors"
    RNNRegressor((4,), max_iter=1).fit(X, y).save(path)
    content = path.read_bytes()
    for place in range(8, len(content), 7):
        flipped = bytearray(content)
        flipped[place] ^= 4
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match="model.safetensors"):
            load(path)


def test_a_model_file_without_a_checksum_is_loaded(tmp_path):
    path = tmp_path / "model.safetensors"
    model = RNNRegressor((4,), max_iter=1).fit(X, y)
    model.save(path)
    tensors, header = read_model(path)
    save_file(tensors, path, {"numrnn": json.dumps(header)})
    np.testing.assert_array_equal(load(path).predict(X), model.predict(X))


@pytest.mark.parametrize(
    "content",
    [
        {"array": {"dtype": "<U300000000", "shape": [2], "items": ["a", 1]}},
        {"array": {"dtype": "<i8", "shape": [2], "items": [1]}},
        {"array": {"dtype": "<i8", "shape": [-1], "items": [1]}},
        {"array": {"dtype": "<i8", "shape": [1], "items": [1.5]}},
        {"array": {"dtype": "<f8", "shape": [1], "items": ["1.5"]}},
        {"array": {"dtype": "|V8", "shape": [0], "items": []}},
        {"array": {"dtype": "<U1", "shape": [1], "items": ["ab"]}},
        {"dict": [["a", 1], ["a", 2]]},
        {"dict": {}},
        {"tuple": "ab"},
    ],
)
def test_values_that_nothing_is_encoded_as_are_refused(content):
    with pytest.raises(ValueError):
        decode(content)


def test_texts_are_as_wide_as_they_need_to_be():
    array = decode({"array": {"dtype": "<U300000000", "shape": [2], "items": ["a", "b" * 100]}})
    assert array.dtype == "<U100" and array.tolist() == ["a", "b" * 100]
    assert decode({"array": {"dtype": "<U10", "shape": [1], "items": ["a"]}}).dtype == "<U10"


@pytest.mark.parametrize("method", ["partial_fit", "loss_and_grad", "cross_entropy", "predict_proba"])
def test_a_vocabulary_that_was_fitted_anew_is_refused(method):
    longer = "abcdefghijklmnopqrstuvwxyz"
    model = RNNLanguageModel((4,), batch_size=2, bptt_steps=5, max_iter=1).fit("abcabc" * 10)
    model.vocabulary_.fit(longer)
    with pytest.raises(ValueError, match="vocabulary_ has 26 symbols, but the network was made for 3"):
        getattr(model, method)(longer)
    with pytest.raises(ValueError, match="vocabulary_ has 26 symbols"):
        model.generate("xyz", 3)
    with pytest.raises(ValueError, match="vocabulary_ has 26 symbols"):
        model.set_params(warm_start=True).fit(longer)


def test_vocabularies_of_pairs_and_classifiers_that_were_fitted_anew_are_refused():
    pairs = RNNSeq2Seq((4,), max_iter=1).fit(["ab", "b"], ["ba", "b"])
    pairs.target_vocabulary_.fit("abcdef")
    with pytest.raises(ValueError, match="target_vocabulary_ has 6 symbols"):
        pairs.predict(["ab"])
    with pytest.raises(ValueError, match="target_vocabulary_ has 6 symbols"):
        pairs.loss_and_grad(["ab"], ["ef"])
    pairs.vocabulary_.fit("abcdef")
    with pytest.raises(ValueError, match="^vocabulary_ has 7 symbols"):
        pairs.predict(["ef"])
    model = RNNClassifier((4,), vocabulary=Vocabulary(), max_iter=1).fit(["ab", "b"], [0, 1])
    model.vocabulary_.fit("abcdef")
    for call in (lambda: model.predict(["ef"]), lambda: model.predict_step("f")):
        with pytest.raises(ValueError, match="vocabulary_ has 7 symbols"):
            call()


@pytest.mark.parametrize(
    ("learnt", "fact"),
    [
        ({"end_symbol_": 2}, "end_symbol_=2: must be None, or 3"),
        ({"end_symbol_": True}, "end_symbol_=True"),
        ({"end_symbol_": "3"}, "end_symbol_='3'"),
        ({"end_symbol_": None}, "n_symbols_=3: must be 4"),
        ({"n_symbols_": 4}, "n_symbols_=4: must be 3"),
    ],
)
def test_the_symbol_of_boundaries_is_the_last(forged, learnt, fact):
    model = RNNLanguageModel((4,), max_iter=1).fit(["abc", "cab"])
    assert load(forged(model)).end_symbol_ == 3
    with pytest.raises(ValueError, match=fact):
        load(forged(model, learnt=learnt))


@pytest.mark.parametrize("change", [{"rule": "[a-z]"}, {"form": "NFD"}, {"versions": 3}])
def test_the_rule_of_a_vocabulary_must_be_known(forged, change):
    model = RNNClassifier((4,), vocabulary=Vocabulary("token"), max_iter=1).fit(["a b", "b"], [0, 1])
    content = model.vocabulary_.to_dict() | change
    with pytest.raises(ValueError, match=rf"\['{next(iter(change))}'\]="):
        load(forged(model, learnt={"vocabulary_": {"vocabulary": content}}))


def test_attributes_that_were_set_by_hand_reach_no_kernel():
    model = RNNClassifier((4,), max_iter=1).fit(X, y)
    model.classes_ = np.arange(50)
    with pytest.raises(ValueError, match="classes_ holds 50 labels"):
        model.partial_fit(X, [40] * 8)
    model.n_inputs_ = model.n_features_in_ = 500
    for count in (1, 2):
        with pytest.raises(ValueError, match="the network reads"):
            model.predict(np.zeros((count, 4, 500)))
    with pytest.raises(ValueError, match=r"x must have shape \(3,\)"):
        model.predict_step(np.zeros(500))


@pytest.fixture
def checkpoint(tmp_path):
    """Return the arrays and the header of a checkpoint within an epoch, and a function that resumes from others."""
    options = {"bptt_steps": 2, "batch_size": 3, "max_iter": 3, "random_state": 0}
    writer = Checkpoint(tmp_path / "made", every=1e-9, keep=100)
    RNNRegressor((4,), callbacks=[writer], **options).fit(X, y)
    paths = sorted((tmp_path / "made").glob("*.safetensors"))
    within = [read_checkpoint(path) for path in paths]
    tensors, header = next(found for found in within if found[1]["progress"] and found[0]["progress.losses"].size)

    def resume(tensors, header):
        (tmp_path / "forged").mkdir(exist_ok=True)
        write_checkpoint(tmp_path / "forged" / "checkpoint-000001.safetensors", tensors, header)
        return RNNRegressor((4,), **options).fit(X, y, resume=tmp_path / "forged")

    return tensors, header, resume


@pytest.mark.parametrize(
    ("name", "array", "fact"),
    [
        ("progress.carried", np.zeros((8, 5), np.float32), "progress.carried has shape"),
        ("progress.carried", np.zeros((7, 4), np.float32), "progress.carried has shape"),
        ("progress.carried", np.zeros((8, 4)), "progress.carried has shape"),
        ("progress.losses", np.zeros(50), "progress.weight_sums"),
        ("progress.losses", np.zeros((1, 1)), "progress.losses"),
        ("progress.weight_sums", np.zeros(1, np.float32), "progress.weight_sums"),
        ("history", np.zeros((0, 3)), "history"),
        ("solver.v", np.zeros(3, np.float32), "solver.v"),
        ("more", np.zeros(3), "its header names"),
    ],
)
def test_arrays_of_a_checkpoint_must_be_those_of_the_fit(checkpoint, name, array, fact):
    tensors, header, resume = checkpoint
    with pytest.raises(ValueError) as raised:
        resume(tensors | {name: array}, header)
    assert "checkpoint-000001.safetensors" in str(raised.value) and fact in str(raised.value)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("progress", "done", 10**18),
        ("progress", "done", -1),
        ("progress", "norm", "x"),
        ("training", "seed", 2**64),
        ("training", "seed", 5),
        ("training", "n_updates", 0.5),
        ("training", "epoch", 2),
        ("training", "schedule_seen", 10**6),
    ],
)
def test_numbers_of_a_checkpoint_must_be_those_of_the_fit(checkpoint, part, name, value):
    tensors, header, resume = checkpoint
    header[part] = encoded(dict(header[part]["dict"]) | {name: value})
    with pytest.raises(ValueError, match=f"checkpoint-000001.safetensors.*{name if name != 'epoch' else 'history'}"):
        resume(tensors, header)


def test_a_checkpoint_that_agrees_with_itself_is_resumed(checkpoint):
    resume = checkpoint[2]
    assert resume(*checkpoint[:2]).n_iter_ == 3


@pytest.mark.parametrize(
    "change",
    [
        {"_misses": -1},
        {"_misses": 10**400},
        {"best_epoch": 0},
        {"best_epoch": 99},
        {"_best": None},
        {"_best": (0.5, float("nan"), 1.0)},
        {"_best": (0.5, 1.0)},
        {"_best_theta": np.zeros(3)},
        {"more": 1},
    ],
)
def test_the_state_of_early_stopping_is_checked(change):
    theta = np.zeros(5, np.float32)
    state = {"_best": (1.0, 1.0, -0.5), "best_epoch": 2, "_best_theta": theta, "_misses": 1}
    stopping = EarlyStopping()
    stopping.set_state(state)
    stopping.check_state(theta, 3)
    with pytest.raises(ValueError):
        stopping.set_state(state | change)
        stopping.check_state(theta, 3)


def test_symbols_of_boundaries_that_were_set_by_hand_reach_no_kernel():
    model = RNNLanguageModel((4,), max_iter=1).fit(["abc", "ab"] * 4)
    for end in (10**6, -1, 2**70, "a"):
        model.end_symbol_ = end
        for call in (model.partial_fit, model.loss_and_grad, model.score, model.predict_proba):
            with pytest.raises(ValueError, match="end_symbol_=.*must be 3"):
                call(["abc"])


def test_a_vocabulary_that_tells_another_length_is_refused():
    model = RNNLanguageModel((4,), batch_size=2, bptt_steps=5, max_iter=1).fit("abcabc" * 10)
    n_symbols = model.vocabulary_.n_symbols_
    model.vocabulary_.fit("".join(map(chr, range(97, 3097))))
    model.vocabulary_.n_symbols_ = n_symbols
    with pytest.raises(ValueError, match="vocabulary_ has 3000 symbols"):
        model.score("abc")


class Longer(str):
    """Stand for a string that reports a wrong length."""

    def __len__(self):
        return 64

    def __getitem__(self, key):
        return self


def test_texts_of_other_classes_are_as_long_as_they_are():
    symbols = Vocabulary().fit("abc").transform([Longer("abc")])
    assert symbols.values.tolist() == [0, 1, 2]
    assert Vocabulary().fit("abc").transform(Longer("ab")).tolist() == [0, 1]


@pytest.mark.parametrize("name", ["offsets", "values"])
def test_sequences_that_were_changed_reach_no_kernel(name):
    model = RNNClassifier((4,), max_iter=1).fit(X, y)
    sequences = Sequences.from_array(X)
    changed = sequences.offsets * 1000 if name == "offsets" else sequences.values[:7]
    setattr(sequences, name, changed)
    for call in (model.predict, lambda X: model.partial_fit(X, y)):
        with pytest.raises(ValueError):
            call(sequences)


def test_layers_without_arrays_are_refused_at_once(forged):
    model = RNNRegressor((4,), max_iter=1).fit(X, y)
    path = forged(model, architecture={"hidden_layer_sizes": {"tuple": [1] * 10**5}})
    with pytest.raises(ValueError, match="hidden_layer_sizes names 100000 layers, but the file holds only 6 arrays"):
        load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_no_model_and_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(OSError, match="expected a regular file"):
        load(tmp_path / "model.safetensors")
    os.mkfifo(tmp_path / "checkpoint-000009.safetensors")
    with pytest.raises(ValueError, match="no checkpoint in .* can be used"):
        RNNRegressor((4,), max_iter=1).fit(X, y, resume=tmp_path)


def test_sampling_takes_numbers_of_any_type():
    model = RNNLanguageModel((4,), batch_size=2, bptt_steps=5, max_iter=1).fit("abcabc" * 10)
    expected = model.generate("ab", 9, top_p=0.5, random_state=0)
    for top_p in (Fraction(1, 2), np.float16(0.5), np.float32(0.5)):
        assert model.generate("ab", 9, top_p=top_p, random_state=0) == expected


def test_labels_of_another_number_are_refused_by_predict():
    model = RNNClassifier((4,), max_iter=1).fit(X, y)
    model.classes_ = np.arange(1)
    with pytest.raises(ValueError, match="classes_ holds 1 labels"):
        model.predict(X)


def test_an_invalid_parameter_in_a_file_is_named(tmp_path):
    path = tmp_path / "model.safetensors"
    RNNRegressor((4,), max_iter=1).fit(X, y).save(path)
    tensors, header = read_model(path)
    write_model(path, tensors, header | {"params": header["params"] | {"alpha": -1.0}})
    with pytest.raises(ValueError, match="model.safetensors: The 'alpha' parameter"):
        load(path)
