import numpy as np
import pandas as pd
import polars as pl
import pytest

from fairlearn_fwh.datasets import default_preprocessor, load_diabetes_progression, make_intersectional


def test_diabetes_needs_no_file(no_data):
    bunch = load_diabetes_progression()
    assert bunch.data.shape == (442, 8)
    assert bunch.target.sum() == 221
    assert not {"age", "sex"} & set(bunch.data)
    assert bunch.sensitive_features.nunique().to_dict() == {"sex": 2, "age_group": 2}
    X, y = load_diabetes_progression(return_X_y=True)
    assert len(X) == len(y)


def test_intersectional_data_follow_the_papers_generator():
    bunch = make_intersectional(200_000, random_state=0)
    s1, s2 = bunch.sensitive_features["s1"], bunch.sensitive_features["s2"]
    y = 2 * bunch.target - 1
    for x, s in (("x1", s1), ("x2", s2)):
        noise = bunch.data[x] - (s + 0.4 * s1 * s2 * y)
        assert abs(noise.mean()) < 0.005
        assert noise.std() == pytest.approx(0.3, abs=0.005)
    assert np.abs([s1.mean(), s2.mean(), y.mean(), (s1 * s2).mean(), (s1 * y).mean()]).max() < 0.01


def test_the_best_rule_reaches_the_documented_limit():
    bunch = make_intersectional(200_000, random_state=1)
    s = bunch.sensitive_features
    score = s["s1"] * s["s2"] * (bunch.data["x1"] - s["s1"] + bunch.data["x2"] - s["s2"])
    assert ((score > 0) == (bunch.target == 1)).mean() == pytest.approx(0.970, abs=0.002)


def test_seeds():
    first, again, other = (make_intersectional(50, random_state=seed).data for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    make_intersectional(50, random_state=1)
    assert (np.random.get_state()[1] == before).all()


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="n_samples must be at least 1; got 0"):
        make_intersectional(0)


def test_features_and_labels_alone():
    X, y = make_intersectional(30, random_state=0, return_X_y=True)
    assert X.shape == (30, 2)
    assert len(y) == 30


def test_preprocessor_reads_polars():
    data = pl.DataFrame({"age": [20, 30, 40, 55], "job": ["a", "b", "a", "b"]})
    assert default_preprocessor(data).fit_transform(data).shape == (4, 3)


def test_preprocessor_makes_numbers():
    data = pd.DataFrame(
        {"age": [20.0, np.nan, 40.0], "job": pd.Categorical(["a", "b", "a"]), "ok": [True, False, True]}
    )
    preprocessor = default_preprocessor(data).fit(data)
    Z = preprocessor.transform(data)
    assert Z.shape == (3, 4)
    assert np.isfinite(Z).all()
    unknown = preprocessor.transform(data.assign(job=["c", "c", "c"]))
    assert (unknown[:, -2:] == 0).all()
