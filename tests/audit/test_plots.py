"""Pictures: what is in them, and that they can be drawn anywhere."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from fairlearn_fwh.audit._plots import style
from fairlearn_fwh.exceptions import MissingExtraError
from fairlearn_fwh.metrics import PreferenceFrame, compare

from ..metrics.samples import random_sample

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    mpl.pyplot.close("all")


@pytest.fixture
def frame():
    y, pooled, by_group, groups = random_sample(n=900)
    labels = np.array(["ann", "bob", "cat"])
    by_group = dict(zip(labels, by_group.T, strict=True))
    return PreferenceFrame(y_true=y, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=labels[groups])


def texts(ax):
    figure_texts = [*ax.get_xticklabels(), *ax.get_yticklabels(), *ax.texts]
    legend = ax.get_legend()
    return [t.get_text() for t in figure_texts + (list(legend.get_texts()) if legend else [])]


def test_gains_have_intervals_and_the_line_of_no_harm(frame):
    ax = frame.plot()
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.get_lines())
    assert "ann\n(" in " ".join(texts(ax))
    assert "left of 0 is harm" in ax.get_xlabel()
    assert "percentage points" in ax.get_xlabel()
    (bars,) = [c for c in ax.containers if c.get_label() == "gains"]
    drawn = sorted(x for x, _ in bars.lines[2][0].get_segments()[0:3] for x in [x[0]])
    assert drawn == pytest.approx(sorted(100 * frame.by_group_ci[0.025]["rationality_gain"]))


def test_envy_is_annotated_with_its_entries(frame):
    ax = frame.plot("envy")
    written = [text.get_text() for text in ax.texts]
    expected = [
        "own" if i == j else f"{100 * value:+.1f}"
        for (i, j), value in np.ndenumerate(frame.envy_matrix.to_numpy())
    ]
    assert written == expected


def test_flips_are_bars_to_the_left_and_to_the_right_the_worst_group_first(frame):
    ax = frame.plot("flips")
    worse, better = ax.containers
    table = frame.by_group.sort_values("rationality_gain")
    assert [-bar.get_width() for bar in worse] == pytest.approx(list(100 * table["negative_flip_rate"]))
    assert [bar.get_width() for bar in better] == pytest.approx(list(100 * table["positive_flip_rate"]))
    # Told apart without colours, too.
    assert worse[0].get_hatch()
    assert not better[0].get_hatch()


def test_tradeoff_shows_every_model(frame):
    ax = compare({"this": frame, "that": frame}).plot()
    assert texts(ax)[-2:] == ["this", "that"]
    assert frame.plot("tradeoff").get_xlabel() == ax.get_xlabel()


@pytest.mark.parametrize("kind", ["gain", "envy", "flips", "tradeoff"])
def test_pictures_go_where_they_are_told_and_are_not_empty(frame, kind, tmp_path):
    figure = Figure(figsize=(8, 5))
    ax = figure.subplots()
    assert frame.plot(kind, ax=ax) is ax
    figure.savefig(tmp_path / "picture.png")
    assert mpl.image.imread(tmp_path / "picture.png")[..., :3].std() > 0.03


def test_small_groups_are_left_out_when_asked():
    frame = PreferenceFrame(
        y_true=[0, 1] * 30,
        y_pred=[0, 1] * 30,
        y_pred_pooled=[0, 0] * 30,
        sensitive_features=["many"] * 55 + ["few"] * 5,
    )
    for kind in ("gain", "flips"):
        assert "few" not in " ".join(texts(frame.plot(kind, min_group_size=10)))
        assert "few" in " ".join(texts(frame.plot(kind)))


def test_many_models_get_shapes_and_colours_of_their_own():
    looks = {tuple(style(i).values()) for i in range(36)}
    assert len(looks) == 36


def test_real_valued_losses_are_in_their_unit(rng):
    frame = PreferenceFrame(
        y_true=rng.integers(0, 2, 90), y_pred=rng.random(90), y_pred_pooled=rng.random(90), loss="brier"
    )
    assert "brier loss" in frame.plot().get_xlabel()


def test_what_cannot_be_drawn_is_said(frame, monkeypatch):
    with pytest.raises(ValueError, match="kind must be one of .* got 'pie'"):
        frame.plot("pie")
    one = PreferenceFrame(y_true=[0, 1], y_pred=[0, 1], y_pred_pooled=[0, 0])
    with pytest.raises(ValueError, match="kind='envy' needs y_pred_by_group"):
        one.plot("envy")
    controlled = PreferenceFrame(y_true=[0, 1], y_pred=[0, 1], y_pred_pooled=[0, 0], control_features=[1, 2])
    with pytest.raises(ValueError, match="does not apply to a frame with control features"):
        controlled.plot("tradeoff")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"fairlearn-fwh\[plot\]"):
        frame.plot()
