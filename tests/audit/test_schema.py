"""The JSON of audits fits the schema that the package has, whatever the frame; small groups cannot be worked out from it."""

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlearn_fwh.audit import Audit, audit_schema
from fairlearn_fwh.audit._summary import MOST_WORDS
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._core._disclosure import in_row_space

jsonschema = pytest.importorskip("jsonschema")

SMALLEST = 10

#: How many random frames; 500 were tried before a release.
EXAMPLES = int(os.environ.get("FAIRLEARN_FWH_EXAMPLES", "10"))


def make_frame(seed, *, n_groups=4, several=True, margins=False):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 400))
    y = rng.choice(["ill", "well"], n, p=[0.3, 0.7])
    flip = np.where(y == "ill", "well", "ill")
    old, new = (np.where(rng.random(n) < rng.uniform(0, 0.4), flip, y) for _ in range(2))
    shares = rng.dirichlet(np.full(n_groups, 0.5))
    features = {"g": rng.choice([f"group {i}" for i in range(n_groups)], n, p=shares)}
    if margins or rng.random() < 0.3:
        features["sex"] = rng.choice(["f", "m"], n, p=[0.8, 0.2])
    settings = (
        {"loss": {"error": "zero_one", "missed": "missed", "alarm": "false_alarm"}, "pos_label": "ill"}
        if several
        else {}
    )
    if rng.random() < 0.3:
        settings["sample_weight"] = rng.integers(1, 4, n)
    frame = PreferenceFrame(
        y_true=y,
        y_pred=new,
        y_pred_pooled=old,
        sensitive_features=features,
        labels=["ill", "well"],
        **settings,
    )
    return (frame.over() if margins else frame), {"y": y, **features}


@pytest.mark.long
@settings(deadline=None, max_examples=EXAMPLES)
@given(st.integers(0, 10**9), st.booleans(), st.booleans())
def test_json_fits_the_schema_and_headlines_are_short(seed, several, margins):
    try:
        frame = make_frame(seed, several=several, margins=margins)[0]
        # What certificates need takes most of the time.
        audit = Audit(frame, tolerance=0.05 if seed % 5 == 0 else 0.0, min_group_size=SMALLEST)
    except ValueError:  # nobody is ill, or most people are in groups of a few
        return
    jsonschema.validate(json.loads(audit.to_json({"page.html": "text"})), audit_schema())
    assert len(audit.headline.split()) <= MOST_WORDS


def published(report, people):
    """Which people each published size adds up, by loss and group; shape (s, n)."""
    concerned = {
        "error": np.ones(len(people["y"]), bool),
        "missed": people["y"] == "ill",
        "alarm": people["y"] != "ill",
    }
    features = [values for name, values in people.items() if name != "y"]
    rows = []
    for part in report.get("losses", [report]):
        of_loss = concerned.get(part.get("name"), concerned["error"])
        for group in part["groups"]:
            labels = group["group"].split(" x ")
            mine = np.all(
                [
                    (values == label) | (label == "all")
                    for values, label in zip(features, labels, strict=True)
                ],
                axis=0,
            )
            assert group["n"] == (of_loss & mine).sum()
            rows.append(of_loss & mine)
        if part["overall"]:
            rows.append(of_loss)
    return np.array(rows, dtype=float).reshape(-1, len(people["y"]))


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.integers(0, 10**9), st.booleans(), st.booleans())
def test_no_small_group_is_in_the_row_space_of_what_is_shown(seed, several, margins):
    frame, people = make_frame(seed, several=several, margins=margins)
    try:
        audit = Audit(frame, tolerance=0.0, min_group_size=SMALLEST)
    except ValueError:
        return
    report = json.loads(audit.to_json())
    shown = published(report, people)
    features = [values for name, values in people.items() if name != "y"]
    kinds = {
        "everybody": np.ones(len(people["y"]), bool),
        **({"ill": people["y"] == "ill", "well": people["y"] != "ill"} if several else {}),
    }
    small = []
    for label in frame.by_group.index if not several else frame.gains.index:
        parts = label if isinstance(label, tuple) else (label,)
        mine = np.all(
            [(values == part) | (part == "all") for values, part in zip(features, parts, strict=True)], axis=0
        )
        small += [mine & kind for kind in kinds.values() if 0 < (mine & kind).sum() < SMALLEST]
    if small:
        assert not in_row_space(np.array(small, dtype=float), shown).any()


def test_everybody_is_shown_beside_two_small_groups_and_not_beside_one():
    def audit(sizes):
        groups = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
        y = np.ones(len(groups), int)
        return Audit(PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, sensitive_features=groups))

    assert audit([100, 100]).overall()["n"] == 200
    assert audit([100, 100, 6]).overall() == {}
    assert audit([100, 100, 6, 7]).overall()["n"] == 213
    assert audit([100, 100, 3, 4]).overall() == {}


def test_the_overall_gain_has_an_interval_and_a_test(rng):
    y = rng.integers(0, 2, 2000)
    old, new = (np.where(rng.random(2000) < share, 1 - y, y) for share in (0.3, 0.2))
    overall = Audit(PreferenceFrame(y_true=y, y_pred=new, y_pred_pooled=old, sensitive_features=y)).overall()
    assert overall["lower"] < overall["rationality_gain"] < overall["upper"]
    assert overall["p_value"] < 1e-6
    same = Audit(PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, sensitive_features=y)).overall()
    assert (same["lower"] <= 0 <= same["upper"], same["p_value"]) == (True, 1.0)
