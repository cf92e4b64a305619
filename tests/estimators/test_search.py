"""Test that searches over parameters find the same on every backend of joblib as in series."""

import joblib
import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV

from numrnn import RNNClassifier, Sequences
from numrnn.estimators.problem import n_threads

pytestmark = pytest.mark.serial

RANDOM = np.random.default_rng(0)
Y = np.arange(48) % 3
LISTS = [RANDOM.normal(y, 1, size=(RANDOM.integers(2, 8), 2)) for y in Y]
FORMS = {"lists": LISTS, "sequences": Sequences.from_list(LISTS)}
GRID = {"cell": ["elman", "gru"], "learning_rate_init": [0.01, 0.1]}


def searches():
    model = RNNClassifier((4,), max_iter=3, random_state=0)
    halving = {"resource": "max_iter", "max_resources": 4, "min_resources": 2, "factor": 2}
    return GridSearchCV(model, GRID, cv=2), HalvingGridSearchCV(model, GRID, cv=2, random_state=0, **halving)


def found(form, n_jobs=None):
    """Return the mean scores, the best parameters and the refitted weights of both searches."""
    results = []
    for search in searches():
        search.set_params(n_jobs=n_jobs).fit(FORMS[form], Y)
        weights = {name: values.tobytes() for name, values in search.best_estimator_.weights_.items()}
        results.append((search.cv_results_["mean_test_score"].tolist(), search.best_params_, weights))
    return results


@pytest.fixture(scope="module")
def serial():
    return {form: found(form) for form in FORMS}


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_backends_find_what_a_serial_search_finds(backend, form, serial):
    with joblib.parallel_config(backend):
        assert found(form, n_jobs=2) == serial[form]


@pytest.mark.parametrize("form", FORMS)
def test_dask_finds_what_a_serial_search_finds(form, serial, cluster):
    with joblib.parallel_config("dask"):
        assert found(form, n_jobs=-1) == serial[form]


def threads_in_worker(n_jobs, environment):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return n_threads(n_jobs)


def test_fits_in_workers_of_dask_take_one_core_each(cluster, monkeypatch):
    """Check that fits in workers of dask use one core, unless the number is given.

    This also holds if a batch script gives each process all the cores of a node.
    """
    cores = str(joblib.cpu_count())

    def ask(n_jobs, **environment):
        return cluster.submit(threads_in_worker, n_jobs, environment, pure=False).result()

    assert ask(None) == 1 and ask(None, OMP_NUM_THREADS=cores) == 1
    assert ask(None, OMP_NUM_THREADS=cores, NUMBA_NUM_THREADS=cores) == ask(-1) == int(cores)
    assert ask(3) == 3
    with joblib.parallel_config("dask"):
        workers = joblib.Parallel(n_jobs=2)
        calls = [joblib.delayed(threads_in_worker)(None, {"OMP_NUM_THREADS": cores})] * 2
        assert workers(calls) == [1, 1]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # which the cluster may have left here
    assert n_threads(None) == int(cores)
