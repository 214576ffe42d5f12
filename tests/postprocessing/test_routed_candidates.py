"""Candidates that route people themselves: by the attributes that they were fitted with, whatever groups are called."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.postprocessing import NoHarmSelector


@pytest.fixture
def people(rng):
    """Four cells of sex and race, in each of which another rule holds."""
    attributes = pd.DataFrame({"sex": rng.integers(0, 2, 4000), "race": rng.integers(0, 2, 4000)})
    X = rng.standard_normal((4000, 2))
    sign = np.where(attributes["sex"] == 1, 1, -1)
    return X, ((X[:, 0] * sign + X[:, 1] * attributes["race"]) > 0).astype(int), attributes


def selector(candidate):
    pooled = LogisticRegression()
    return pooled, NoHarmSelector([("pooled", pooled), ("own", candidate)], prefit=True, random_state=0)


def test_the_order_of_attributes_does_not_matter(people):
    X, y, attributes = people
    cells = DecoupledClassifier(LogisticRegression()).fit(X, y, sensitive_features=attributes)
    scores = []
    for columns in (["sex", "race"], ["race", "sex"]):
        pooled, model = selector(cells)
        pooled.fit(X, y)
        model.fit(X, y, sensitive_features=attributes[columns])
        assert set(model.selection_table_["choice"]) == {"own"}
        scores.append(model.score(X, y, sensitive_features=attributes[columns]))
    assert scores[0] == scores[1] == pytest.approx(cells.score(X, y, sensitive_features=attributes))


def test_a_candidate_of_another_attribute_is_refused(people):
    X, y, attributes = people
    by_sex = DecoupledClassifier(LogisticRegression()).fit(X, y, sensitive_features=attributes["sex"])
    pooled, model = selector(by_sex)
    pooled.fit(X, y)
    with pytest.raises(ValueError, match=r"\['race'\]; the estimator was fitted with 1: \['sex'\]"):
        model.fit(X, y, sensitive_features=attributes["race"])


def test_clusters_are_no_groups_though_they_are_called_alike(rng):
    left = np.arange(2000) < 1000
    X = rng.standard_normal((2000, 2)) + np.column_stack([np.where(left, -4, 4), np.zeros(2000)])
    y = (np.where(left, X[:, 1], -X[:, 1]) > 0).astype(int)
    group = rng.integers(0, 2, 2000)
    clusters = DecoupledClassifier(LogisticRegression(), partition=KMeans(2, n_init=1, random_state=0))
    tables = [
        NoHarmSelector([("pooled", LogisticRegression()), ("clusters", clusters)], random_state=0)
        .fit(X, y, sensitive_features=names[group])
        .selection_table_
        for names in (np.array([0, 1]), np.array(["a", "b"]))
    ]
    np.testing.assert_allclose(tables[0]["own_score"], tables[1]["own_score"])
    assert tables[0]["choice"].tolist() == ["clusters"] * 2
