import matplotlib as mpl
import numpy as np
import pytest

from fairlearn_fwh.audit import verdict
from fairlearn_fwh.experiments import compare_methods, plot_comparison
from fairlearn_fwh.metrics import PreferenceFrame

pytestmark = pytest.mark.slow

mpl.use("Agg")


@pytest.fixture(scope="module")
def reported():
    return []


@pytest.fixture(scope="module")
def comparison(reported):
    return compare_methods("diabetes", report=reported.append)


@pytest.mark.long
def test_only_learned_groups_help_where_no_attribute_does():
    comparison = compare_methods("intersectional")
    overall = comparison.overall
    assert overall.loc["DAFH, certified", "lower"] > 0.4
    assert overall.loc[["trivial partition", "clustering"], "gain"].max() < 0.01
    assert overall.loc["pooled", ["gain", "lower", "upper", "disagreement"]].eq(0).all()
    certified = "no group loses more than 1 point of accuracy, with 95 % confidence."
    assert comparison.verdicts["DAFH, certified"] == certified
    assert comparison.verdicts["trivial partition"].startswith("harms ")


def test_every_method_has_sizes_intervals_a_certificate_and_a_sentence(comparison):
    table = comparison.by_group
    assert table.columns.tolist() == [
        "n",
        "gain",
        "lower",
        "upper",
        "p_harm",
        "harmed",
        "p_certified",
        "certified",
    ]
    assert ((table["lower"] <= table["gain"]) & (table["gain"] <= table["upper"])).all()
    assert set(table.index.get_level_values("method")) == set(comparison.verdicts)


def test_groups_of_the_pooled_classifier_are_identical_in_the_table(comparison):
    table = comparison.by_group.loc["DAFH, certified"]
    assert table["certified"].all()
    assert table[["gain", "lower", "upper"]].eq(0).all(axis=None)


def test_methods_are_reported_before_they_are_fitted(comparison, reported):
    assert reported[0] == "pooled"
    assert len(reported) == 7


def test_the_picture_has_every_method_and_the_line_of_no_harm(comparison, tmp_path):
    ax = plot_comparison(comparison)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == list(comparison.verdicts)
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.get_lines())
    assert "harm" in ax.get_xlabel()
    ax.figure.savefig(tmp_path / "gains.png")
    mpl.pyplot.close(ax.figure)


def test_an_unknown_data_set_is_refused():
    with pytest.raises(ValueError, match="dataset must be one of .* got 'iris'"):
        compare_methods("iris")


# --- sentences -----------------------------------------------------------------------------------------------------


def frame(own_right, pooled_right, groups):
    return PreferenceFrame(
        y_true=np.ones(len(groups), int),
        y_pred=np.asarray(own_right, int),
        y_pred_pooled=np.asarray(pooled_right, int),
        groups=groups,
    )


def test_sentences():
    n = 1000
    groups = np.repeat([("Black", "f"), ("White", "m")], n, axis=0)
    groups = {"race": groups[:, 0], "sex": groups[:, 1]}
    right = np.ones(2 * n)
    half = np.tile([1, 0], n)
    by_name = PreferenceFrame(
        y_true=right, y_pred=np.r_[half[:n], right[:n]], y_pred_pooled=right, groups=groups
    )
    assert verdict(by_name) == "harms Black x f (-50.0 points, 1,000 people), with 95 % confidence."
    assert verdict(frame(right, half, np.repeat(["a", "b"], n))) == (
        "no group loses more than 1 point of accuracy, with 95 % confidence."
    )
    assert verdict(frame(right, right, np.repeat(["a", "b"], n))) == (
        "gives everybody the pooled prediction: nobody is harmed and nobody gains."
    )


def test_no_harm_found_is_not_no_harm():
    own = np.r_[np.ones(100), 1, 0]
    pooled = np.r_[np.ones(100), 0, 1]
    sentence = verdict(frame(own, pooled, ["a"] * 102), tolerance=0.02, alpha=0.1)
    assert sentence.startswith(
        "no harm found, but a loss of more than 2 points of accuracy cannot be ruled out with 90 % confidence for a (102"
    )


def test_small_groups_are_counted_and_not_named():
    own = np.r_[np.ones(1000), np.zeros(3)]
    pooled = np.r_[np.tile([1, 0], 500), np.ones(3)]
    sentence = verdict(frame(own, pooled, ["a"] * 1000 + ["secret"] * 3))
    assert "secret" not in sentence
    assert sentence.endswith("for 1 group of fewer than 10 people.")
