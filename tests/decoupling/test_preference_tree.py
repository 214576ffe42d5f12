import itertools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from fairlearn_fwh.base._samples import Sample
from fairlearn_fwh.datasets import default_preprocessor, fetch_arrest, fetch_violent
from fairlearn_fwh.decoupling import PreferenceTreeClassifier, _tree_pruning
from fairlearn_fwh.decoupling._tree import Node, TreeGrower
from fairlearn_fwh.decoupling._tree_pruning import TreePruner
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.metrics._core._groups import Groups, encode_groups


def people(n=3000, seed=0, rules=("sex",)):
    """People whose rule depends on some of their attributes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    attributes = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "race": rng.choice(["a", "b", "c"], n),
            "age": rng.choice([1, 2], n),
        }
    )
    sign = np.ones(n)
    if "sex" in rules:
        sign *= np.where(attributes["sex"] == "f", 1, -1)
    if "age" in rules:
        sign *= np.where((attributes["age"] == 1) | (attributes["sex"] == "m"), 1, -1)
    return X, (sign * X[:, 0] + 0.3 * rng.standard_normal(n) > 0).astype(int), attributes


def quiet_fit(model, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        return model.fit(*args, **kwargs)


# --- growing -------------------------------------------------------------------------------------------------------


def grower(X, y, attributes, **more):
    settings = {"signed": True, "min_group_size": 20, "max_depth": 3, "max_leaves": 50} | more
    sample = Sample(X, y, None)
    return TreeGrower(
        sample, encode_groups(attributes), lambda part: part.fit(LogisticRegression()), **settings
    )


@pytest.mark.parametrize("signed", [True, False])
def test_the_score_is_that_of_the_paper(signed):
    X, y, attributes = people(400)
    growing = grower(X, y, attributes[["sex"]], signed=signed)
    pooled = LogisticRegression().fit(X, y)
    root = growing.grow(pooled)
    assert [leaf.path for leaf in root.leaves()] == [((0, "f"),), ((0, "m"),)]
    expected = 0.0
    for leaf, sex in zip(root.leaves(), "fm", strict=True):
        rows = (attributes["sex"] == sex).to_numpy()
        own = (leaf.model.predict(X[rows]) != y[rows]).mean()
        for other in [pooled] + [o.model for o in root.leaves() if o is not leaf]:
            gap = (other.predict(X[rows]) != y[rows]).mean() - own
            gap = max(gap, 0) if signed else gap
            expected += 4 * np.exp(-rows.sum() * gap**2 / 2)
    assert growing._score(root, root.leaves()) == pytest.approx(expected)


def test_the_attribute_that_matters_is_split_first():
    X, y, attributes = people()
    assert grower(X, y, attributes).grow(LogisticRegression().fit(X, y)).attribute == 0


def test_splits_need_enough_people_of_two_classes():
    X, y, attributes = people(300)
    attributes["sex"] = ["f"] * 19 + ["m"] * 281
    root = grower(X, y, attributes[["sex"]]).grow(LogisticRegression().fit(X, y))
    assert not root.children
    y = np.where(attributes["sex"] == "f", 1, y)
    attributes["sex"] = ["f"] * 60 + ["m"] * 240
    y[:60] = 1
    assert not grower(X, y, attributes[["sex"]]).grow(LogisticRegression().fit(X, y)).children


def test_depth_and_leaves_are_capped():
    X, y, attributes = people(rules=("sex", "age"))
    pooled = LogisticRegression().fit(X, y)
    assert max(len(leaf.path) for leaf in grower(X, y, attributes, max_depth=1).grow(pooled).leaves()) == 1
    assert len(grower(X, y, attributes, max_leaves=4).grow(pooled).leaves()) <= 4
    assert len(grower(X, y, attributes).grow(pooled).leaves()) > 4


# --- pruning -------------------------------------------------------------------------------------------------------


class Fixed(ClassifierMixin, BaseEstimator):
    """Predicts a column of X."""

    def __init__(self, column):
        self.column = column

    def predict(self, X):
        return X[:, self.column]


def small_tree():
    """Root 0 split into 1 (cells 0, 1; split into 3 and 4) and 2 (cell 2); models predict the column of that number."""
    three, four = (
        Node(((0, "x"), (1, "x")), np.array([0]), Fixed(3)),
        Node(((0, "x"), (1, "y")), np.array([1]), Fixed(4)),
    )
    one = Node(((0, "x"),), np.array([0, 1]), Fixed(1), 1, [three, four])
    two = Node(((0, "y"),), np.array([2]), Fixed(2))
    return Node((), np.arange(3), Fixed(0), 0, [one, two])


def pruning_sample(seed, rates, n=120):
    """People in three cells about whom model m is wrong with probability rates[m]."""
    rng = np.random.default_rng(seed)
    codes = np.repeat([0, 1, 2], n // 3)
    return Sample((rng.random((n, 5)) < rates).astype(int), np.zeros(n, dtype=int), None), Groups(
        codes, [("x", "x"), ("x", "y"), ("y", "x")], ["p", "q"]
    )


def prune_by_hand(root, sample, groups, alpha):
    """The rules of growing, comparison by comparison."""
    wrong = sample.y[:, None] != sample.X
    best, best_key = None, None
    cuts = [[1, 2], [3, 4, 2]]
    own_of = {(1, 2): [1, 1, 2], (3, 4, 2): [3, 4, 2]}
    for cut in cuts:
        p_values, gains = [], []
        for cell in range(3):
            rows = groups.codes == cell
            own = own_of[tuple(cut)][cell]
            gains.append(wrong[rows, 0].mean() - wrong[rows, own].mean())
            for other in {0, *cut} - {own}:
                worse = int((wrong[rows, own] & ~wrong[rows, other]).sum())
                better = int((~wrong[rows, own] & wrong[rows, other]).sum())
                test = (
                    stats.binomtest(worse, worse + better, alternative="greater") if worse + better else None
                )
                p_values.append(1.0 if test is None else test.pvalue)
        key = (min(gains), max(gains), float(np.median(gains)))
        if min(p_values) * len(p_values) >= alpha and (best_key is None or key > best_key):
            best, best_key = cut, key
    return best


def test_pruning_follows_the_rules_comparison_by_comparison():
    outcomes = set()
    for seed, rates in itertools.product(
        range(12), [(0.4, 0.3, 0.3, 0.3, 0.3), (0.3, 0.3, 0.3, 0.2, 0.5), (0.1, 0.6, 0.1, 0.6, 0.6)]
    ):
        sample, groups = pruning_sample(seed, np.array(rates))
        root = small_tree()
        kept = TreePruner(root, sample, groups, 0.05, must_gain=False).prune()
        columns = [leaf.model.column for leaf in kept.leaves()]
        expected = prune_by_hand(root, sample, groups, 0.05) or [0]
        assert columns == expected
        outcomes.add(tuple(expected))
    assert outcomes == {(0,), (1, 2), (3, 4, 2)}


def test_subtrees_may_have_to_show_that_they_gain():
    sample, groups = pruning_sample(1, np.array([0.3] * 5))
    assert TreePruner(small_tree(), sample, groups, 0.05, must_gain=False).prune().children
    assert not TreePruner(small_tree(), sample, groups, 0.05, must_gain=True).prune().children
    better, groups = pruning_sample(1, np.array([0.6, 0.3, 0.1, 0.1, 0.1]))
    pruner = TreePruner(small_tree(), better, groups, 0.05, must_gain=True)
    assert pruner.prune().children
    right = better.X == 0
    gains = int(
        (right[:, 2] & ~right[:, 0])[groups.codes == 2].sum()
        + (right[:, 1] & ~right[:, 0])[groups.codes < 2].sum()
    )
    losses = int(
        (~right[:, 2] & right[:, 0])[groups.codes == 2].sum()
        + (~right[:, 1] & right[:, 0])[groups.codes < 2].sum()
    )
    expected = stats.binomtest(gains, gains + losses, alternative="greater").pvalue
    assert pruner.judge(pruner.root.children).p_gain == pytest.approx(expected)


def test_groups_of_few_people_are_tested_but_do_not_rank():
    sample, groups = pruning_sample(0, np.array([0.5, 0.1, 0.1, 0.1, 0.1]))
    codes = groups.codes.copy()
    codes[80:] = 1
    codes[:3] = 2  # three people who lose by every split
    sample.X[:3] = [0, 1, 1, 1, 1]
    pruner = TreePruner(
        small_tree(), sample, Groups(codes, groups.labels, groups.names), 0.05, must_gain=True
    )
    assert pruner.judge(pruner.root.children).key[0] > 0
    kept = TreePruner(
        small_tree(), sample, Groups(codes, groups.labels, groups.names), 0.05, must_gain=True
    ).prune()
    assert kept.children


def test_with_very_many_subtrees_a_nested_sequence_is_tried(monkeypatch):
    sample, groups = pruning_sample(3, np.array([0.6, 0.4, 0.1, 0.1, 0.1]))
    pruner = TreePruner(small_tree(), sample, groups, 0.05, must_gain=True)
    every = [leaf.model.column for leaf in pruner.prune().leaves()]
    monkeypatch.setattr(_tree_pruning, "MAX_SUBTREES", 1)
    assert [len(leaves) for leaves in pruner._subtrees()] == [3, 2]
    assert [leaf.model.column for leaf in pruner.prune().leaves()] == every
    assert pruner.n_judged > 2  # what was looked at on the way counts


# --- the estimator -------------------------------------------------------------------------------------------------


def test_people_are_served_by_their_leaf():
    X, y, attributes = people()
    tree = PreferenceTreeClassifier(max_depth=1, random_state=0).fit(X, y, sensitive_features=attributes)
    assert tree.groups_ == ["sex = f", "sex = m"]
    assert tree.group_sizes_ == {f"sex = {s}": int((attributes["sex"] == s).sum()) for s in "fm"}
    groups = tree.predict_group(X, sensitive_features=attributes)
    assert set(zip(groups, attributes["sex"], strict=True)) == {("sex = f", "f"), ("sex = m", "m")}
    assert tree.score(X, y, sensitive_features=attributes) > 0.9
    frame = tree.preference_frame(X, y, sensitive_features=attributes)
    assert frame.has_envy
    assert len(frame.by_group) == 12
    assert frame.violations(alpha=0.05, claims="all").empty
    restored = pickle.loads(pickle.dumps(tree))
    np.testing.assert_array_equal(
        restored.predict(X, sensitive_features=attributes), tree.predict(X, sensitive_features=attributes)
    )


def test_without_a_reason_to_split_everybody_gets_the_pooled_classifier():
    X, y, attributes = people(rules=())
    with pytest.warns(GroupFallbackWarning, match="no subtree that gains significantly"):
        tree = PreferenceTreeClassifier(random_state=0).fit(X, y, sensitive_features=attributes)
    assert tree.groups_ == ["everybody"]
    np.testing.assert_allclose(
        tree.pooled_estimator_.coef_, LogisticRegression(max_iter=2000).fit(X, y).coef_
    )
    assert tree.group_estimators_["everybody"] is tree.pooled_estimator_
    assert tree.export_text() == "everybody: pooled classifier"


@pytest.mark.long
@pytest.mark.slow
def test_the_structure_does_not_depend_on_the_seed_where_groups_differ():
    X, y, attributes = people()
    for seed in range(5):
        tree = PreferenceTreeClassifier(max_depth=1, random_state=seed).fit(
            X, y, sensitive_features=attributes
        )
        assert tree.groups_ == ["sex = f", "sex = m"]


def test_the_pruning_table_shows_power():
    X, y, attributes = people()
    tree = PreferenceTreeClassifier(random_state=0).fit(X, y, sensitive_features=attributes[["sex", "race"]])
    table = tree.pruning_table_
    assert table.index.names == ["sex", "race"]
    assert table["n"].sum() == pytest.approx(0.25 * len(y), abs=12)
    assert (table["lower_bound"] <= table["gain"]).all()
    assert (table["smallest_tolerance"] > 0).all()
    assert set(table["leaf"]) == set(tree.groups_)


def test_text_and_picture_show_sizes_and_gains():
    X, y, attributes = people()
    tree = PreferenceTreeClassifier(max_depth=1, random_state=0).fit(X, y, sensitive_features=attributes)
    first, *leaves = tree.export_text().splitlines()
    assert first == "everybody"
    size = int((attributes["sex"] == "f").sum())
    assert leaves[0].startswith(f"|   sex = f: {size:,} people, gain +")
    texts = [text.get_text() for text in tree.plot_tree().texts]
    assert "everybody" in texts
    assert any(text.startswith(f"sex = f\n{size:,} people") for text in texts)


def test_values_that_are_new_get_the_pooled_classifier():
    X, y, attributes = people()
    tree = PreferenceTreeClassifier(max_depth=1, random_state=0).fit(X, y, sensitive_features=attributes)
    new = attributes.copy()
    new.loc[:4, "sex"] = "x"
    new.loc[5:9, "race"] = "z"  # the tree does not ask for it
    with pytest.warns(GroupFallbackWarning, match=r"did not occur in fit: .* \(5 people\)"):
        predicted = tree.predict(X, sensitive_features=new)
    np.testing.assert_array_equal(predicted[:5], tree.pooled_estimator_.predict(X[:5]))
    np.testing.assert_array_equal(predicted[5:], tree.predict(X, sensitive_features=attributes)[5:])
    tree.set_params(handle_unknown="error")
    with pytest.raises(ValueError, match="did not occur in fit"):
        tree.predict(X, sensitive_features=new)
    with pytest.warns(GroupFallbackWarning, match="got none now"):
        tree.predict(X)


def test_a_group_without_weight_does_not_stop_the_fit():
    X, y, attributes = people()
    weights = (attributes["race"] != "c").astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = PreferenceTreeClassifier(random_state=0).fit(
            X, y, sensitive_features=attributes[["race"]], sample_weight=weights
        )
    assert "c" not in tree.pruning_table_.index


def test_weights_of_zero_are_as_absent():
    X, y, attributes = people(2000)
    weights = np.ones(len(y))
    weights[:500] = 0
    tree = PreferenceTreeClassifier(max_depth=1, random_state=0)
    tree.fit(X, y, sensitive_features=attributes, sample_weight=weights)
    assert sum(tree.group_sizes_.values()) == 1500


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 0}, "'alpha' parameter"),
        ({"fallback": "empirical"}, "'fallback' parameter"),
        ({"max_leaves": 1}, "'max_leaves' parameter"),
        ({"pruning_fraction": 1.0}, "'pruning_fraction' parameter"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    X, y, attributes = people(100)
    with pytest.raises(ValueError, match=message):
        PreferenceTreeClassifier(**parameters).fit(X, y, sensitive_features=attributes)


def test_many_small_groups_and_tiny_data():
    X, y, _ = people(600)
    tree = quiet_fit(PreferenceTreeClassifier(random_state=0), X, y, sensitive_features=np.arange(600) % 100)
    assert tree.pruning_table_["n"].sum() == pytest.approx(150, abs=1)
    with pytest.raises(ValueError, match="pruning_fraction=0.25 of 2 rows leaves none to prune on"):
        PreferenceTreeClassifier(random_state=0).fit(X[:2], [0, 1], sensitive_features=[0, 0])


# --- real data -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fetch", [fetch_arrest, fetch_violent])
@pytest.mark.parametrize("fallback", ["certified", None])
def test_no_significant_violation_on_untouched_data(real_data, fetch, fallback):
    bunch = fetch(data_home=real_data)
    rows, test = train_test_split(np.arange(len(bunch.target)), test_size=0.25, random_state=0)
    preprocessor = default_preprocessor(bunch.data).fit(bunch.data.iloc[rows])
    X, X_test = (preprocessor.transform(bunch.data.iloc[part]) for part in (rows, test))
    tree = quiet_fit(
        PreferenceTreeClassifier(fallback=fallback, random_state=0),
        X,
        bunch.target.iloc[rows],
        sensitive_features=bunch.sensitive_features.iloc[rows],
    )
    frame = tree.preference_frame(
        X_test, bunch.target.iloc[test], sensitive_features=bunch.sensitive_features.iloc[test]
    )
    assert frame.violations(alpha=0.05).empty
    assert fallback == "certified" or len(tree.groups_) > 1
