"""Headline, lists and next steps; JUnit, Markdown and MLflow say the same."""

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlearn_fwh.audit import Audit, Subject, log_audit
from fairlearn_fwh.audit._summary import MOST_WORDS
from fairlearn_fwh.metrics import PreferenceFrame

SUBJECT = Subject(own="new", pooled="old", y_true="y", source="p.csv")


def table_of(**groups):
    """Groups of (people, worse, better): the old model is wrong about those who are better off with the new one."""
    rows = []
    for name, (n, worse, better) in groups.items():
        kind = np.arange(n)
        rows.append(
            pd.DataFrame(
                {
                    "y": 1,
                    "new": (kind >= worse).astype(int),
                    "old": (kind < n - better).astype(int),
                    "g": name,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def audit_of(more=None, subject=SUBJECT, **groups):
    data = table_of(**groups)
    frame = PreferenceFrame(
        y_true=data["y"],
        y_pred=data["new"],
        y_pred_pooled=data["old"],
        sensitive_features={"g": data["g"]},
        labels=[0, 1],
    )
    return Audit(frame, subject=subject, **(more or {}))


@pytest.fixture
def mixed():
    return audit_of(lost=(500, 60, 0), same=(3000, 1, 1), few=(60, 1, 0), better=(900, 0, 90), tiny=(4, 0, 0))


def test_lists_say_who_is_where(mixed):
    summary = mixed.summary
    assert (
        mixed.headline == "Harm found: new is worse than old for lost (1 of 5 groups), with 95 % confidence."
    )
    assert [(entry.group, entry.text) for entry in summary.worse_off] == [
        ("lost", "worse by 12.0 points of accuracy, 500 people")
    ]
    assert [entry.group for entry in summary.no_worse] == ["same", "better"]
    assert summary.no_worse[1].text.startswith("better by at least ")
    few, small = summary.cannot_be_told
    assert few.group == "few"
    assert "more people" in few.text
    assert (small.group, small.text) == ("1 group of fewer than 10 people", "")
    assert [entry.group for entry in summary.better_off] == ["better"]


def test_the_bound_of_no_worse_is_that_of_the_certificate(mixed):
    entry = mixed.summary.no_worse[0]
    bound = mixed.groups().loc["same", "certified_bound"]
    assert entry.text == f"at worst {-100 * bound:.2f} points worse (best estimate +0.00), 3,000 people"


def test_next_steps_follow_rules(mixed):
    steps = {step.title: step for step in mixed.next_steps}
    assert list(steps) == [
        "Keep old for lost",
        "Use new where it is proved better",
        "Collect more people",
        "Look at the kinds of errors",
    ]
    assert "few needs about" in steps["Collect more people"].text
    assert steps["Use new where it is proved better"].text.startswith("better (+10.00 points, at least ")


def test_the_code_that_keeps_the_old_model_runs():
    data = table_of(lost=(500, 60, 0), better=(900, 0, 90))
    # Both classes, so that there is something to choose.
    data.loc[data.index % 2 == 0, ["y", "new", "old"]] = (
        1 - data.loc[data.index % 2 == 0, ["y", "new", "old"]]
    )
    frame = PreferenceFrame(
        y_true=data["y"], y_pred=data["new"], y_pred_pooled=data["old"], sensitive_features={"g": data["g"]}
    )
    code = next(
        step.code for step in Audit(frame, subject=SUBJECT).next_steps if step.title.startswith("Keep")
    )
    names = {"table": data}
    exec(code, names)
    chosen = names["selector"].selection_table_.set_index("group")["choice"]
    assert chosen.to_dict() == {"better": "new", "lost": "pooled"}


def test_groups_that_may_be_merged():
    steps = [
        step.title
        for step in audit_of(
            {"tolerance": 0.05}, a=(60, 0, 0), b=(60, 1, 1), c=(60, 0, 1), d=(60, 1, 0)
        ).next_steps
    ]
    assert any(title.startswith("Merge ") for title in steps)


def test_everybody_worse_off_keeps_the_old_model():
    audit = audit_of(a=(400, 50, 0), b=(400, 60, 0))
    assert audit.next_steps[0].title == "Keep old"
    assert "for 2 of 2 groups, most for b, with" in audit.headline


@pytest.mark.long
@settings(deadline=None, max_examples=8)
@given(
    st.text(min_size=1, max_size=80),
    st.text(min_size=1, max_size=60),
    st.sampled_from([0.0, 0.01]),
    st.sampled_from([0.0, 0.02]),
)
def test_no_headline_is_long_whatever_things_are_called(group, model, tolerance, margin):
    subject = Subject(own=model, pooled=f"{model} before")
    for people in ((300, 60, 0), (300, 0, 0), (3000, 0, 300)):
        audit = audit_of(
            {"tolerance": tolerance, "harm_margin": margin},
            subject=subject,
            **{group: people, "other": (300, 2, 2)},
        )
        assert len(audit.headline.split()) <= MOST_WORDS
        assert audit.headline.isprintable()


def test_junit_has_a_test_for_each_group(mixed):
    root = ElementTree.fromstring(mixed.to_junit())
    suite = root.find("testsuite")
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {
        "lost": ["failure"],
        "same": [],
        "few": ["skipped"],
        "better": [],
        "of fewer than 10 people": ["skipped"],
    }
    assert [suite.get(name) for name in ("tests", "failures", "skipped", "errors")] == ["5", "1", "2", "0"]
    strict = ElementTree.fromstring(mixed.to_junit("undecided")).find("testsuite")
    assert (strict.get("failures"), strict.get("skipped")) == ("3", "0")
    with pytest.raises(ValueError, match="fail_on must be one of"):
        mixed.to_junit("gain")


def test_markdown_cannot_be_broken_by_names():
    text = audit_of(**{"a|<b>": (500, 60, 0), "b": (500, 0, 0)}).to_markdown()
    assert text.startswith("### new against old: p.csv\n\n**Harm found: ")
    assert "<b>" not in text.replace("\\<", "")
    assert "- **Worse off**: a\\|\\<b\\> (worse by 12.0 points of accuracy, 500 people)" in text


def test_a_page_is_the_same_each_time(mixed):
    assert mixed.to_html() == mixed.to_html()


@pytest.mark.long
def test_a_run_of_mlflow_has_figures_page_and_json(mixed, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    try:
        with mlflow.start_run() as run:
            assert log_audit(mixed) == run.info.run_id
        log_audit(mixed, prefix="again", run_id=run.info.run_id)
        data = mlflow.get_run(run.info.run_id).data
    finally:
        mlflow.set_tracking_uri(before)
    assert data.metrics["no_harm.harm_found"] == 1
    assert data.metrics["no_harm.worst_gain"] == pytest.approx(-0.12)
    assert data.tags["no_harm.state"] == data.tags["again.state"] == "harm"
    (report,) = tmp_path.rglob("no_harm/audit.json")
    assert json.loads(report.read_text())["headline"] == mixed.headline
    assert list(tmp_path.rglob("no_harm/audit.html"))


def test_no_list_contradicts_the_tolerance():
    """Step-down tests can prove what simultaneous bounds do not: then the bound is not part of the sentence."""
    groups = {f"g{i}": (n, 1, 1) for i, n in enumerate([3000] * 6 + [700, 640, 600, 560])}
    audit = audit_of(**groups)
    table = audit.groups()
    below = table.index[table["certified"] & (table["certified_bound"] < -audit.tolerance)]
    assert len(below)
    said = {entry.group: entry.text for entry in audit.summary.no_worse}
    assert all(said[group].startswith("loses less than 1 point (best estimate ") for group in below)


def test_several_losses_are_named_where_people_are_missing(rng):
    n = 400
    y = rng.choice(["ill", "well"], n)
    new = np.where(rng.random(n) < 0.01, "ill", y)
    losses = {"error": "zero_one", "missed": "missed"}
    frame = PreferenceFrame(
        y_true=y,
        y_pred=new,
        y_pred_pooled=y,
        sensitive_features=rng.choice(["a", "b"], n),
        loss=losses,
        pos_label="ill",
    )
    audit = Audit(frame, subject=SUBJECT)
    text = next(step.text for step in audit.next_steps if step.title == "Collect more people")
    assert "a (error) needs about" in text
    assert "in error and missed" in audit.headline
