"""Run all of scikit-learn's own checks on both estimators."""

import json
import os
import subprocess
import sys

import pytest
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

from numrnn import RNNClassifier, RNNRegressor

# The only check expected to fail: a removed sequence changes the mini-batches, one of weight 0 does not.
SHUFFLED = "check_sample_weight_equivalence_on_dense_data"

# scikit-learn skips a check of the array API unless this variable is set before SciPy is imported: hence a process.
PROGRAM = f"""
import json, sys, warnings
from sklearn.utils.estimator_checks import check_estimator
import numrnn

warnings.simplefilter("ignore")
expected = {{"{SHUFFLED}": "mini-batches are shuffled"}}
estimator = getattr(numrnn, sys.argv[1])()
results = check_estimator(estimator, expected_failed_checks=expected, on_skip=None, on_fail=None)
print(json.dumps([[r["check_name"], r["status"], repr(r["exception"])] for r in results]))
"""


@pytest.mark.parametrize("name, n_checks", [("RNNClassifier", 67), ("RNNRegressor", 60)])
def test_check_estimator(name, n_checks):
    environment = {**os.environ, "SCIPY_ARRAY_API": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM, name], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    by_status = {status: [r for r in results if r[1] == status] for status in ("failed", "skipped", "xfail", "passed")}
    assert not by_status["failed"], by_status["failed"]
    assert [r[0] for r in by_status["xfail"]] == [SHUFFLED]
    # A check of `decision_function` has nothing to look at.
    assert all("decision_function" in r[0] for r in by_status["skipped"]) and len(by_status["skipped"]) <= 1
    assert len(results) >= n_checks
    assert len(by_status["passed"]) == len(results) - 1 - len(by_status["skipped"])


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_weights_are_repetitions_where_nothing_is_shuffled(kind, cell):
    model = kind((8,), cell=cell, solver="lbfgs", dtype="float64", max_iter=10)
    check_sample_weight_equivalence_on_dense_data(kind.__name__, model)


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
def test_no_tag_excuses_from_a_check(kind):
    tags = kind().__sklearn_tags__()
    assert tags.input_tags.two_d_array and tags.requires_fit and not tags._skip_test
    assert not (tags.non_deterministic or tags.no_validation)
    details = tags.classifier_tags or tags.regressor_tags
    assert not details.poor_score
