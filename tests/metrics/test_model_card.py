"""The section of a model card: what it says, in which words, and what it keeps to itself."""

import numpy as np
import pytest

from fairlearn_fwh.metrics import PreferenceFrame

HEADINGS = ["Factors", "Metrics", "Evaluation data", "Quantitative analyses", "Caveats and recommendations"]


def frame_of(sizes, losers, loss="zero_one", **more):
    """Groups in which the pooled classifier is right, and the model wrong for the first few."""
    group = np.repeat(list(sizes), list(sizes.values()))
    y_pred = np.concatenate([np.arange(n) >= losers.get(name, 0) for name, n in sizes.items()]).astype(float)
    y = np.ones(len(group))
    return PreferenceFrame(
        y_true=y, y_pred=y_pred, y_pred_pooled=y, sensitive_features={"sex": group}, loss=loss, **more
    )


def test_it_has_the_usual_headings_in_order():
    card = frame_of({"a": 500, "b": 500}, {"a": 50}).to_model_card()
    assert [line[4:] for line in card.splitlines() if line.startswith("### ")] == HEADINGS
    assert card.startswith("## Fairness without harm\n\n**")
    assert card.endswith("\n")


@pytest.mark.parametrize(
    ("sizes", "losers", "title", "sentence"),
    [
        ({"a": 500, "b": 500}, {"a": 50}, "Harm found", "The model harms a ("),
        ({"a": 5000, "b": 5000}, {"a": 1}, "No harm certified", "No group loses more than 1 point"),
        ({"a": 40, "b": 5000}, {"a": 1}, "No harm found, not certified", "No harm found, but a loss"),
    ],
)
def test_the_verdict_is_one_of_three(sizes, losers, title, sentence):
    card = frame_of(sizes, losers).to_model_card()
    assert f"**{title}.** {sentence}" in card
    assert ("Serve the harmed groups by the baseline" in card) == (title == "Harm found")


def test_every_group_has_its_size_gain_decision_and_what_a_certificate_needs():
    frame = frame_of({"a": 500, "b": 500}, {"a": 50})
    row = next(line for line in frame.to_model_card().splitlines() if line.startswith("| a "))
    needed = f"{frame.power(0.01).loc['a', 'n_needed']:,.0f}"
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:4] == ["a", "500", "10.0 %", "0.0 %"]
    assert cells[4].startswith("-10.00 (")
    assert cells[5:] == ["yes", "not shown", needed]


def test_small_groups_are_counted_and_not_shown():
    card = frame_of({"a": 500, "tiny": 4}, {}).to_model_card()
    assert "tiny" not in card
    assert "504" not in card
    assert "1 of fewer than 10 people" in card
    assert "tiny" in frame_of({"a": 500, "tiny": 4}, {}).to_model_card(min_group_size=1)


def test_at_tolerance_0_it_says_who_is_shown_to_gain_and_has_no_power():
    card = frame_of({"a": 500}, {}).to_model_card(tolerance=0)
    assert "| gains |" in card
    assert "people needed" not in card


def test_other_losses_have_their_own_unit():
    card = frame_of({"a": 500, "b": 400}, {"a": 50}, loss="squared").to_model_card()
    assert "squared loss" in card
    assert "percentage points" not in card
    assert "%|" not in card


def test_labels_of_groups_cannot_break_the_table():
    frame = frame_of({"a|b": 100, "<b>*c*": 100}, {})
    lines = [line for line in frame.to_model_card().splitlines() if "100" in line and line.startswith("|")]
    assert [line.replace("\\|", "").count("|") for line in lines] == [9, 9]
    assert "<b>" not in frame.to_model_card().replace("\\<", "")


def test_bad_settings_and_control_features_are_refused():
    frame = frame_of({"a": 100}, {})
    with pytest.raises(ValueError, match="min_group_size must be an integer of at least 1"):
        frame.to_model_card(min_group_size=0)
    with pytest.raises(ValueError, match="tolerance"):
        frame.to_model_card(tolerance=-1)
    with pytest.raises(ValueError, match="control features"):
        frame_of({"a": 100}, {}, control_features={"c": np.arange(100) % 2}).to_model_card()
