"""What an audit says, in words, tables and pages, and what it keeps to itself."""

import html.parser
import json
import re
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.audit import Audit, verdict
from fairlearn_fwh.audit._writing import write_files
from fairlearn_fwh.exceptions import MissingExtraError
from fairlearn_fwh.metrics import PreferenceFrame

mpl.use("Agg")


def frame_of(rates, n=400, seed=0, **more):
    """Groups in which the audited classifier is right as often as `rates` say, and the pooled one for 80 %."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(list(rates), [more.get("sizes", {}).get(group, n) for group in rates])
    y = rng.integers(0, 2, len(groups))
    pooled_right = rng.random(len(groups)) < 0.8
    rate = np.array([rates[group] for group in groups])
    # Where the rate is the pooled one's, the predictions are too.
    own_right = np.where(rate == 0.8, pooled_right, rng.random(len(groups)) < rate)
    return PreferenceFrame(
        y_true=y,
        y_pred=np.where(own_right, y, 1 - y),
        y_pred_pooled=np.where(pooled_right, y, 1 - y),
        sensitive_features={"group": groups},
    )


HARM = {"harmed": 0.6, "same": 0.8, "better": 0.97}
CERTIFIED = {"better": 0.97, "best": 0.99}
UNSURE = {"a": 0.79, "b": 0.805}


@pytest.mark.parametrize(
    ("rates", "state", "status", "strict_status"),
    [(HARM, "harm", 1, 1), (CERTIFIED, "certified", 0, 0), (UNSURE, "undecided", 0, 3)],
)
def test_exit_statuses(rates, state, status, strict_status):
    audit = Audit(frame_of(rates))
    assert audit.state == audit.to_dict()["state"] == state
    assert audit.exit_status() == audit.exit_status("envy") == status
    assert audit.exit_status("undecided") == strict_status
    with pytest.raises(ValueError, match="fail_on must be one of"):
        audit.exit_status("none")


def test_the_verdict_names_the_harmed_and_only_them():
    audit = Audit(frame_of(HARM))
    assert re.match(r"harms harmed \(-\d+\.\d points, 400 people\), with 95 % confidence\.", audit.verdict)
    assert (
        Audit(frame_of(CERTIFIED)).verdict
        == "no group loses more than 1 point of accuracy, with 95 % confidence."
    )
    assert Audit(frame_of(UNSURE)).verdict.startswith("no harm found, but a loss of more than 1 point")


def test_envy_is_a_claim_where_it_was_measured():
    rng = np.random.default_rng(0)
    y, groups = rng.integers(0, 2, 800), np.repeat(["a", "b"], 400)
    noisy = np.where(rng.random(800) < 0.3, 1 - y, y)
    frame = PreferenceFrame(
        y_true=y,
        y_pred_pooled=noisy,
        y_pred_by_group={"a": noisy, "b": y},
        groups=groups,
        sensitive_features=groups,
    )
    audit = Audit(frame)
    assert audit.claims == "all"
    assert audit.verdict.startswith("gives a worse classifier than another group's to a (")
    assert "worse than with that of b" in audit.verdict
    assert (audit.exit_status(), audit.exit_status("envy")) == (0, 1)
    page = audit.to_html()
    assert "Would another group&#39;s classifier be better?" in page
    assert json.loads(audit.to_json())["envy"][0]["other"] == "b"
    # The harm of group b, who is better off, is not part of the sentence.
    assert "to a (" in verdict(frame, claims="all")


def test_json_is_plain_and_says_what_the_frame_says():
    audit = Audit(frame_of(HARM), source="predictions.parquet", tolerance=0.02)
    result = json.loads(audit.to_json())
    assert result["harm_found"] is True
    assert result["certified"] is False
    assert result["verdict"] == audit.verdict
    assert result["n_claims"] == 3
    table = audit.frame.by_group
    for record in result["groups"]:
        row = table.loc[record["group"]]
        assert record["n"] == row["n"]
        assert record["gain"] == pytest.approx(row["rationality_gain"], rel=1e-8)
        assert record["lower"] <= record["gain"] <= record["upper"]
    assert result["overall"]["n"] == 1200


def test_small_groups_are_tested_but_not_shown():
    frame = frame_of({"many": 0.5, "few": 0.01}, sizes={"few": 9})
    audit = Audit(frame)
    assert "few" in set(audit.violations["group"])  # nine of nine people are harmed
    assert audit.suppressed == ["few"]
    result = json.loads(audit.to_json())
    assert [record["group"] for record in result["groups"]] == ["many"]
    assert result["n_suppressed_groups"] == 1
    assert result["overall"] == {}  # everybody minus the many would be the few
    assert "1 group of fewer than 10 people" in audit.verdict
    page = audit.to_html()
    assert "<td>few</td>" not in page
    assert "suppressed" in page
    words = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)  # pictures may hold any digits
    assert len(words) < len(page)
    assert "400" in words
    assert "409" not in words
    assert not Audit(frame, min_group_size=5).suppressed


def test_sizes_of_assigned_groups_do_not_tell_those_of_suppressed_audit_groups(rng):
    n = 400
    y, groups = rng.integers(0, 2, n), np.repeat(["a", "b"], n // 2)
    sex = np.where(np.arange(n) < 3, "x", "f")
    frame = PreferenceFrame(
        y_true=y, y_pred_pooled=y, y_pred_by_group={"a": y, "b": y}, groups=groups,
        sensitive_features={"sex": sex, "group": groups},
    )  # fmt: skip
    result = json.loads(Audit(frame).to_json())
    assert result["n_suppressed_groups"] == 1
    assert all(set(record) == {"group", "other", "certified"} for record in result["envy"])


def test_where_every_group_is_small_the_page_has_no_pictures():
    page = Audit(frame_of({"a": 0.8, "b": 0.9}, n=5)).to_html()
    assert "<img" not in page


class _Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.tags = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]


def test_the_page_is_whole_and_self_contained():
    parser = _Links()
    parser.feed(Audit(frame_of(HARM), source="<script>.csv").to_html())
    assert parser.sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in parser.sources)
    assert parser.tags.count("script") == 1  # names are escaped: that of the page alone
    assert parser.tags.count("table") == 1
    assert parser.tags.count("img") == 2


def test_real_valued_losses_are_in_their_own_unit(rng):
    y = rng.integers(0, 2, 300)
    frame = PreferenceFrame(y_true=y, y_pred=1 - y.astype(float), y_pred_pooled=rng.random(300), loss="brier")
    audit = Audit(frame)
    assert "points" not in audit.verdict
    assert "brier loss" in audit.to_html()
    assert Audit(frame, tolerance=0).power is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tolerance": 2}, "tolerance must be at least 0 and below 1.0"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"min_group_size": 0}, "min_group_size must be an integer of at least 1; got 0"),
    ],
)
def test_bad_parameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Audit(frame_of(UNSURE), **arguments)


def test_control_features_are_refused():
    frame = PreferenceFrame(y_true=[0, 1], y_pred=[0, 1], y_pred_pooled=[0, 0], control_features=[1, 2])
    with pytest.raises(ValueError, match="frame has control features"):
        Audit(frame)


@pytest.mark.parametrize(("module", "extra"), [("jinja2", "cli"), ("matplotlib.figure", "plot")])
def test_a_missing_library_is_named(monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"fairlearn-fwh\[{extra}\]"):
        Audit(frame_of(UNSURE)).to_html()


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path, other = tmp_path / "folder" / "report.html", tmp_path / "report.json"
    write_files({path: "first", other: "{}"})
    assert path.read_text() == "first"
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written"):
        write_files({path: "second", tmp_path / "file" / "report.json": "{}"})
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_many_groups_are_not_all_named_or_drawn(rng):
    n = 200
    y = rng.integers(0, 2, 60 * n)
    groups = np.repeat(np.arange(60), n)
    frame = PreferenceFrame(y_true=y, y_pred=1 - y, y_pred_pooled=y, sensitive_features=groups)
    audit = Audit(frame)
    assert "50 more" in audit.verdict
    ax = frame.plot()
    assert len(ax.get_yticks()) == 40
    assert ax.get_title() == "the 40 of 60 groups with the lowest gains"
    mpl.pyplot.close(ax.figure)
    assert audit.to_html().count("<img") == 2


def test_odd_names_do_not_break_the_pictures():
    page = Audit(frame_of({"$x^$": 0.5, "_b": 0.9, "c<d>": 0.8})).to_html()
    assert page.count("<img") == 2
    assert "c&lt;d&gt;" in page


def test_a_classifier_that_serves_nobody_stands_in_no_ones_way():
    y = np.array([0, 1] * 200)
    noisy = np.where(np.arange(400) % 5 == 0, 1 - y, y)
    frame = PreferenceFrame(
        y_true=y,
        y_pred_pooled=noisy,
        y_pred_by_group={"a": y, "b": noisy, "nobody": noisy},
        groups=["a"] * 400,
    )
    audit = Audit(frame)
    assert audit.certified
    assert audit.exit_status("undecided") == 0
    assert audit.verdict == "no group loses more than 1 point of accuracy, with 95 % confidence."


def test_envy_of_people_with_the_pooled_prediction_is_said():
    y = np.array([0, 1] * 200)
    groups = np.array(["a"] * 200 + ["b"] * 200)
    noisy = np.where(np.arange(400) % 3 == 0, 1 - y, y)
    pooled = np.where(groups == "a", y, noisy)
    frame = PreferenceFrame(
        y_true=y, y_pred_pooled=pooled, y_pred_by_group={"a": y, "b": noisy}, groups=groups
    )
    audit = Audit(frame)
    assert (audit.exit_status(), audit.exit_status("undecided"), audit.exit_status("envy")) == (0, 3, 1)
    report = audit.to_dict()
    assert (report["state"], report["harm_found"], report["envy_found"]) == ("undecided", False, True)
    assert audit.verdict.startswith(
        "gives a worse classifier than another group's to b (33.5 points worse than with that of a)"
    )


def test_labels_of_any_type_are_plain_in_json():
    import datetime

    y, days = np.array([0, 1] * 100), [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)]
    groups = pd.Series([days[0]] * 100 + [days[1]] * 100)
    frame = PreferenceFrame(
        y_true=y, y_pred_pooled=y, y_pred_by_group={days[0]: y, days[1]: y}, groups=groups
    )
    assert json.loads(Audit(frame).to_json())["envy"][0]["other"] == "2021-01-01"


def test_numbers_and_keys_are_no_groups(rng):
    y = rng.integers(0, 2, 400)
    sample = {"y_true": y, "y_pred": y, "y_pred_pooled": 1 - y}
    by_income = PreferenceFrame(**sample, sensitive_features=pd.Series(rng.normal(size=400), name="income"))
    with pytest.raises(
        ValueError,
        match="sensitive_features 'income' make 400 groups, and 400 of 400 people are in groups of fewer than 5",
    ):
        Audit(by_income)
    few = np.where(np.arange(400) < 190, np.arange(400), -1)
    assert Audit(PreferenceFrame(**sample, sensitive_features=few)).suppressed
