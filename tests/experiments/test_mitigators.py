"""Parity mitigators, and whom they harm."""

import sys

import matplotlib as mpl
import pytest

from fairlearn_fwh.experiments import audit_mitigators, plot_comparison
from fairlearn_fwh.experiments._comparison import compare_on_split, load_split
from fairlearn_fwh.experiments._data import EMBEDDED_DATA
from fairlearn_fwh.experiments._mitigators import mitigators

pytestmark = pytest.mark.slow

mpl.use("Agg")

NAMES = list(mitigators())

OF_AIF360 = ("Reweighing", "PrejudiceRemover")


@pytest.fixture(scope="module")
def audit():
    return audit_mitigators("diabetes")


def test_every_mitigator_is_audited_or_said_to_be_skipped(audit):
    assert list(audit.overall.index) + list(audit.skipped) == NAMES
    assert set(audit.by_group.index.get_level_values("method")) == set(audit.verdicts)
    assert list(audit.verdicts) == list(audit.overall.index[1:])
    table = audit.by_group
    assert ((table["lower"] <= table["gain"]) & (table["gain"] <= table["upper"])).all()
    assert (table["harmed"] == (table["p_harm"] < 0.05)).all()


def test_the_example_of_the_documentation(audit):
    """Not run there, because it takes seconds."""
    assert not audit.by_group.loc["ThresholdOptimizer, demographic parity", "harmed"].any()


def test_verdicts_name_exactly_the_harmed_groups(audit):
    for method, sentence in audit.verdicts.items():
        rows = audit.by_group.loc[method]
        assert sentence.startswith("harms ") == rows["harmed"].any()


def test_the_table_says_what_parity_was_bought(audit):
    overall = audit.overall
    parity = overall["demographic_parity_difference"]
    assert parity["ThresholdOptimizer, demographic parity"] < parity["pooled"]


def test_the_picture_has_every_mitigator(audit, tmp_path):
    ax = plot_comparison(audit)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(audit.verdicts)
    looks = {(c.lines[0].get_color(), c.lines[0].get_marker()) for c in ax.containers}
    assert len(looks) == len(audit.verdicts)
    ax.figure.savefig(tmp_path / "picture.png")
    mpl.pyplot.close(ax.figure)


def test_without_aif360_its_mitigators_are_skipped_with_a_reason(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "aif360"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aif360", None)
    split, attribute = load_split(EMBEDDED_DATA, "diabetes", None, None, 0)
    methods = {
        name: method
        for name, method in mitigators().items()
        if name in ("pooled", "CorrelationRemover", *OF_AIF360)
    }
    comparison = compare_on_split(
        split,
        methods,
        dataset="diabetes",
        attribute=attribute,
        tolerance=0.01,
        alpha=0.05,
        random_state=0,
        report=None,
    )
    assert set(comparison.skipped) == set(OF_AIF360)
    for reason in comparison.skipped.values():
        assert reason.startswith("AIF360 is not installed: pip install")
    assert list(comparison.verdicts) == ["CorrelationRemover"]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="dataset must be one of"):
        audit_mitigators("iris")
    with pytest.raises(
        ValueError, match="dataset must be one of .* got 'hours'"
    ):  # amounts: there is no parity of them
        audit_mitigators("hours")
    with pytest.raises(ValueError, match="attribute must be among .* got \\['shoe size'\\]"):
        audit_mitigators("diabetes", attribute="shoe size")


@pytest.mark.long
def test_parity_harms_somebody_on_arrest_of_whom_intersections_tell(real_data):
    audit = audit_mitigators("arrest", attribute="sex,age_group", data_home=real_data)
    assert "Male x Less than 25" in set(audit.by_group.index.get_level_values("group"))
    assert audit.by_group["harmed"].any()
    assert not audit.by_group.loc["NoHarmReduction", "harmed"].any()
    assert (audit.by_group["n"] >= 10).all()
