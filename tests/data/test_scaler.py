import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from numrnn import Sequences, SequenceScaler
from numrnn.data import ShardWriter, open_shards


def random_list(seed=0, dtype=np.float64, columns=3):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, columns)) * 3 + 7).astype(dtype) for n in rng.integers(1, 40, 30)]


def test_scikit_learn_checks():
    results = check_estimator(SequenceScaler(), on_fail="raise", on_skip=None)
    assert sum(result["status"] == "passed" for result in results) >= 40


@pytest.mark.parametrize("options", [{}, {"with_mean": False}, {"with_std": False}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_the_standard_scaler_over_all_steps(dtype, options):
    X = random_list(dtype=dtype)
    reference = StandardScaler(**options).fit(np.vstack(X).astype(np.float64))
    scaler = SequenceScaler(**options).fit(X)
    np.testing.assert_allclose(scaler.mean_, np.vstack(X).astype(np.float64).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaler.scale_, np.vstack(X).astype(np.float64).std(axis=0), rtol=1e-12)
    assert scaler.n_samples_seen_ == sum(map(len, X))
    Z = scaler.transform(X)
    tolerance = 1e-12 if dtype == np.float64 else 1e-6
    np.testing.assert_allclose(np.vstack(Z), reference.transform(np.vstack(X)), rtol=tolerance, atol=tolerance)
    assert all(z.dtype == dtype for z in Z)
    np.testing.assert_allclose(np.vstack(scaler.inverse_transform(Z)), np.vstack(X), rtol=tolerance, atol=tolerance)


def test_the_form_and_the_data_of_the_user_stay():
    arrays = random_list()
    before = np.vstack(arrays)
    expected = SequenceScaler().fit_transform(arrays)
    for X in (arrays, tuple(arrays), Sequences.from_list(arrays)):
        Z = SequenceScaler().fit_transform(X)
        assert type(Z) is (Sequences if isinstance(X, Sequences) else list)
        assert all(np.array_equal(a, b) for a, b in zip(Z, expected, strict=True))
    np.testing.assert_array_equal(np.vstack(arrays), before)
    for shape in ((4, 5, 3), (4, 5)):
        X = np.random.default_rng(1).normal(size=shape)
        Z = SequenceScaler().fit_transform(X)
        assert Z.shape == shape
        np.testing.assert_array_equal(Z[2].ravel(), SequenceScaler().fit(X).transform([X[2].reshape(5, -1)])[0].ravel())


def test_parts_give_what_the_whole_gives():
    X = random_list()
    whole, parts = SequenceScaler().fit(X), SequenceScaler()
    for x in X:
        parts.partial_fit([x])
    np.testing.assert_allclose(parts.mean_, whole.mean_, rtol=1e-13)
    np.testing.assert_allclose(parts.scale_, whole.scale_, rtol=1e-13)
    assert parts.n_samples_seen_ == whole.n_samples_seen_
    assert parts.fit(X[:2]).n_samples_seen_ == len(X[0]) + len(X[1])


def test_constant_inputs_are_not_blown_up():
    X = [np.full((n, 2), [0.1, 1e9 + 0.1]) for n in (3, 40_000)]
    scaler = SequenceScaler().fit(X)
    np.testing.assert_array_equal(scaler.scale_, 1)
    np.testing.assert_allclose(np.vstack(scaler.transform(X)), 0, atol=1e-6)


def test_a_small_spread_far_from_zero_survives_float32():
    steps = np.arange(1000, dtype=np.float32)[:, None] * 0.25 + np.float32(1e6)
    Z = SequenceScaler().fit_transform([steps])[0]
    np.testing.assert_allclose(Z, StandardScaler().fit_transform(steps.astype(np.float64)), rtol=1e-6, atol=1e-6)


def test_errors():
    scaler = SequenceScaler()
    with pytest.raises(NotFittedError):
        scaler.transform(random_list())
    scaler.fit(random_list())
    with pytest.raises(ValueError, match="X has 2 features, but SequenceScaler is expecting 3"):
        scaler.transform(random_list(columns=2))
    with pytest.raises(ValueError, match=r"X\[1\] contains NaN in step 0"):
        scaler.partial_fit([np.zeros((2, 3)), np.full((2, 3), np.nan)])
    with pytest.raises(ValueError, match="X has 2 features"):
        scaler.inverse_transform(random_list(columns=2))


def test_names_and_pipeline():
    X = random_list()
    y = np.arange(len(X)) % 2
    assert SequenceScaler().fit(X).get_feature_names_out().tolist() == ["x0", "x1", "x2"]
    last_steps = FunctionTransformer(lambda X: np.array([x[-1] for x in X]))
    pipeline = clone(make_pipeline(SequenceScaler(), last_steps, LogisticRegression()))
    np.testing.assert_array_equal(pipeline.fit(X, y).predict(X), pipeline.predict(Sequences.from_list(X)))


def series():
    random = np.random.default_rng(0)
    return [10.0 ** random.uniform(-3, 3) * (random.normal(size=(length, 2)) + 5) for length in (4, 9, 6, 30)]


def test_each_sequence_by_itself_equals_the_plain_computation():
    X = series()
    Z = SequenceScaler(per_sequence=True).fit(X[:2]).transform(X)
    for z, x in zip(Z, X, strict=True):
        np.testing.assert_allclose(z, (x - x.mean(axis=0)) / x.std(axis=0), rtol=1e-10, atol=1e-12)


def test_robust_scales_are_median_and_quartiles():
    X = series()
    steps = np.concatenate(X)
    low, median, high = np.percentile(steps, [25, 50, 75], axis=0)
    scaler = SequenceScaler(method="robust").fit(X)
    np.testing.assert_allclose(np.concatenate(scaler.transform(X)), (steps - median) / ((high - low) / 1.3489795))
    np.testing.assert_allclose(np.concatenate(scaler.inverse_transform(scaler.transform(X))), steps)
    own = SequenceScaler(method="robust", per_sequence=True).fit_transform(X)
    np.testing.assert_allclose(np.median(own[3], axis=0), 0, atol=1e-12)


def test_the_logarithms_of_scales_are_further_inputs():
    X = series()
    scaler = SequenceScaler(per_sequence=True, keep_scale=True).fit(X)
    logs = np.log10([x.std(axis=0) for x in X])
    wanted = (logs - logs.mean(axis=0)) / logs.std(axis=0)
    for z, log in zip(scaler.transform(X), wanted, strict=True):
        assert z.shape[1] == 4
        np.testing.assert_allclose(z[:, 2:], np.broadcast_to(log, (len(z), 2)))
    again = SequenceScaler(per_sequence=True, keep_scale=True)
    for part in (X[:1], X[1:]):
        again.partial_fit(part)
    np.testing.assert_allclose(again.log_scale_mean_, scaler.log_scale_mean_)
    np.testing.assert_allclose(again.log_scale_std_, scaler.log_scale_std_)
    assert again.n_samples_seen_ == 4


def test_a_constant_sequence_has_the_smallest_scale_of_the_fit():
    X = [*series(), np.full((5, 2), 7.0)]
    scaler = SequenceScaler(per_sequence=True, keep_scale=True).fit(X)
    Z = scaler.transform(X)
    assert (Z[-1][:, :2] == 0).all()
    np.testing.assert_array_equal(Z[-1][0, 2:], np.min([z[0, 2:] for z in Z[:-1]], axis=0))
    assert np.isfinite(np.concatenate(SequenceScaler(per_sequence=True, keep_scale=True).fit_transform(X[-1:]))).all()


def test_forms_names_and_dtype_are_kept_per_sequence():
    X = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    scaler = SequenceScaler(per_sequence=True)
    assert scaler.fit_transform(X).shape == (3, 5) and scaler.transform(X).dtype == np.float32
    assert scaler.set_params(keep_scale=True).fit_transform(X).shape == (3, 5, 2)
    steps = Sequences(X.reshape(-1, 1), [0, 5, 15], names=["volt"])
    assert scaler.fit_transform(steps).names == ("volt", "volt_log_scale")
    assert (scaler.transform(steps[1:])[0] == scaler.transform(steps)[1]).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "max"}, 'method=\'max\': must be "standard" or "robust"'),
        ({"per_sequence": "yes"}, "per_sequence='yes': must be True or False"),
        ({"keep_scale": True}, "keep_scale=True: needs per_sequence=True"),
    ],
)
def test_impossible_parameters_are_named(parameters, message):
    with pytest.raises((ValueError, TypeError), match=message):
        SequenceScaler(**parameters).fit(series())


def test_what_needs_all_data_says_so(tmp_path):
    X = series()
    robust = SequenceScaler(method="robust").fit(X)
    with pytest.raises(ValueError, match='method="robust": quartiles need all data at once'):
        robust.partial_fit(X)
    with ShardWriter(tmp_path / "shards") as writer:
        writer.write(X)
    shards = open_shards(tmp_path / "shards").X
    for parameters in ({"method": "robust"}, {"per_sequence": True}):
        with pytest.raises(ValueError, match=r"needs sequences in memory, but X is in shards; pass X.load\(\)"):
            SequenceScaler(**parameters).fit(shards)
    with pytest.raises(ValueError, match="per_sequence=True: must be False for inverse_transform"):
        SequenceScaler(per_sequence=True).fit(X).inverse_transform(X)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"per_sequence": True}, {"keep_scale": True}),
        ({"per_sequence": True}, {"per_sequence": False}),
        ({"per_sequence": True, "keep_scale": True}, {"per_sequence": False, "keep_scale": False}),
    ],
)
def test_parameters_that_need_another_fit_say_so(before, after):
    scaler = SequenceScaler(**before).fit(random_list()).set_params(**after)
    with pytest.raises(NotFittedError, match="SequenceScaler"):
        scaler.transform(random_list())
