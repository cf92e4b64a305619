"""Measure the estimators on real and synthetic tasks, from sequences to score."""

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor
from numrnn.datasets import make_adding_problem, make_noisy_sines
from numrnn.metrics import step_log_loss

from .common import Estimator, japanese_vowels, values_of

CELLS = ["elman", "gru", "lstm"]


class Classifier(Estimator):
    """Measure speaker recognition on Japanese vowels: 270 ragged sequences with one label each."""

    params = values_of(CELLS, [1, 2])
    param_names = ["cell", "n_jobs"]

    def make_data(self, cell, n_jobs):
        return japanese_vowels()

    def make_estimator(self, cell, n_jobs):
        return RNNClassifier((64,), cell=cell, max_iter=20, n_jobs=n_jobs, random_state=0)


class Regressor(Estimator):
    """Measure the adding problem over 10 steps, with one number per sequence as target."""

    params = values_of(CELLS)
    param_names = ["cell"]

    def make_data(self, cell):
        return *make_adding_problem(1000, 10, random_state=0), *make_adding_problem(500, 10, random_state=1)

    def make_estimator(self, cell):
        return RNNRegressor((32,), cell=cell, learning_rate_init=0.01, max_iter=20, random_state=0)


class StepRegressor(Estimator):
    """Measure two layers on noisy sines: ragged sequences with one target per step."""

    params = values_of(["adam", "lbfgs"])
    param_names = ["solver"]

    def make_data(self, solver):
        return *make_noisy_sines(200, random_state=0), *make_noisy_sines(100, random_state=1)

    def make_estimator(self, solver):
        return RNNRegressor((32, 16), output="step", solver=solver, max_iter=10, random_state=0)


class Measures:
    """Time what users measure: the surprisal of each symbol, and metrics of steps."""

    def setup(self):
        X, y = make_noisy_sines(200, random_state=0)
        self.y = [(target > 0).astype(int) for target in y]
        model = RNNClassifier((16,), output="step", max_iter=1, random_state=0).fit(X, self.y)
        self.p = model.predict_proba(X)
        self.text = "the quick brown fox jumps over the lazy dog. " * 2000
        self.model = RNNLanguageModel((64,), max_iter=1, random_state=0, n_jobs=1).fit(self.text)

    def time_surprisal(self):
        self.model.surprisal(self.text)

    def time_step_log_loss(self):
        step_log_loss(self.y, self.p)


class Streaming:
    """Time one step of several streams at once."""

    params = values_of(CELLS, [1, 100])
    param_names = ["cell", "n_streams"]

    def setup(self, cell, n_streams):
        X, y, *_ = japanese_vowels()
        self.estimator = RNNClassifier((64,), cell=cell, max_iter=1, random_state=0).fit(X, y)
        self.x = X[0][:1].repeat(n_streams, axis=0)
        _, self.state = self.estimator.predict_step(self.x)

    def time_predict_step(self, cell, n_streams):
        self.estimator.predict_step(self.x, self.state)
