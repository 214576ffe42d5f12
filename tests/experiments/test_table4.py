import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.datasets import load_diabetes_progression
from fairlearn_fwh.experiments._dafh._paper_recipe import paper_methods
from fairlearn_fwh.experiments._dafh._paper_table4 import (
    PAPER_NUMBERS,
    corrected_standard_error,
    measure_methods,
    run_table4,
    summarize_table4,
    table4_markdown,
)
from fairlearn_fwh.experiments._data import REAL_DATA, make_split

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_strict_protocol_on_german(real_data):
    runs = run_table4(["german"], n_splits=2, data_home=real_data)
    assert runs["method"].unique().tolist() == [
        "pooled", "pooled, knows the attribute", "trivial partition", "clustering", "DAFH, no fallback", "DAFH, certified", "DAFH, chosen",
        "pooled, sees the bins",
    ]  # fmt: skip
    assert runs.groupby("method").size().eq(2).all()
    assert (runs["n_train"] == 750).all()
    rows = runs.set_index(["method", "split"])
    assert (rows.loc["pooled", "disagreement_rate"] == 0).all()
    assert (rows["accuracy"] - rows["pooled_accuracy"]).to_numpy() == pytest.approx(
        rows["rationality_gain"].to_numpy()
    )
    assert rows.loc["DAFH, no fallback", "disagreement_rate"].min() > 0
    assert rows.loc[["trivial partition", "clustering"], "fairness_without_harm_rate"].notna().all()
    # 150 rows certify nothing: the pooled classifier serves everybody, exactly as if DAFH had not been asked.
    assert (rows.loc["DAFH, certified", "share_of_own"] == 0).all()
    assert (rows.loc["DAFH, certified", "disagreement_rate"] == 0).all()
    text = table4_markdown(summarize_table4(runs), "strict")
    assert "Protocol: strict" in text
    assert "| german | DAFH, no fallback |" in text
    assert "90.64" in text
    assert "0 of 2" in text


def test_paper_protocol_is_near_the_paper_on_arrest(real_data):
    runs = run_table4(["arrest"], n_splits=2, protocol="paper", data_home=real_data)
    summary = summarize_table4(runs).set_index("method")
    assert summary.loc["DAFH, no fallback", "accuracy"] == pytest.approx(0.6572, abs=0.03)
    assert "duration" in table4_markdown(summary.reset_index(), "paper")


def test_groups_that_the_papers_dafh_gives_back_are_not_served_by_the_brief_model():
    """Here one learned group is empty, and DAFH's own pooled classifier, which has converged, serves the other."""
    split = make_split(load_diabetes_progression(), "sex", test_size=0.25, random_state=1)
    rows = pd.DataFrame(measure_methods(paper_methods("bank"), split, seed=1)).set_index("method")
    assert rows.loc["DAFH, no fallback", "share_of_own"] == 0
    assert rows.loc["DAFH, no fallback", "disagreement_rate"] > 0


def test_paper_protocol_uses_the_leaking_feature_of_bank(real_data):
    from fairlearn_fwh.experiments._data import REAL_DATA

    spec = REAL_DATA["bank"]
    assert "duration" in spec.load_as_published(real_data).data
    assert "duration" not in spec.load(real_data).data


def test_progress_wraps_the_loop(real_data):
    seen = []

    def progress(parts, total):
        seen.append(total)
        return parts

    run_table4(["german"], n_splits=1, protocol="paper", data_home=real_data, progress=progress)
    assert seen == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"datasets": ["iris"]}, r"datasets must be among .*; got \['iris'\]"),
        ({"protocol": "loose"}, r"protocol must be one of \['strict', 'paper'\]; got 'loose'"),
        ({"n_splits": 0}, "n_splits must be at least 1; got 0"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        run_table4(**arguments)


def test_corrected_standard_error():
    differences = pd.Series([0.01, 0.03, 0.02, 0.04])
    expected = np.sqrt((1 / 4 + 1 / 3) * differences.var())
    assert corrected_standard_error(differences, 300, 100) == pytest.approx(expected)
    assert np.isnan(corrected_standard_error(differences[:1], 300, 100))


def test_paper_numbers_are_complete():
    """Table 4 (and Table 6, K = 2, for clustering) has four methods on five data sets; Figure 1 has three on generated data."""
    methods = ("pooled", "trivial partition", "clustering", "DAFH, no fallback")
    of_table_4 = {(data, method) for data in REAL_DATA for method in methods}
    assert set(PAPER_NUMBERS) == of_table_4 | {
        ("synthetic", method) for method in methods if method != "clustering"
    }
    for (_, method), (rate, accuracy) in PAPER_NUMBERS.items():
        assert np.isnan(rate) == (method == "pooled")
        assert 50 < accuracy < 100
    assert PAPER_NUMBERS["adult", "DAFH, no fallback"] == (90.70, 83.36)
