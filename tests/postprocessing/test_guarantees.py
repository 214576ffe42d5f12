"""Several candidates, releases, partial pooling, all rows that decide, and nobody who is served by a stale model."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from fairlearn_fwh.decoupling import DecoupledClassifier, PreferenceTreeClassifier
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.inprocessing import DAFHClassifier
from fairlearn_fwh.metrics import MisclassificationCost, PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector
from fairlearn_fwh.postprocessing._shrinkage import PartialPooling

pytestmark = pytest.mark.slow  # once, with one set of versions


def answers(gains, sizes, seed=0, discordance=0.1, n_candidates=1):
    """Truth, groups, and columns of answers: group g gains gains[g] by each candidate, or gains[c][g] by the c-th."""
    rng = np.random.default_rng(seed)
    s = np.repeat(np.arange(len(sizes)), sizes)
    y, columns = rng.integers(0, 2, len(s)), {}
    gains = np.broadcast_to(gains, (n_candidates, len(sizes)))
    old = np.where(rng.random(len(s)) < 0.2, 1 - y, y)
    for c in range(n_candidates):
        gain = gains[c][s]
        u = rng.random(len(s))
        right = (u < (discordance + gain) / 2 / 0.2) & (old != y)
        wrong = (u < (discordance - gain) / 2 / 0.8) & (old == y)
        columns[f"new {c}"] = np.where(right | wrong, 1 - old, old)
    return y, s, {"old": old, **columns}


def decided(gains, sizes, guarantee, seed=0, n_candidates=1, **settings):
    y, s, columns = answers(gains, sizes, seed, n_candidates=n_candidates)
    return NoHarmSelector.from_predictions(y, columns, sensitive_features=s, guarantee=guarantee, **settings)


def opposite_rules(n=2000, seed=0, share=0.3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    s = np.where(rng.random(n) < share, "a", "b")
    y = (np.where(s == "a", -1, 1) * X[:, 0] + 0.5 * X[:, 1] + 0.3 * rng.logistic(size=n) > 0).astype(int)
    return X, y, s


# --- releases ---------------------------------------------------------------------------------------------------------


def test_a_release_is_for_everybody_or_nobody():
    better = decided([0.03, 0.03, 0.0], [3000, 2000, 400], "release")
    assert better.fallback_groups_ == {}
    assert better.selection_table_["choice"].tolist() == ["new 0"] * 3
    assert (
        "with which everybody together does better than with the pooled one (95 % confidence)"
        in better.verdict_
    )
    worse = decided([-0.02, -0.01, 0.0], [3000, 2000, 400], "release")
    assert set(worse.fallback_groups_) == {0, 1, 2}
    harmful = decided([0.04, 0.04, -0.08], [3000, 3000, 1000], "release")
    assert set(harmful.fallback_groups_) == {0, 1, 2}
    assert "1 group(s) seem to be harmed" in harmful.fallback_groups_[0]


def test_a_margin_lets_a_harm_pass_and_a_tolerance_a_model_that_is_no_better():
    gains, sizes = [0.04, 0.04, -0.03], [3000, 3000, 3000]
    assert decided(gains, sizes, "release").fallback_groups_
    assert not decided(gains, sizes, "release", harm_margin=0.05).fallback_groups_
    same = [0.0, 0.0]
    assert decided(same, [4000, 4000], "release").fallback_groups_
    assert not decided(same, [4000, 4000], "release", tolerance=0.02).fallback_groups_


def test_the_decision_about_everybody_and_about_harm_is_that_of_frames():
    y, s, columns = answers([0.02, 0.01], [3000, 800])
    model = NoHarmSelector.from_predictions(y, columns, sensitive_features=s, guarantee="release")
    sample = {"y_true": y, "y_pred": columns["new 0"], "y_pred_pooled": columns["old"]}
    whole = PreferenceFrame(**sample).certify(tolerance=0.0)
    harm = PreferenceFrame(**sample, sensitive_features=s).harm_tests()
    np.testing.assert_allclose(model.selection_table_["p_adjusted"], whole["p_adjusted"].iloc[0])
    np.testing.assert_allclose(model.selection_table_["p_harm"], harm["p_adjusted"])


def test_groups_in_which_harm_would_not_be_seen_are_named():
    model = decided([0.03, 0.03, 0.03], [4000, 4000, 60], "release")
    assert model.selection_table_["protected"].tolist() == [True, True, False]
    assert (
        "Not protected, because a loss of 5 points would have been found with a power below 80 %: 2."
        in model.verdict_
    )
    assert "that no group loses is not promised" in model.verdict_
    large = decided([0.03, 0.03], [4000, 4000], "release")
    assert "In every group a loss of 5 points would have been found" in large.verdict_


def test_harm_that_would_be_seen_is_in_units_of_the_loss():
    y, s, columns = answers([0.03, 0.03], [4000, 4000])
    costs = MisclassificationCost([[0, 5], [5, 0]], classes=[0, 1])
    model = NoHarmSelector.from_predictions(
        y, columns, sensitive_features=s, guarantee="release", scoring=costs
    )
    assert "a loss of 0.25 (5 % of the largest that counts) would have been found" in model.verdict_
    assert "points" not in model.verdict_


def test_a_shrunk_gain_beyond_a_tolerance_is_said_to_be_one():
    said = [decided([0.04], [4000], "shrunk", tolerance=t).verdict_ for t in (0.0, 0.01)]
    assert "(a loss has a probability below" in said[0]
    assert "(a larger loss has a probability below" in said[1]


def test_nothing_is_said_of_harm_to_groups_that_stay_with_the_pooled_classifier():
    model = decided([0.04, 0.04, -0.08], [4000, 4000, 2000], "shrunk")
    assert set(model.fallback_groups_) == {2}
    assert "In every group that keeps another classifier a loss of 5 points would have" in model.verdict_


def test_a_margin_hides_what_lies_within_it_and_says_so():
    sizes = [4000, 4000]
    assert decided([0.03, 0.03], sizes, "release", harm_margin=0.01).selection_table_["protected"].all()
    for margin in (0.04, 0.05, 0.1):
        model = decided([0.03, 0.03], sizes, "release", harm_margin=margin)
        assert not model.selection_table_["protected"].any()
        assert "Not protected" in model.verdict_


def test_few_people_about_whom_nothing_was_seen_are_not_protected():
    y, s, columns = answers([0.03, 0.03, 0.0], [4000, 4000, 20])
    alike = s == 2
    columns["new 0"][alike] = columns["old"][alike]
    model = NoHarmSelector.from_predictions(y, columns, sensitive_features=s, guarantee="release")
    assert model.selection_table_["choice"].tolist() == ["new 0"] * 3
    assert model.selection_table_["protected"].tolist() == [True, True, False]


@pytest.mark.long
@pytest.mark.simulation
@pytest.mark.parametrize("guarantee", ["release", "shrunk"])
def test_five_points_in_a_group_of_four_hundred_are_seen(guarantee):
    runs = 60
    got = sum(
        0 not in decided([-0.05, 0.03], [400, 3000], guarantee, seed=i).fallback_groups_ for i in range(runs)
    )
    assert stats.binomtest(got, runs, 0.05, alternative="greater").pvalue > 0.001


# --- partial pooling --------------------------------------------------------------------------------------------------


def test_shrunken_gains_lie_between_own_and_mean():
    gain, variance = np.array([0.05, -0.03, 0.01, 0.02]), np.array([1e-4, 1e-4, 1e-3, 1e-5])
    pooling = PartialPooling.of(gain, variance, 1.0)
    shrunk = pooling.shrunk
    assert ((shrunk - gain) * (gain.mean() - gain) >= -1e-12).sum() >= 3
    moved = np.abs(shrunk - gain)
    assert moved[2] / abs(gain[2] - 0.013) > moved[3] / abs(gain[3] - 0.013)


def test_equal_gains_are_pooled_and_one_group_stands_alone():
    together = PartialPooling.of(np.full(8, 0.01), np.full(8, 1e-4), 1.0)
    alone = PartialPooling.of(np.array([0.01]), np.array([1e-4]), 1.0)
    assert together.probability_of_loss(0.0).max() < 0.05 < alone.probability_of_loss(0.0)[0]
    np.testing.assert_allclose(alone.shrunk, 0.01)
    np.testing.assert_allclose(alone.probability_of_loss(0.0), stats.norm.cdf(-1), rtol=1e-6)


def test_posteriors_are_those_of_numerical_integration():
    gain, variance = np.array([0.03, -0.02, 0.01]), np.array([2e-4, 1e-4, 4e-4])
    pooling = PartialPooling.of(gain, variance, 1.0)
    spread, mean = np.linspace(1e-6, 2.0, 4001)[:, None], np.linspace(-0.5, 0.5, 801)
    density = stats.halfcauchy.pdf(spread, scale=0.05)[:, 0, None] * np.prod(
        [stats.norm.pdf(g, mean, np.sqrt(v + spread**2)) for g, v in zip(gain, variance, strict=True)], axis=0
    )
    density /= density.sum()
    for k in range(3):
        kept = spread**2 / (spread**2 + variance[k])
        theta, deviation = kept * gain[k] + (1 - kept) * mean, np.sqrt(kept * variance[k])
        p_loss = (density * stats.norm.cdf(0, theta, deviation)).sum()
        np.testing.assert_allclose(pooling.probability_of_loss(0.0)[k], p_loss, atol=0.01)
        np.testing.assert_allclose(pooling.shrunk[k], (density * theta).sum(), atol=5e-4)


def test_partial_pooling_keeps_small_gains_that_groups_share_and_refuses_the_harmed_one():
    gains, sizes = [0.03] * 5 + [-0.06], [800] * 5 + [1500]
    shrunk, certified = (decided(gains, sizes, kind, seed=1) for kind in ("shrunk", "certified"))
    assert 5 in shrunk.fallback_groups_
    assert len(shrunk.fallback_groups_) <= len(certified.fallback_groups_)
    table = shrunk.selection_table_
    assert (table["shrunk_gain"].abs() <= table["gain"].abs() + 1e-9)[[0, 1]].all()
    assert (table.loc[table["choice"] == "new 0", "p_loss"] < 0.05).all()
    assert "no error probability is promised for all groups together" in shrunk.verdict_


# --- several candidates -----------------------------------------------------------------------------------------------


def test_every_group_gets_the_best_that_is_safe():
    gains = [[0.06, -0.06, 0.0], [0.0, 0.08, 0.0]]
    model = decided(gains, [3000, 3000, 3000], "certified", n_candidates=2)
    table = model.selection_table_
    assert len(table) == 6
    choice = table.drop_duplicates("group").set_index("group")["choice"]
    assert choice.to_dict() == {0: "new 0", 1: "new 1", 2: "pooled"}
    y, s, columns = answers(gains, [3000] * 3, seed=5, n_candidates=2)
    got = model.predict(pd.DataFrame(columns), sensitive_features=s)
    expected = np.select([s == 0, s == 1], [columns["new 0"], columns["new 1"]], columns["old"])
    assert (got == expected).all()


def test_a_preference_takes_the_first_that_is_safe():
    gains = [[0.05, 0.05], [0.09, 0.09]]
    best = decided(gains, [3000, 3000], "certified", n_candidates=2)
    first = decided(gains, [3000, 3000], "certified", n_candidates=2, strategy="in_order")
    assert set(best.selection_table_["choice"]) == {"new 1"}
    assert set(first.selection_table_["choice"]) == {"new 0"}
    released = decided(gains, [3000, 3000], "release", n_candidates=2)
    assert set(released.selection_table_["choice"]) == {"new 1"}


def test_candidates_share_the_error_probability():
    one = decided([0.02, 0.02], [1000, 1000], "certified")
    y, s, columns = answers([0.02, 0.02], [1000, 1000])
    more = columns | {"again": columns["new 0"], "and again": columns["new 0"]}
    several = NoHarmSelector.from_predictions(y, more, sensitive_features=s)
    same = several.selection_table_.query("candidate == 'new 0'")["p_adjusted"].to_numpy()
    assert (same >= one.selection_table_["p_adjusted"].to_numpy() - 1e-12).all()
    assert (same > one.selection_table_["p_adjusted"].to_numpy()).any()


def test_models_of_all_kinds_are_candidates():
    X, y, s = opposite_rules()
    candidates = [
        ("pooled", LogisticRegression()),
        ("boosting", HistGradientBoostingClassifier(max_iter=20, random_state=0)),
        ("decoupled", DecoupledClassifier()),
    ]
    model = NoHarmSelector(candidates, random_state=0).fit(X, y, sensitive_features=s)
    assert "decoupled" in set(model.selection_table_["choice"])
    own = DecoupledClassifier().fit(X, y, sensitive_features=s)
    groups = model.predict_group(X, sensitive_features=s)
    chosen = model.selection_table_.drop_duplicates("group").set_index("group")["choice"]
    mine = np.isin(groups, chosen.index[chosen == "decoupled"])
    assert (model.predict(X, sensitive_features=s)[mine] == own.predict(X, sensitive_features=s)[mine]).all()


@pytest.mark.parametrize(
    ("candidates", "error", "message"),
    [
        ([("pooled", LogisticRegression())], ValueError, "has one entry, 'pooled'"),
        ([("pooled", LogisticRegression()), ("a", 3)], TypeError, "has 3 as 'a', which is not a classifier"),
        (
            [("pooled", LogisticRegression()), ("a", LogisticRegression)],
            TypeError,
            "which is not a classifier",
        ),
        (
            [("pooled", LogisticRegression()), LogisticRegression()],
            TypeError,
            "one entry is LogisticRegression",
        ),
        ([("a", LogisticRegression()), ("a", LogisticRegression())], ValueError, "names 'a' twice"),
        ([("a", LogisticRegression()), ("", LogisticRegression())], ValueError, "candidate named ''"),
        (
            [("a", LogisticRegression()), ("pooled", LogisticRegression())],
            ValueError,
            "candidate named 'pooled'",
        ),
    ],
)
def test_wrong_things_in_the_list_are_named(candidates, error, message):
    X, y, s = opposite_rules(100)
    with pytest.raises(error, match=message):
        NoHarmSelector(candidates).fit(X, y, sensitive_features=s)


def test_lists_do_not_reassign():
    X, y, s = opposite_rules(100)
    candidates = [("pooled", LogisticRegression()), ("a", LogisticRegression())]
    with pytest.raises(ValueError, match="reassign=True is for the classifiers of groups"):
        NoHarmSelector(candidates, reassign=True).fit(X, y, sensitive_features=s)


def test_the_picture_has_every_candidate():
    model = decided([[0.06, 0.0], [0.0, 0.08]], [3000, 3000], "certified", n_candidates=2)
    axes = model.plot_selection()
    assert axes.get_legend_handles_labels()[1] == ["pooled", "new 0", "new 1"]
    assert len(axes.get_yticklabels()) == 2
    filled = [[not (face == 1).all() for face in points.get_facecolors()] for points in axes.collections[1:]]
    assert filled == [[False, False], [True, False], [False, True]]


@pytest.mark.parametrize(
    "estimator",
    [
        (DecoupledClassifier(), LogisticRegression()),
        [("old", DecoupledClassifier()), ("new", LogisticRegression())],
    ],
)
def test_the_pooled_classifier_is_not_told_the_group(estimator):
    X, y, s = opposite_rules(200)
    with pytest.raises(ValueError, match="but its predict takes sensitive_features"):
        NoHarmSelector(estimator).fit(X, y, sensitive_features=s)


def test_why_nothing_is_released_is_said():
    worse = decided([-0.02, -0.02], [3000, 3000], "release").verdict_
    assert worse.startswith(
        "Nothing is released, and everybody is served by the pooled classifier: overall gain -0.0"
    )
    harmful = decided([0.05, -0.06], [5000, 2000], "release").verdict_
    assert "1 group(s) seem to be harmed" in harmful


@pytest.mark.parametrize("strategy", ["min_gap", "max_overall"])
def test_a_release_is_no_choice_group_by_group(strategy):
    with pytest.raises(
        ValueError, match="chooses group by group, and guarantee='release' decides for everybody"
    ):
        decided([0.1, 0.1], [100, 100], "release", strategy=strategy)


@pytest.mark.parametrize("predictions", [{"old": [0, 1] * 50}, np.zeros((100, 2)), [[0] * 100, [1] * 100]])
def test_answers_need_names(predictions):
    with pytest.raises(ValueError, match="a column for the pooled classifier, which comes first"):
        NoHarmSelector.from_predictions([0, 1] * 50, predictions, sensitive_features=["a"] * 100)


def test_answers_about_other_people_may_be_a_dict_or_a_frame():
    y, s, columns = answers([0.05, -0.05], [2000, 2000])
    model = NoHarmSelector.from_predictions(y, columns, sensitive_features=s)
    expected = np.where(s == 0, columns["new 0"], columns["old"])
    for given in (columns, pd.DataFrame(columns)):
        np.testing.assert_array_equal(model.predict(given, sensitive_features=s), expected)
        assert model.score(given, y, sensitive_features=s) == (expected == y).mean()


def test_answers_may_be_text_or_probabilities():
    y, s, columns = answers([0.05, 0.05], [2000, 2000])
    text = {name: np.array(["no", "yes"])[column] for name, column in columns.items()}
    named = NoHarmSelector.from_predictions(np.array(["no", "yes"])[y], text, sensitive_features=s)
    plain = NoHarmSelector.from_predictions(y, columns, sensitive_features=s)
    pd.testing.assert_frame_equal(named.selection_table_, plain.selection_table_)
    probabilities = {name: 0.1 + 0.8 * column for name, column in columns.items()}
    by_brier = NoHarmSelector.from_predictions(y, probabilities, sensitive_features=s, scoring="brier")
    assert set(by_brier.selection_table_["choice"]) == {"new 0"}


# --- nobody is served by a stale model --------------------------------------------------------------------------------


class Remembers(ClassifierMixin, BaseEstimator):
    """Knows how many rows it was fitted on, and makes its errors by chance, with a seed of its own."""

    def __init__(self, random_state=0):
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.classes_, self.n_rows_, self.n_features_in_ = np.unique(y), len(y), X.shape[1]
        self.tree_ = DecisionTreeClassifier(max_depth=3, random_state=self.random_state).fit(X, y)
        return self

    def predict(self, X):
        return self.tree_.predict(X)


@pytest.mark.parametrize("settings", [{}, {"cross_fit": None}, {"guarantee": "release"}], ids=str)
@pytest.mark.parametrize("share", [0.3, 0.0])
def test_people_on_pooled_get_the_classifier_of_all_rows(settings, share):
    X, y, s = opposite_rules(3000, share=share)
    s = np.where(np.arange(len(s)) % 3 == 0, "c", s)
    model = NoHarmSelector(DecoupledClassifier(Remembers()), random_state=0, **settings)
    model.fit(X, y, sensitive_features=s)
    assert model.pooled_estimator_.n_rows_ == len(y)
    expected = Remembers().fit(X, y).predict(X)
    on_pooled = np.isin(model.predict_group(X, sensitive_features=s), list(model.fallback_groups_))
    assert (model.predict(X, sensitive_features=s)[on_pooled] == expected[on_pooled]).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        assert (model.predict(X) == expected).all()


def test_gains_over_the_refitted_pooled_classifier_stand_in_the_table():
    X, y, s = opposite_rules(3000)
    split = NoHarmSelector(cross_fit=None, random_state=0).fit(X, y, sensitive_features=s).selection_table_
    assert (split["gain_over_refitted"] - split["gain"]).abs().max() < 0.03
    folds = NoHarmSelector(random_state=0).fit(X, y, sensitive_features=s).selection_table_
    pd.testing.assert_series_equal(folds["gain_over_refitted"], folds["gain"], check_names=False)
    X2, y2, s2 = opposite_rules(500)
    fitted = DecoupledClassifier().fit(X, y, sensitive_features=s)
    judged = NoHarmSelector(fitted, prefit=True).fit(X2, y2, sensitive_features=s2)
    assert "gain_over_refitted" not in judged.selection_table_


def test_trees_and_learned_groups_refit_their_pooled_classifier():
    X, y, s = opposite_rules(4000)
    tree = PreferenceTreeClassifier(Remembers(), random_state=0).fit(X, y, sensitive_features=s)
    assert len(tree.groups_) == 2
    assert tree.pooled_estimator_.n_rows_ == len(y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DAFHClassifier(Remembers(), n_groups=2, max_epochs=3, n_init=2, random_state=0).fit(X, y)
    assert model.pooled_estimator_.n_rows_ == len(y)


# --- all rows decide --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "cross_fitted"),
    [
        (None, True),
        (DecoupledClassifier(HistGradientBoostingClassifier(max_iter=5)), True),
        ([("pooled", LogisticRegression()), ("tree", DecisionTreeClassifier())], True),
        (PreferenceTreeClassifier(), False),
        (DAFHClassifier(n_groups=2, max_epochs=2, n_init=1), False),
    ],
)
def test_cheap_fits_are_cross_fitted(estimator, cross_fitted):
    X, y, s = opposite_rules(600)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = NoHarmSelector(estimator, random_state=0).fit(X, y, sensitive_features=s)
    n = model.preference_frame_.overall["n"]
    assert (n == len(y)) if cross_fitted else n < 0.5 * len(y)


def test_repeats_do_not_multiply_people():
    X, y, s = opposite_rules(600)
    once, thrice = (
        NoHarmSelector(n_repeats=k, random_state=0).fit(X, y, sensitive_features=s) for k in (1, 3)
    )
    assert thrice.selection_table_["n"].tolist() == once.selection_table_["n"].tolist()
    assert (thrice.selection_table_["gain"] - once.selection_table_["gain"]).abs().max() < 0.05
    equal = np.where(np.arange(600) % 2, "a", "b")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        none = NoHarmSelector(
            DecoupledClassifier(
                DecisionTreeClassifier(random_state=0), pooled_estimator=LogisticRegression()
            ),
            n_repeats=4,
            random_state=0,
        ).fit(X[:, 1:], y, sensitive_features=equal)
    assert set(none.selection_table_["choice"]) == {"pooled"}


def test_searches_over_a_selector_see_no_test_row(monkeypatch):
    X, y, s = opposite_rules(400)
    numbered = np.column_stack([X, np.arange(400)])
    seen = []

    class Watched(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            seen.append(set(X[:, -1].astype(int)))
            return super().fit(X, y, sample_weight)

    selector = NoHarmSelector(DecoupledClassifier(Watched()), cross_fit=3, random_state=0)
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(selector, {"tolerance": [0.0]}, cv=2, refit=False)
        search.fit(numbered, y, sensitive_features=s)
    whole = [rows for rows in seen if len(rows) == 200]
    assert len(whole) == 2
    assert not whole[0] & whole[1]
    assert all(rows <= whole[0] or rows <= whole[1] for rows in seen)


# --- metadata ---------------------------------------------------------------------------------------------------------


class Wants(ClassifierMixin, BaseEstimator):
    """Remembers what it was given."""

    def fit(self, X, y, sample_weight=None, sensitive_features=None):
        self.classes_ = np.unique(y)
        self.given_ = {
            name
            for name, value in {
                "sample_weight": sample_weight,
                "sensitive_features": sensitive_features,
            }.items()
            if value is not None
        }
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


def test_candidates_are_given_what_they_request():
    X, y, s = opposite_rules(300)
    weights = np.ones(300)
    with config_context(enable_metadata_routing=True):
        a = Wants().set_fit_request(sample_weight=True, sensitive_features=False)
        b = Wants().set_fit_request(sample_weight=False, sensitive_features=True)
        model = NoHarmSelector([("pooled", a), ("new", b)], cross_fit=None, random_state=0)
        model.fit(X, y, sensitive_features=s, sample_weight=weights)
        table = model.estimator_
        assert table.pooled_estimator_.given_ == {"sample_weight"}
        assert table.candidates_["new"]["a"].given_ == {"sensitive_features"}
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            NoHarmSelector([("pooled", Wants()), ("new", b)]).fit(
                X, y, sensitive_features=s, sample_weight=weights
            )
    plain = NoHarmSelector([("pooled", Wants()), ("new", Wants())], cross_fit=None, random_state=0)
    plain.fit(X, y, sensitive_features=s, sample_weight=weights)
    assert plain.estimator_.candidates_["new"]["a"].given_ == {"sample_weight", "sensitive_features"}


def test_ensembles_are_given_what_they_request():
    X, y, s = opposite_rules(300)
    with config_context(enable_metadata_routing=True):
        ensemble = DecoupledClassifier().set_fit_request(sample_weight=False)
        heavy = NoHarmSelector(ensemble, cross_fit=None, random_state=0)
        heavy.fit(X, y, sensitive_features=s, sample_weight=np.where(np.arange(300) < 150, 9.0, 1.0))
        with pytest.raises(UnsetMetadataPassedError):
            NoHarmSelector(DecoupledClassifier()).fit(X, y, sensitive_features=s, sample_weight=np.ones(300))
        default = NoHarmSelector().fit(X, y, sensitive_features=s, sample_weight=np.ones(300))
    assert default.selection_table_["n"].sum() == 300  # cross-fitted, as without routing


def test_rare_people_who_are_not_in_the_sample_are_no_proof_of_a_ranking():
    """All positives keep their places but for a little: DeLong's variance is tiny, and fifty people cannot rule out that one in fifty falls to the bottom."""
    rng = np.random.default_rng(0)
    y = np.repeat([1, 0], 50)
    old = 1 / (1 + np.exp(-(3 * y + rng.standard_normal(100))))
    answers = {"old": old, "new": np.clip(old + 0.002 * rng.standard_normal(100), 0, 1)}
    settings = {"scoring": "roc_auc", "sensitive_features": ["all"] * 100}
    strict = NoHarmSelector.from_predictions(y, answers, tolerance=0.018, **settings)
    assert strict.selection_table_["p_adjusted"].iloc[0] >= np.exp(-0.02 * 50)
    assert strict.selection_table_["choice"].tolist() == ["pooled"]
    assert NoHarmSelector.from_predictions(y, answers, tolerance=0.1, **settings).selection_table_[
        "choice"
    ].tolist() == ["new"]
