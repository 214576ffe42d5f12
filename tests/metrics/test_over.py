"""Margins and intersections together: one table, one family."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairlearn_fwh.metrics import PreferenceFrame, keep_own_classifier
from fairlearn_fwh.metrics._inference._joint_law import JointLaw
from fairlearn_fwh.metrics._inference._tests import mcnemar_p_value

OVER = ["race", "sex", ("race", "sex")]


def sample(rng, n=1500, women_lose=0.0, men_lose=0.0, discordance=0.1):
    """Race and sex go together; half of the people about whom the classifiers differ gain, of women fewer."""
    sex = rng.integers(0, 2, n)
    race = np.where(rng.random(n) < 0.4 + 0.2 * sex, 0, rng.integers(0, 4, n))
    worse = (discordance + np.where(sex == 1, women_lose, men_lose)) / 2
    u = rng.random(n)
    own, pooled = u >= worse, (u < worse) | (u >= discordance)
    people = pd.DataFrame({"race": race, "sex": np.where(sex == 1, "female", "male")})
    return {
        "y_true": np.ones(n, dtype=int),
        "y_pred": own.astype(int),
        "y_pred_pooled": pooled.astype(int),
    }, people


def frame_of(rng, **more):
    data, people = sample(rng, **more)
    return PreferenceFrame(**data, sensitive_features=people)


def test_figures_are_those_of_frames_by_each_grouping(rng):
    data, people = sample(rng)
    frame = PreferenceFrame(**data, sensitive_features=people)
    together = frame.over(OVER)
    by_race, by_sex = (PreferenceFrame(**data, sensitive_features=people[c]) for c in ("race", "sex"))
    table = together.by_group
    for label, row in by_race.by_group.iterrows():
        assert table.loc[(label, "all"), ["n", "risk", "rationality_gain"]].tolist() == pytest.approx(
            row[["n", "risk", "rationality_gain"]].tolist()
        )
    for label, row in by_sex.by_group.iterrows():
        assert table.loc[("all", label), "n"] == row["n"]
        assert table.loc[("all", label), "rationality_gain"] == pytest.approx(row["rationality_gain"])
    for label, row in frame.by_group.iterrows():
        assert table.loc[label, "n"] == row["n"]
    pd.testing.assert_series_equal(
        together.overall.drop("disparity_change"), frame.overall.drop("disparity_change")
    )
    pd.testing.assert_frame_equal(frame.over().by_group, together.by_group)


def test_each_test_is_that_of_the_grouping_and_the_family_is_larger(rng):
    data, people = sample(rng, women_lose=0.05)
    frame = PreferenceFrame(**data, sensitive_features=people)
    by_sex = PreferenceFrame(**data, sensitive_features=people["sex"])
    for test in (
        lambda f, **more: f.certify(tolerance=0.0, **more),
        lambda f, **more: f.certify(tolerance=0.03, **more),
        lambda f, **more: f.harm_tests(claims="rationality", **more),
    ):
        table = test(frame, over=OVER).set_index("group")
        alone = test(by_sex).set_index("group")
        for sex in ("female", "male"):
            assert table.loc[[("all", sex)], "p_value"].item() == pytest.approx(alone.loc[sex, "p_value"])
            assert table.loc[[("all", sex)], "p_adjusted"].item() >= alone.loc[sex, "p_value"] - 1e-3
        holm = test(frame, over=OVER, correction="holm").set_index("group")
        assert (table["p_adjusted"] <= holm["p_adjusted"] + 1e-12).all()


def test_the_law_is_that_of_all_tosses_of_coins():
    """Two atoms with 4 and 5 discordant people; both, and each by itself."""
    discordant = np.array([4, 5])
    members = np.array([[1, 1], [1, 0], [0, 1]], dtype=bool)
    law = JointLaw(members, discordant, np.ones(2))
    worlds = [np.array(w) for w in itertools.product(range(5), range(6))]
    chances = [stats.binom.pmf(w, discordant, 0.5).prod() for w in worlds]
    p_values = [
        mcnemar_p_value(members @ w.astype(float), members @ (discordant - w.astype(float))) for w in worlds
    ]
    for world in ((4, 5), (4, 2), (1, 5)):
        observed = p_values[[w.tolist() for w in worlds].index(list(world))]
        exact = sum(c for c, p in zip(chances, p_values, strict=True) if p.min() <= observed.min() + 1e-12)
        adjusted = law.adjust(observed, by_counts=True).min()
        assert adjusted == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 9999) + 2e-4)


@pytest.mark.long
@pytest.mark.simulation
def test_the_family_wise_error_is_kept():
    rng = np.random.default_rng(5)
    runs, errors = 60, np.zeros(3)
    for _ in range(runs):
        nobody_loses, all_lose = (
            frame_of(rng).over(OVER),
            frame_of(rng, women_lose=0.05, men_lose=0.05).over(OVER),
        )
        errors += [
            len(nobody_loses.violations(alpha=0.05)) > 0,
            nobody_loses.certify(tolerance=0.0)["certified"].any(),
            all_lose.certify(tolerance=0.05)["certified"].any(),
        ]
    for found in errors:
        assert stats.binomtest(int(found), runs, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.simulation
def test_harm_to_a_margin_is_found_more_often_than_by_holm():
    rng = np.random.default_rng(6)
    found = np.zeros(2)
    for _ in range(30):
        jointly = frame_of(rng, n=3000, women_lose=0.025).over(OVER)
        women = [("all", "female")]
        found += [
            jointly.violations(alpha=0.05)["group"].isin(women).any(),
            jointly.violations(alpha=0.05, correction="holm")["group"].isin(women).any(),
        ]
    assert found[0] > found[1]


def test_weights_have_the_normal_law_and_bets_are_added_up(rng):
    data, people = sample(rng, women_lose=0.1)
    weighted = PreferenceFrame(
        **data, sensitive_features=people, sample_weight=rng.uniform(0.8, 1.2, len(people))
    )
    assert ("all", "female") in weighted.violations(alpha=0.05, over=OVER)["group"].tolist()
    scores = {
        name: np.clip(values + rng.uniform(-0.1, 0.1, len(values)), 0, 1)
        for name, values in data.items()
        if name != "y_true"
    }
    brier = PreferenceFrame(y_true=data["y_true"], **scores, sensitive_features=people, loss="brier")
    table = brier.certify(tolerance=0.0, over=OVER)
    assert (table["method"] == "betting").all()
    # Nothing is known of how bets on overlapping groups vary together.
    holm = brier.certify(tolerance=0.0, over=OVER, correction="holm")
    np.testing.assert_allclose(table["p_adjusted"], holm["p_adjusted"])


def test_with_envy_claims_are_added_up(rng):
    data, people = sample(rng)
    groups = people["sex"]
    by_group = pd.DataFrame({"female": data["y_pred"], "male": data["y_pred"]})
    frame = PreferenceFrame(
        y_true=data["y_true"], y_pred_pooled=data["y_pred_pooled"], y_pred_by_group=by_group, groups=groups,
        sensitive_features=people,
    )  # fmt: skip
    table = frame.certify(tolerance=0.0, claims="all", over=OVER)
    assert set(table["kind"]) == {"rationality", "envy"}
    assert (frame.over(OVER).envy_matrix == frame.envy_matrix).all(axis=None)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("race", "over must be a list of columns"),
        ([], "over must be a list of columns"),
        (["age"], r"over must name columns among \['race', 'sex'\]; got 'age'"),
        ([("sex", "sex")], "over must name columns among"),
        (["sex", "sex"], "over has a grouping twice"),
        ([("sex", "race"), ("race", "sex")], "over has a grouping twice"),
    ],
)
def test_bad_groupings_are_refused(over, message, rng):
    with pytest.raises(ValueError, match=message):
        frame_of(rng).over(over)


def test_frames_that_cannot_be_regrouped_are_refused(rng):
    data, people = sample(rng)
    with pytest.raises(ValueError, match="Margins need sensitive_features of several columns"):
        PreferenceFrame(**data, sensitive_features=people["sex"]).over()
    with pytest.raises(ValueError, match="Margins need a frame without control_features"):
        PreferenceFrame(**data, sensitive_features=people, control_features=people["sex"]).over()
    with pytest.raises(ValueError, match="'sex' has a group 'all', which stands for all groups"):
        PreferenceFrame(**data, sensitive_features=people.replace("male", "all")).over()
    frame = PreferenceFrame(**data, sensitive_features=people)
    with pytest.raises(ValueError, match="keep_own_classifier needs groups without people in common"):
        keep_own_classifier(frame.over())
    with pytest.raises(ValueError, match="call over afterwards"):
        frame.over() + frame.over()
    assert len((frame + frame).over().by_group) == len(frame.over().by_group)


def test_what_would_tell_of_a_small_group_is_not_shown(rng):
    data, people = sample(rng, n=600)
    people.loc[(people["race"] == 3) & (people["sex"] == "male"), "race"] = 2
    people.loc[people.index[:4], ["race", "sex"]] = [3, "male"]
    frame = PreferenceFrame(**data, sensitive_features=people).over()
    hidden = frame._hidden(10)
    # Men, and people of race 3: what is left of them without the groups that are shown is the small group.
    assert set(hidden.index[hidden]) == {(3, "male"), (3, "all"), ("all", "male")}
    card = frame.to_model_card()
    assert "3 of fewer than 10 people, or with such a group in them" in card
    assert "| all x male |" not in card
    assert "| all x female |" in card
