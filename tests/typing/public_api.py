"""Use the public interface as mypy sees it; ``mypy tests/typing`` checks it, and nothing runs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import numpy as np

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq, Sequences, SequenceScaler
from numrnn.data import ShardWriter, Vocabulary, open_shards
from numrnn.datasets import make_adding_problem, make_noisy_sines
from numrnn.estimators import StepState
from numrnn.inspection import TrainingHistoryDisplay, attribute, lyapunov_exponents
from numrnn.metrics import edit_distance, get_scorer, sequence_log_loss, span_f1, step_accuracy, step_log_loss
from numrnn.model_selection import StratifiedStepKFold, cross_val_predict, make_step_scorer
from numrnn.solvers import SGD, Adam
from numrnn.training import Checkpoint, FitInfo, TimeLimit


def supervised(path: Path) -> None:
    X, y = make_adding_problem(100, 20, random_state=0)
    regressor = RNNRegressor((16, 8), cell="gru", solver=Adam(beta_2=0.98), memory_limit="1GB", random_state=0)
    assert_type(regressor.fit(X, y, X_val=X, y_val=y), RNNRegressor)
    loss, gradient = regressor.loss_and_grad(X, y)
    assert_type(loss, float)
    assert_type(gradient, dict[str, np.ndarray])
    prediction, state = regressor.predict_step(X[0, 0])
    assert_type(state, StepState)
    classifier = RNNClassifier(16, class_weight={0: 1.0}, learning_rate=lambda epoch: 0.5**epoch)
    classifier.partial_fit([X[0], X[1]], [0, 1], classes=[0, 1])
    assert_type(classifier.initialize(X, [0, 1] * 50), RNNClassifier)
    assert_type(classifier.score(X, y), float)
    assert_type(classifier.weights_, dict[str, np.ndarray])
    classifier.set_weights({"c": [0.0, 1.0]}).save(path / "model.safetensors")
    assert_type(classifier.summary(), str)
    attribute(classifier, X, method="integrated", target=1)
    assert_type(lyapunov_exponents(regressor, X), np.ndarray)
    assert_type(TrainingHistoryDisplay.from_estimator({"GRU": regressor}), TrainingHistoryDisplay)
    numrnn.load(path / "model.safetensors")


def texts() -> None:
    model = RNNLanguageModel(vocabulary=Vocabulary("token"), batch_size="auto").fit("to be or not to be")
    assert_type(model.perplexity(["to be"]), float)
    assert_type(model.accuracy(["to be"]), float)
    model.surprisal("to be")
    model.predict_proba("to be", every_step=True)
    model.set_params(callbacks=[TimeLimit(3600)])
    assert_type(model.stream("to", random_state=0), Iterator[str | int])
    RNNSeq2Seq(callbacks=[Checkpoint("folder")]).fit(["one", "two"], ["1", "2"]).predict(["one"], beam_width=3)


def data(folder: Path) -> None:
    sequences = Sequences.from_list([np.zeros((3, 2)), np.zeros((5, 2))])
    assert_type(sequences.to_list(), list[np.ndarray])
    SequenceScaler(with_std=False).fit(sequences).transform(sequences)
    with ShardWriter(folder, shard_size="1MB") as writer:
        writer.write(sequences, [0, 1], ids=["a", "b"])
    X, y = open_shards(folder)
    RNNClassifier(solver=SGD(nesterov=False)).fit(X, y)
    sines, following = make_noisy_sines(10)
    cross_val_predict(RNNRegressor(output="step"), sines, following, cv=StratifiedStepKFold(3))
    make_step_scorer(lambda y_true, y_pred: 0.0)


def measures() -> None:
    probabilities = [np.full((3, 2), 0.5), np.full((1, 2), 0.5)]
    assert_type(step_log_loss([[0, 1, 1], [0]], probabilities, labels=[0, 1]), float)
    assert_type(sequence_log_loss([[0, 1, 1], [0]], probabilities, sample_weight=[1.0, 2.0]), float)
    assert_type(step_accuracy(Sequences.from_list([[0, 1], [1]]), [[0, 1], [1]]), float)
    assert_type(edit_distance(["one"], ["two"], normalize=True), float)
    assert_type(span_f1([["B-x", "O"]], [["O", "O"]]), float)
    assert_type(get_scorer("span_f1")(RNNClassifier(output="step"), probabilities, probabilities), float)


class Printer:
    def on_epoch_end(self, info: FitInfo) -> bool | None:
        print(info.epoch, info.loss)
        return None
