"""Nothing that is shown of large groups tells of those that are too small to be shown."""

import json

import numpy as np
import pytest

from fairlearn_fwh.audit import Audit
from fairlearn_fwh.metrics import PreferenceFrame


def frame_with_few(n_few, rng, *, harmed=True):
    """Two large groups, of which one is harmed a little, and one of few people."""
    n = 600 + n_few
    groups = np.array(["a"] * 300 + ["b"] * 300 + ["few"] * n_few)
    y = rng.integers(0, 2, n)
    worse = (groups == "a") & (np.arange(n) % 25 == 0)
    worse |= (groups == "few") & harmed
    return PreferenceFrame(
        y_true=y, y_pred=np.where(worse, 1 - y, y), y_pred_pooled=y, sensitive_features=groups
    )


def test_adjusted_p_values_are_not_shown_beside_suppressed_groups(rng):
    shown = Audit(frame_with_few(20, rng))
    assert np.isfinite(shown.groups()["p_harm"]).all()
    hidden = Audit(frame_with_few(9, rng))
    table = hidden.groups()
    assert table["p_harm"].isna().all()
    assert table["harmed"].tolist() == [True, False]
    report = json.loads(hidden.to_json())
    assert [group["p_harm"] for group in report["groups"]] == [None, None]
    assert [group["harmed"] for group in report["groups"]] == [True, False]
    assert "below 0.05" in hidden.to_html()
    assert "at least 0.05" in hidden.to_html()


def test_what_is_shown_is_the_same_whatever_happens_to_the_few(rng):
    """The tests of the few differ, their share in the claims does not."""
    state = rng.bit_generator.state
    reports = []
    for harmed in (True, False):
        rng.bit_generator.state = state
        reports.append(Audit(frame_with_few(9, rng, harmed=harmed)).groups())
    one, other = reports
    assert one.drop(columns=["harmed", "certified"]).equals(other.drop(columns=["harmed", "certified"]))


@pytest.mark.parametrize("n_few", [3, 30])
def test_small_assigned_groups_do_not_follow_by_subtraction(n_few, rng):
    n = 400 + n_few
    y, groups = rng.integers(0, 2, n), np.array(["a"] * 200 + ["b"] * 200 + ["c"] * n_few)
    by_group = {"a": y, "b": np.where(rng.random(n) < 0.2, 1 - y, y), "c": y}
    frame = PreferenceFrame(
        y_true=y, y_pred_pooled=y, y_pred_by_group=by_group, groups=groups, sensitive_features=np.tile(["x", "y"], n)[:n]
    )  # fmt: skip
    audit = Audit(frame)
    assert not audit.suppressed
    assert audit.hides == (n_few < 10)
    envy, report = audit.envy(), json.loads(audit.to_json())
    assert ("n" in envy) == (n_few >= 10)
    assert all(("n" in record) == (n_few >= 10) for record in report["envy"])
    assert {"c"} & set(envy["group"]) == (set() if n_few < 10 else {"c"})
    if n_few < 10:
        assert f" {n_few} people" not in audit.verdict
        assert all(group["p_harm"] is None for group in report["groups"])


def test_the_page_says_what_reports_of_other_groupings_tell(rng):
    assert "can be subtracted" in Audit(frame_with_few(9, rng)).to_html()


def test_the_picture_of_envy_is_left_out_where_groups_are_hidden(rng):
    n = 400
    y, groups = rng.integers(0, 2, n), np.repeat(["a", "b"], n // 2)
    sex = np.where(np.arange(n) < 5, "m", "f")
    by_group = {"a": y, "b": np.where(rng.random(n) < 0.2, 1 - y, y)}
    arguments = {"y_true": y, "y_pred_pooled": y, "y_pred_by_group": by_group, "groups": groups}
    hidden = Audit(PreferenceFrame(**arguments, sensitive_features={"g": groups, "sex": sex})).to_html()
    shown = Audit(PreferenceFrame(**arguments, sensitive_features=groups)).to_html()
    title = "Would another group&#39;s classifier be better?"
    assert title in shown
    assert title not in hidden


def test_neither_methods_nor_the_verdict_tell_of_hidden_groups(rng):
    y, groups = rng.integers(0, 2, 300), np.array(["a"] * 297 + ["few"] * 3)
    pages, verdicts = set(), set()
    for few in (y[-3:], 1 - y[-3:]):  # always right, or always wrong
        own = np.concatenate([y[:-3], few])
        audit = Audit(PreferenceFrame(y_true=y, y_pred=own, y_pred_pooled=own, sensitive_features=groups))
        pages.add("every answer of both" in audit.to_html())
        verdicts.add(audit.verdict)
        assert "method:" not in audit.to_html()
    changed = y.copy()
    changed[-1] = 1 - changed[-1]
    verdicts.add(
        Audit(PreferenceFrame(y_true=y, y_pred=changed, y_pred_pooled=y, sensitive_features=groups)).verdict
    )
    assert pages == {False}
    assert len(verdicts) == 1


def test_the_verdict_hides_gains_beside_small_assigned_groups(rng):
    y, groups = rng.integers(0, 2, 400), np.array(["a"] * 197 + ["b"] * 200 + ["c"] * 3)
    noisy = np.where(rng.random(400) < 0.3, 1 - y, y)
    by_group = {"a": y, "b": noisy, "c": y}
    frame = PreferenceFrame(
        y_true=y, y_pred_pooled=noisy, y_pred_by_group=by_group, groups=groups, sensitive_features=np.tile(["x", "y"], 200)
    )  # fmt: skip
    verdict = Audit(frame).verdict
    assert "worse than with that of a" in verdict
    assert "points worse than with that" not in verdict
