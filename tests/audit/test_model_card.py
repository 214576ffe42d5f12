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
        ({"a": 500, "b": 500}, {"a": 50}, "Harm found", "the model is worse than the baseline for a"),
        (
            {"a": 5000, "b": 5000},
            {"a": 1},
            "No harm",
            "the model loses no more than 1 point of accuracy against the baseline in all 2 groups",
        ),
        (
            {"a": 40, "b": 5000},
            {"a": 1},
            "Undecided for 1 of 2 groups",
            "no harm found, but a loss of more than 1 point of accuracy with the model remains possible",
        ),
    ],
)
def test_the_verdict_is_one_of_three(sizes, losers, title, sentence):
    card = frame_of(sizes, losers).to_model_card()
    assert f"**{title}: {sentence}" in card
    assert ("Keep the baseline for a." in card) == (title == "Harm found")


def test_every_group_has_its_size_gain_decision_and_what_a_certificate_needs():
    frame = frame_of({"a": 500, "b": 5000, "c": 200}, {"a": 50, "c": 1})
    rows = {}
    for line in frame.to_model_card().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[cells[0]] = cells
    assert rows["a"][:3] == ["a", "500", "worse off"]
    assert rows["a"][3].startswith("-10.00 (")
    assert rows["a"][5:] == ["10.0 %", "0.0 %", "–"]  # no number of people could prove it
    assert rows["b"][2] == "proved no worse"
    assert rows["c"][2] == "cannot be told"
    assert rows["c"][7] == f"{frame.power(0.01).loc['c', 'n_needed']:,.0f}"


def test_small_groups_are_counted_and_not_shown():
    card = frame_of({"a": 500, "tiny": 4}, {}).to_model_card()
    assert "tiny" not in card
    assert "504" not in card
    assert "1 of fewer than 10 people" in card
    assert "tiny" in frame_of({"a": 500, "tiny": 4}, {}).to_model_card(min_group_size=1)


def test_at_tolerance_0_it_says_who_is_shown_to_gain_and_has_no_power():
    card = frame_of({"a": 500}, {}).to_model_card(tolerance=0)
    assert "is not shown to be better than the baseline for everybody" in card
    assert "| bound |" in card
    assert "people needed" not in card


def test_other_losses_have_their_own_unit():
    card = frame_of({"a": 500, "b": 400}, {"a": 50}, loss="squared", loss_limit=4.0).to_model_card()
    assert "squared (at most 4) loss" in card
    assert "percentage points" not in card
    row = next(line for line in card.splitlines() if line.startswith("| a "))
    assert row.split(" | ")[5:7] == ["0.1", "0"]


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


def envy_of_a(sizes, tiny=0):
    """Assigned groups a and b; a does as well as with the pooled classifier, and would do better with that of b."""
    group = np.repeat(["a", "b"], sizes)
    y = np.ones(len(group), int)
    half = np.arange(len(group)) % 2
    audit = group.astype(object)
    audit[:tiny] = "tiny"
    return PreferenceFrame(
        y_true=y,
        y_pred_pooled=np.where(group == "a", half, 1),
        y_pred_by_group={"a": np.where(group == "a", half, 1), "b": np.ones(len(group), int)},
        groups=group,
        sensitive_features={"who": audit},
    )


def test_envy_is_no_harm_and_has_advice_of_its_own():
    card = envy_of_a([400, 400]).to_model_card()
    assert "**Envy found: " in card
    assert "a (50.0 points worse than with that of b)" in card
    assert "Keep the baseline" not in card
    assert "Offer it to them, or record why not" in card


def test_envy_tells_neither_names_nor_figures_of_small_groups():
    with_small_audit_group = envy_of_a([400, 400], tiny=5).to_model_card()
    assert "worse than with that of b" in with_small_audit_group
    assert "50.0 points" not in with_small_audit_group
    with_small_other = envy_of_a([400, 8])
    assert "worse than with that of a small group" in with_small_other.to_model_card()
    assert "\n| b |" not in with_small_other.to_model_card()


def test_the_same_predictions_for_few_people_certify_nothing():
    few = frame_of({"a": 60}, {}).to_model_card()
    assert "**Undecided: no harm found, but a loss of more than 1 point" in few
    assert "**Nobody is harmed and nobody gains" in frame_of({"a": 6000}, {}).to_model_card()


def test_weights_are_told():
    assert (
        "Rows are weighted" in frame_of({"a": 100}, {}, sample_weight=np.linspace(1, 2, 100)).to_model_card()
    )
    assert "weighted" not in frame_of({"a": 100}, {}).to_model_card()


def test_nothing_is_left_where_all_groups_are_small():
    card = frame_of({"a": 5, "b": 5}, {}).to_model_card()
    assert "No group is large enough to be shown." in card
    assert "| a" not in card
