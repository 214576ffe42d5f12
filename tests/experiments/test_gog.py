"""One model without demographics on random splits, what carries its effect, and what tells of groups."""

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import equalized_odds_difference

from fairlearn_fwh.experiments._data import make_split
from fairlearn_fwh.experiments._gog import _ablation as _gog_ablation
from fairlearn_fwh.experiments._gog import _learned_groups as _gog_groups
from fairlearn_fwh.experiments._gog import _worst_group as _gog
from fairlearn_fwh.inprocessing import DROClassifier


@pytest.fixture(scope="module")
def split(real_data):
    spec = _gog.REAL_DATA["german"]
    return make_split(spec.load(real_data), spec.attribute, test_size=0.25, random_state=0)


def test_figures_are_those_of_fairlearn_and_of_the_frame(split):
    rng = np.random.default_rng(0)
    answer, plain = (rng.integers(0, 2, len(split.y_test)) for _ in range(2))
    figures = _gog._figures(split, answer, plain)
    right, was_right = answer == split.y_test, plain == split.y_test
    groups = split.attribute_test.to_numpy()
    by_group = {g: (right[groups == g].mean(), was_right[groups == g].mean()) for g in set(groups)}
    assert figures["accuracy"] == pytest.approx(right.mean())
    assert figures["worst"] == pytest.approx(min(now for now, _ in by_group.values()))
    assert figures["worst_gain"] == pytest.approx(min(now - before for now, before in by_group.values()))
    assert figures["gain"] == pytest.approx(right.mean() - was_right.mean())
    assert figures["equalized_odds"] == pytest.approx(
        equalized_odds_difference(split.y_test, answer, sensitive_features=groups)
    )
    assert _gog._figures(split, plain, plain)["harmed"] == 0


def test_every_condition_trains_every_method(split, monkeypatch):
    methods = {
        name: lambda seed, layers: DROClassifier(
            alpha=1.0, hidden_layer_sizes=layers, max_epochs=4, random_state=seed
        )
        for name in (_gog.PLAIN, "same")
    }
    monkeypatch.setattr(_gog, "METHODS", methods)
    monkeypatch.setattr(_gog, "VARIANTS", {"variant": methods["same"]})
    runs = pd.DataFrame(_gog._run_split("german", 0, split, list(_gog.CONDITIONS)))
    runs = runs.assign(dataset="german", split=0)
    expected = dict.fromkeys(_gog.CONDITIONS, 2) | {_gog.AS_IT_IS: 3}
    assert runs.groupby("condition").size().to_dict() == expected
    same = runs[runs["method"] == "same"]
    assert (same[["gain", "worst_gain", "harmed"]] == 0).all(axis=None)
    text = _gog.gog_markdown(runs)
    assert "| 30 % of labels turned | same |" in text
    assert "## german, sex" in text


def test_labels_and_features_are_disturbed_as_they_say(split):
    rng = np.random.default_rng(0)
    X, X_test, y = _gog._disturbed(split, _gog.Condition(turned=0.2, noise=0.5), rng)
    assert (y != split.y).mean() == pytest.approx(0.2, abs=0.05)
    varies = split.X.std(axis=0) > 0
    for noisy, plain in ((X, split.X), (X_test, split.X_test)):
        ratio = (noisy - plain).std(axis=0)[varies] / split.X.std(axis=0)[varies]
        assert ratio == pytest.approx(np.full(varies.sum(), 0.5), rel=0.25)
    X, _, y = _gog._disturbed(split, _gog.Condition(), rng)
    assert (X == split.X).all()
    assert (y == split.y).all()


def test_the_hidden_minority_follows_another_rule():
    X, y, minority = _gog_ablation.make_hidden_minority(20_000, np.random.default_rng(0))
    assert minority.mean() == pytest.approx(0.12, abs=0.01)
    assert ((X[minority, 1] > 0) == y[minority]).mean() == pytest.approx(0.97, abs=0.01)
    assert ((X[~minority, 0] > 0) == y[~minority]).mean() == pytest.approx(0.97, abs=0.01)
    assert ((X[:, 3] > 0) == minority).mean() > 0.99


def test_the_answer_of_the_ablation_takes_differences_from_the_same_draw():
    rows = [
        {"split": split, "learner": "linear", "variant": variant, "majority": 0.9, "minority": 0.5 + gain + 0.01 * split, "accuracy": 0.8}
        for split in (0, 1)
        for variant, gain in ((_gog_ablation.PLAIN, 0.0), ("GoG", 0.1), ("GoG, no graph", 0.07), ("GoG, linear adversary", 0.0))
    ]  # fmt: skip
    runs = pd.DataFrame(rows)
    assert "GoG +10.00 (+10.00 to +10.00), of which the graph +3.00" in _gog_ablation._answer(runs)
    assert (
        "| linear | GoG, no graph | 90.00 | 57.50 | +7.00 (+7.00 to +7.00) |"
        in _gog_ablation.gog_ablation_markdown(runs)
    )


def test_probe_and_neighbours_find_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 800)
    telling = codes[:, None] + 0.05 * rng.standard_normal((800, 2))
    found = _gog_groups._what_it_tells(telling, codes, 0)
    assert found["accuracy"] > 0.99
    assert found["same"] > 0.99
    assert found["information"] > 0.55  # of log 2
    nothing = _gog_groups._what_it_tells(rng.standard_normal((800, 2)), codes, 0)
    assert nothing["accuracy"] == pytest.approx(0.5, abs=0.06)
    assert nothing["information"] < 0.01
    assert nothing["same"] == pytest.approx(0.5, abs=0.05)
