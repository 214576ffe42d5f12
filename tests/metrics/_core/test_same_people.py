"""The same people are known again whatever order their rows have; other people are not taken for them."""

import numpy as np
import pytest

from fairlearn_fwh.exceptions import UnitsWarning
from fairlearn_fwh.metrics import PreferenceFrame, PreferenceMonitor
from fairlearn_fwh.metrics._core._same_people import chance_of_same, fingerprint


def sample(rng, n, *, groups=2, squared=False, weighted=False):
    """Rows of people, as arguments of PreferenceFrame."""
    y = rng.integers(0, 2, n)
    old, new = (np.where(rng.random(n) < 0.1, 1 - y, y) for _ in range(2))
    if squared:
        y, old, new = y.astype(float), old + rng.normal(size=n), new + rng.normal(size=n)
    rows = {
        "y_true": y,
        "y_pred": new,
        "y_pred_pooled": old,
        "sensitive_features": rng.integers(0, groups, n),
    }
    return rows | ({"sample_weight": rng.integers(1, 4, n) / 7} if weighted else {})


def frame_of(rows, order=slice(None)):
    squared = rows["y_true"].dtype.kind == "f"
    settings = {"loss": "squared", "loss_limit": 30.0} if squared else {"labels": [0, 1]}
    return PreferenceFrame(**{name: column[order] for name, column in rows.items()}, **settings)


@pytest.mark.parametrize("kind", [{}, {"squared": True}, {"weighted": True}])
def test_a_copy_in_another_order_is_refused_and_changes_nothing(rng, kind):
    monitor = PreferenceMonitor()
    first, second = (sample(rng, 2000, **kind) for _ in range(2))
    monitor.update(frame_of(first), label="first").update(frame_of(second), label="second")
    with pytest.raises(ValueError, match="'third' has the same counts in every group as 'first'"):
        monitor.update(frame_of(first, rng.permutation(2000)), label="third")
    assert monitor.n_looks_ == 2
    again = PreferenceMonitor.from_json(monitor.to_json())
    with pytest.raises(ValueError, match="'third' has the same counts in every group as 'second'"):
        again.update(frame_of(second, rng.permutation(2000)), label="third")


def test_few_people_who_may_be_others_are_warned_of(rng):
    monitor = PreferenceMonitor().update(frame_of(rows := sample(rng, 60)), label="first")
    with pytest.warns(UnitsWarning, match=r"'copy' has the same counts .* about once in [\d,]+ times"):
        monitor.update(frame_of(rows, rng.permutation(60)), label="copy")
    assert monitor.n_looks_ == 2


def test_one_person_more_is_a_look_of_its_own(rng):
    rows = sample(rng, 1001)
    monitor = PreferenceMonitor().update(frame_of(rows, slice(1000))).update(frame_of(rows))
    assert monitor.n_looks_ == 2


def test_a_new_release_may_be_about_the_same_people(rng):
    frame = frame_of(sample(rng, 1000))
    monitor = PreferenceMonitor(several_releases=True).update(frame).reset().update(frame)
    assert monitor.release_ == 2


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize("n", [6, 12, 30])
def test_the_chance_is_how_often_other_people_have_the_same_counts_or_more(rng, n):
    people = [frame_of(sample(rng, n, groups=1))._measured.of_audit_groups() for _ in range(400)]
    times = np.unique([fingerprint(one) for one in people], return_counts=True)[1]
    same = (times * (times - 1)).sum() / (400 * 399)
    assert same < np.mean([chance_of_same(one) for one in people]) < 4 * same


def test_coincidences_of_small_weeks_are_not_warned_of(rng):
    """Of two unchanged models that err on a tenth of 30 people, weeks often have the same counts."""
    monitor, fingerprints = PreferenceMonitor(), set()
    for _ in range(40):
        rows = sample(rng, 30, groups=1)
        frame = frame_of(rows | {"y_pred": rows["y_pred_pooled"]})
        fingerprints.add(fingerprint(frame._measured.of_audit_groups()))
        monitor.update(frame)
    assert len(fingerprints) < 20
    assert monitor.n_looks_ == 40
