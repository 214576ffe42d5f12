import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.experiments._fairsde import _selection
from fairlearn_fwh.experiments._fairsde._selection import (
    CANDIDATES,
    RULES,
    plot_selection_harm,
    run_selection,
    summarize_selection,
)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick_models(monkeypatch):
    """Which models there are does not matter here."""
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    monkeypatch.setattr(_selection, "_models", lambda candidate, seed: (tree, DecoupledClassifier(tree)))


def test_rules_are_compared_on_every_split(real_data):
    counted = []

    def progress(parts, total):
        counted.append(total)
        return parts

    runs = run_selection(["german"], n_splits=1, data_home=real_data, progress=progress)
    assert counted == [2]
    assert len(runs) == 2 * 2 * 6
    assert set(runs["rule"]) == set(RULES)
    kept = runs.groupby("rule")["groups_kept"].mean()
    assert kept["no selection"] >= kept["empirical"] >= kept["certified"]
    none_kept = runs[runs["groups_kept"] == 0]
    assert not none_kept["harmed"].any()
    np.testing.assert_array_equal(none_kept["gain"], 0)

    summary = summarize_selection(runs)
    assert summary.index.names == ["dataset", "attribute", "candidate", "rule"]
    case = ("german", "sex", CANDIDATES[0], "no selection")
    share = (
        runs.set_index(["dataset", "attribute", "candidate", "rule"]).sort_index().loc[case, "harmed"].mean()
    )
    row = summary.loc[case]
    assert row["share_harmed"] == share
    assert row["lower"] <= share <= row["upper"]
    axes = plot_selection_harm(summary)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        rule if i else f"{candidate}:  {rule}" for candidate in CANDIDATES for i, rule in enumerate(RULES)
    ]
    harmed = runs.groupby(["candidate", "rule"], sort=False)["harmed"].mean()
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], 100 * harmed)


def test_bad_parameters_are_named(real_data):
    with pytest.raises(ValueError, match=r"datasets must be among .*; got \['moon'\]"):
        run_selection(["moon"])
    with pytest.raises(ValueError, match="n_splits must be at least 1; got 0"):
        run_selection(["german"], n_splits=0)
