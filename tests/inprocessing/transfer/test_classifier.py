"""Fairness that is carried over from a task whose groups are known."""

import contextlib
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from torch import nn

from fairlearn_fwh.datasets import default_preprocessor, fetch_arrest, fetch_violent
from fairlearn_fwh.inprocessing import (
    DifferentialEqualizedOddsLoss,
    MultiTaskTransferClassifier,
    TransferReport,
)
from fairlearn_fwh.inprocessing.transfer._learner import TransferLearner
from fairlearn_fwh.inprocessing.transfer._tasks import StackedColumn, TaskSampler
from fairlearn_fwh.metrics import PreferenceFrame, differential_equalized_odds
from fairlearn_fwh.postprocessing import NoHarmSelector

QUICK = {
    "hidden_layer_sizes": (16, 8), "max_epochs": 5, "batch_size": 64, "learning_rate": 0.01, "random_state": 0,
}  # fmt: skip

BLIND = "ignore:The epoch is chosen without groups of the target"

pytestmark = [
    pytest.mark.filterwarnings(BLIND),
    pytest.mark.filterwarnings("ignore:The target has become worse"),
]


def people(n, seed, shift=0.0):
    """Groups differ in how often the label is 1, and a feature tells of them."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 2, n)
    y = (rng.random(n) < 0.25 + 0.5 * z).astype(int)
    X = rng.standard_normal((n, 5))
    X[:, 0] += 1.2 * y
    X[:, 1] += 2 * z + shift
    return X, y, np.where(z == 1, "b", "a")


@pytest.fixture(scope="module")
def target():
    return people(800, 0)


@pytest.fixture(scope="module")
def auxiliary():
    return people(700, 1, shift=0.2)


@pytest.mark.long
@pytest.mark.simulation
@pytest.mark.slow
def test_fairness_is_carried_over():
    """By the default path, and by the one that is aimed at the target; the published one makes the auxiliary fair."""
    (X, y, z), auxiliary = people(2500, 0), people(2500, 1, shift=0.2)
    X_test, y_test, z_test = people(10_000, 2)

    def epsilon(**changes):
        model = MultiTaskTransferClassifier(random_state=0, **changes)
        model.fit(X, y, auxiliary=auxiliary, validation_sensitive_features=z)
        return differential_equalized_odds(y_test, model.predict(X_test), sensitive_features=z_test)

    base = epsilon(fairness_weight=0.0)
    assert epsilon(fairness_path="encoder") < 0.8 * base
    assert epsilon(fairness_path="target_head") < 0.6 * base
    X_aux, y_aux, z_aux = people(10_000, 3, shift=0.2)
    published = MultiTaskTransferClassifier(random_state=0, fairness_path="auxiliary_head")
    published.fit(X, y, auxiliary=auxiliary)
    own, of_target = (
        differential_equalized_odds(labels, published.predict(features, task), sensitive_features=groups)
        for features, labels, groups, task in (
            (X_aux, y_aux, z_aux, "auxiliary"),
            (X_test, y_test, z_test, None),
        )
    )
    assert own < 0.3
    assert of_target > 0.8 * base


def test_fits_are_repeatable_and_come_back(target, auxiliary):
    X, y, z = target
    state = torch.random.get_rng_state()
    model = MultiTaskTransferClassifier(**QUICK).fit(X, y, auxiliary=auxiliary)
    assert torch.equal(torch.random.get_rng_state(), state)
    expected = model.predict_proba(X)
    again = clone(model).fit(X, y, auxiliary=auxiliary)
    assert (again.predict_proba(X) == expected).all()
    assert (pickle.loads(pickle.dumps(model)).predict_proba(X) == expected).all()
    content = skops.io.dumps(model)
    loaded = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
    assert (loaded.predict_proba(X, "auxiliary") == model.predict_proba(X, "auxiliary")).all()


def test_without_auxiliary_and_groups_it_is_the_single_task(target):
    X, y, z = target
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = MultiTaskTransferClassifier(**QUICK).fit(X, y)
    assert not hasattr(alone, "single_task_estimator_")
    assert list(alone.classes_by_task_) == ["target"]
    with pytest.raises(ValueError, match="this is the single task"):
        alone.compare_with_single_task(X, y, sensitive_features=z)


@pytest.mark.long
def test_the_single_task_is_the_same_network_learned_alone(target, auxiliary):
    X, y, _ = target
    base = MultiTaskTransferClassifier(**QUICK, fairness_weight=0.0).fit(X, y, auxiliary=auxiliary)
    alone = base.single_task_estimator_
    assert alone.fairness_weight == 0
    assert len(alone.validation_history_) <= 5
    fair = MultiTaskTransferClassifier(**QUICK).fit(X, y, auxiliary=auxiliary)
    assert (fair.single_task_estimator_.predict_proba(X) == alone.predict_proba(X)).all()


@pytest.mark.long
def test_objectives_of_the_paper_are_settings(target, auxiliary):
    X, y, z = target
    stl_fair = MultiTaskTransferClassifier(**QUICK).fit(X, y, sensitive_features=z)
    assert list(stl_fair.classes_by_task_) == ["target"]
    inter = MultiTaskTransferClassifier(**QUICK).fit(X, y, sensitive_features=z, auxiliary=auxiliary)
    only = MultiTaskTransferClassifier(**QUICK, fairness_tasks=["auxiliary"]).fit(
        X, y, sensitive_features=z, auxiliary=auxiliary
    )
    assert (inter.predict_proba(X) != only.predict_proba(X)).any()


@pytest.mark.long
def test_without_groups_the_last_epoch_is_kept_with_them_the_fairest(target, auxiliary):
    X, y, z = target
    with pytest.warns(UserWarning, match="The epoch is chosen without groups of the target"):
        blind = MultiTaskTransferClassifier(**QUICK | {"max_epochs": 12}).fit(X, y, auxiliary=auxiliary)
    good = [
        epoch["macro_f1"] >= 0.95 * blind.single_task_estimator_._kept()["macro_f1"]
        for epoch in blind.validation_history_
    ]
    assert blind.best_epoch_ == 1 + max(i for i, enough in enumerate(good) if enough and i >= 1)
    assert "epsilon" not in blind.validation_history_[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = MultiTaskTransferClassifier(**QUICK | {"max_epochs": 12}).fit(
            X, y, auxiliary=auxiliary, validation_sensitive_features=z
        )
    least = 0.95 * seen.single_task_estimator_._kept()["macro_f1"]
    allowed = [e["epsilon"] for e in seen.validation_history_[1:] if e["macro_f1"] >= least]
    assert seen._kept()["epsilon"] == min(allowed)


def test_groups_of_rows_to_learn_from_are_not_looked_at(target, auxiliary):
    X, y, z = target
    model = MultiTaskTransferClassifier(**QUICK)
    known = model.fit(X, y, auxiliary=auxiliary, validation_sensitive_features=z)
    history = known.validation_history_
    some = np.where(np.random.default_rng(0).random(800) < 0.8, z, None)
    partly = clone(model).fit(X, y, auxiliary=auxiliary, validation_sensitive_features=some)
    assert [e["loss"] for e in partly.validation_history_] == [e["loss"] for e in history]
    assert [e["epsilon"] for e in partly.validation_history_] != [e["epsilon"] for e in history]


def test_groups_that_the_target_is_fair_by_choose_the_epoch(target):
    X, y, z = target
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told, twice = (
            MultiTaskTransferClassifier(**QUICK).fit(X, y, sensitive_features=z, **more)
            for more in ({}, {"validation_sensitive_features": z})
        )
    assert told.validation_history_ == twice.validation_history_
    assert told.best_epoch_ == twice.best_epoch_


def test_a_group_may_be_called_missing(target, auxiliary):
    X, y, z = target
    model = MultiTaskTransferClassifier(**QUICK)
    names = np.where(z == "a", "missing", "b")
    histories = [
        model.fit(X, y, auxiliary=auxiliary, validation_sensitive_features=groups).validation_history_
        for groups in (z, names)
    ]
    assert histories[0] == histories[1]


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize("changes", [{}, {"fairness_weight": 1e4}, {"fairness_weight": 1e4, "burn_in": 11}])
def test_the_epoch_is_good_enough_then_after_burn_in_then_fair(target, auxiliary, changes):
    X, y, z = target
    settings = QUICK | {"max_epochs": 12, "fairness_path": "target_head"} | changes
    model = MultiTaskTransferClassifier(**settings).fit(
        X, y, auxiliary=auxiliary, validation_sensitive_features=z
    )
    history, least = model.validation_history_, 0.95 * model.single_task_estimator_._kept()["macro_f1"]
    good = [i for i, epoch in enumerate(history) if epoch["macro_f1"] >= least]
    fair = [i for i in good if i >= model.burn_in]
    if good:
        expected = min(fair or good, key=lambda i: history[i]["epsilon"])
    else:
        expected = max(range(12), key=lambda i: history[i]["macro_f1"])
    assert model.best_epoch_ == expected + 1


def test_an_interruption_before_the_target_has_begun_changes_nothing(target, auxiliary):
    X, y, _ = target

    class Interrupting(nn.Linear):
        """Interrupts the ninth batch of training that it sees."""

        calls = 0

        def forward(self, X):
            Interrupting.calls += self.training
            if Interrupting.calls == 30:
                raise KeyboardInterrupt
            return super().forward(X)

    model = MultiTaskTransferClassifier(Interrupting(5, 4), **QUICK)
    with (
        pytest.warns(UserWarning, match="Training was interrupted"),
        pytest.raises(KeyboardInterrupt),
    ):
        model.fit(X, y, auxiliary=auxiliary)
    assert not hasattr(model, "classes_")


def test_several_tasks_of_several_classes(target, auxiliary):
    X, y, _ = target
    X_aux, _, z = auxiliary
    level = np.array(["low", "middle", "high"])[np.digitize(X_aux[:, 0], [0, 1])]
    tasks = {"level": (X_aux, level, z), "plain": (X, (X[:, 2] > 0).astype(int), None)}
    model = MultiTaskTransferClassifier(**QUICK).fit(X, y, auxiliary=tasks)
    assert list(model.classes_by_task_) == ["target", "level", "plain"]
    assert model.predict_proba(X, "level").shape == (800, 3)
    assert set(model.predict(X, "level")) <= {"low", "middle", "high"}
    with pytest.raises(ValueError, match=r"task must be one of \['target', 'level', 'plain'\]; got 'other'"):
        model.predict(X, "other")


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize(
    "changes",
    [
        {"constraint": "demographic_parity"},
        {"constraint": "equal_opportunity"},
        {"fairness_path": "target_head"},
        {"fairness_path": "auxiliary_head"},
        {"task_sampling": "uniform"},
        {"task_sampling": "dynamic"},
        {"fairness_weight": 0.0, "max_epochs": 1},
        {"epsilon_target": 0.5, "decay": 1.0, "burn_in": 0},
    ],
)
def test_every_setting_trains(target, auxiliary, changes):
    X, y, _ = target
    model = MultiTaskTransferClassifier(**QUICK | changes).fit(X, y, auxiliary=auxiliary)
    assert model.score(X, y) > 0.55


def test_heads_and_encoder_learn_what_the_path_says(target, auxiliary):
    """By the encoder alone the penalty gives heads no gradient, whatever its weight."""
    from fairlearn_fwh.inprocessing.transfer._equalized_odds_loss import DifferentialEqualizedOddsLoss
    from fairlearn_fwh.inprocessing.transfer._network import FairnessTerm, TransferNetwork

    X, y, z = (torch.as_tensor(values) for values in (auxiliary[0], auxiliary[1], auxiliary[2] == "b"))
    batch = {
        "X": X.float(), "y": y, "group": z.long(), "weight": torch.zeros(len(y)), "task": torch.ones(len(y), dtype=torch.long),
    }  # fmt: skip

    def gradients(path):
        torch.manual_seed(0)
        loss = DifferentialEqualizedOddsLoss(2, 2)
        network = TransferNetwork(
            [nn.Identity()] * 2, nn.Linear(5, 3), [nn.Linear(3, 1), nn.Linear(3, 1)], {1: loss}, FairnessTerm(1.0, 0.0, path, 0)
        )  # fmt: skip
        network.epoch = 1
        network(**batch).sum().backward()  # weights are 0: of the penalty alone
        of = [network.encoder.weight, network.heads[0].weight, network.heads[1].weight]
        return [p.grad is not None and bool((p.grad != 0).any()) for p in of]

    assert gradients("auxiliary_head") == [True, False, True]
    assert gradients("encoder") == [True, False, False]
    assert gradients("target_head") == [True, False, False]


def test_columns_are_matched_by_name(target, auxiliary):
    X, y, _ = target
    frame = pd.DataFrame(X, columns=list("abcde"))
    X_aux, y_aux, z = auxiliary
    other = pd.DataFrame(X_aux, columns=list("abcde"))
    models = [
        MultiTaskTransferClassifier(**QUICK | {"max_epochs": 2}).fit(frame, y, auxiliary=(given, y_aux, z))
        for given in (other, other[list("edcba")], pl.from_pandas(other))
    ]
    for model in models[1:]:
        assert (model.predict_proba(frame) == models[0].predict_proba(frame)).all()
    with pytest.raises(ValueError, match=r"missing \['e'\], unknown \['f'\]"):
        MultiTaskTransferClassifier(**QUICK).fit(
            frame, y, auxiliary=(other.rename(columns={"e": "f"}), y_aux, z)
        )


@pytest.mark.long
def test_sparse_features_and_encoders_of_the_user(target, auxiliary):
    X, y, _ = target
    X_aux, y_aux, z = auxiliary
    words = [sparse.csr_matrix(np.maximum(values, 0)) for values in (X, X_aux)]
    model = MultiTaskTransferClassifier(**QUICK).fit(words[0], y, auxiliary=(words[1], y_aux, z))
    dense = model.predict_proba(words[0].toarray())
    assert model.predict_proba(words[0]) == pytest.approx(dense)
    own = MultiTaskTransferClassifier(lambda shape: nn.Sequential(nn.Linear(shape[0], 4), nn.Tanh()), **QUICK)
    assert own.fit(X, y, auxiliary=auxiliary).score(X, y) > 0.5


def test_tasks_of_other_features_bring_their_own_modules(target, auxiliary):
    X, y, _ = target
    X_aux, y_aux, z = auxiliary
    modules = {"target": nn.Linear(5, 4), "auxiliary": nn.Linear(3, 4)}
    model = MultiTaskTransferClassifier(**QUICK, input_modules=modules)
    model.fit(X, y, auxiliary=(X_aux[:, :3], y_aux, z))
    assert model.predict_proba(X_aux[:, :3], "auxiliary").shape == (700, 2)
    with pytest.raises(ValueError, match="X has 5 features, but TaskFeatures is expecting 3"):
        model.predict(X, "auxiliary")
    listed = model.predict_proba(X_aux[:, :3].tolist(), "auxiliary")
    assert (listed == model.predict_proba(X_aux[:, :3], "auxiliary")).all()
    named = pd.DataFrame(X_aux[:, :3], columns=list("abc"))
    model.fit(X, y, auxiliary=(named, y_aux, z))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict_proba(named[["c", "b", "a"]], "auxiliary")
    for bad, message in (
        (
            {"other": nn.Linear(3, 4)},
            r"input_modules names \['other'\], but the tasks are \['target', 'auxiliary'\]",
        ),
        ({"auxiliary": 3}, r"input_modules\['auxiliary'\] must be a torch module; got int"),
        ({"auxiliary": nn.Linear(7, 5)}, r"input_modules\['auxiliary'\]: cannot take float32 inputs"),
    ):
        with pytest.raises(ValueError, match=message):
            MultiTaskTransferClassifier(**QUICK, input_modules=bad).fit(
                X, y, auxiliary=(X_aux[:, :3], y_aux, z)
            )
    uneven = {"target": nn.Linear(5, 4), "auxiliary": nn.Linear(3, 2)}
    with pytest.raises(
        ValueError, match="as many features for every task; they give {'target': 4, 'auxiliary': 2}"
    ):
        MultiTaskTransferClassifier(**QUICK, input_modules=uneven).fit(
            X, y, auxiliary=(X_aux[:, :3], y_aux, z)
        )


def test_harm_is_told_in_words(target, auxiliary):
    X, y, z = target
    model = MultiTaskTransferClassifier(
        **QUICK | {"fairness_weight": 3.0, "max_epochs": 15, "fairness_path": "target_head"}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y, auxiliary=auxiliary)
    X_test, y_test, z_test = people(4000, 5)
    report = model.compare_with_single_task(X_test, y_test, sensitive_features=z_test)
    assert report.epsilon < report.single_task_epsilon
    assert report.frame.by_group["rationality_gain"].loc["b"] == pytest.approx(
        (model.predict(X_test) == y_test)[z_test == "b"].mean()
        - (model.single_task_estimator_.predict(X_test) == y_test)[z_test == "b"].mean()
    )
    assert "Significantly worse off: " in str(report)
    same = type(report).of(report.frame, y_test, y_test, y_test, sensitive_features=z_test)
    assert same.verdict.startswith("Not fairer than the single task.")
    with pytest.raises(ValueError, match="sensitive_features is None"):
        model.compare_with_single_task(X_test, y_test, sensitive_features=None)


def test_equal_mediocrity_is_said_where_everybody_has_lost():
    y = np.tile([1, 1, 1, 1, 0, 0, 0, 0], 50)
    sex = np.repeat(["f", "m"], 200)
    rng = np.random.default_rng(0)
    wrong = rng.random(400) < np.where(sex == "f", 0.3, 0.05)
    alone, mediocre = np.where(wrong, 1 - y, y), np.where(rng.random(400) < 0.4, 1 - y, y)
    frame = PreferenceFrame(y_true=y, y_pred=mediocre, y_pred_pooled=alone, sensitive_features=sex)
    report = TransferReport.of(frame, y, mediocre, alone, sensitive_features=sex)
    assert report.verdict.startswith(
        "Fairer, but every group has lost accuracy (equal mediocrity). Significantly worse off: "
    )


def test_a_target_that_has_become_worse_is_told(target, auxiliary):
    X, y, z = target
    with pytest.warns(UserWarning, match="The target has become worse: macro F1 .* Lower fairness_weight"):
        MultiTaskTransferClassifier(**QUICK | {"fairness_weight": 1e4, "burn_in": 0}).fit(
            X, y, sensitive_features=z
        )


def test_selection_without_harm_takes_it(target, auxiliary):
    X, y, z = target
    model = MultiTaskTransferClassifier(**QUICK).fit(X, y, auxiliary=auxiliary)
    X_new, y_new, z_new = people(2000, 7)
    selector = NoHarmSelector((model.single_task_estimator_, model), prefit=True)
    selector.fit(X_new, y_new, sensitive_features=z_new)
    assert selector.predict(X_new, sensitive_features=z_new).shape == (2000,)


@pytest.mark.parametrize(
    ("auxiliary_of", "message"),
    [
        (lambda X, y, z: (X[:, :4], y, z), "The auxiliary task 'auxiliary' has 4 features, but the target has 5"),
        (lambda X, y, z: (X[:0], y[:0], z[:0]), "The auxiliary task 'auxiliary': Found array with 0 sample"),
        (lambda X, y, z: (X, y), r"'auxiliary' is a tuple of 2"),
        (lambda X, y, z: (X[:, 0], y, z), "The auxiliary task 'auxiliary': Expected 2D array"),
        (lambda X, y, z: (np.full_like(X, np.nan), y, z), "The auxiliary task 'auxiliary': Input X contains NaN"),
        (lambda X, y, z: (X, y, np.where(y == 1, z, None)), "sensitive_features of the task 'auxiliary' have missing values"),
        (lambda X, y, z: {"target": (X, y, z)}, "An auxiliary task is named 'target'"),
        (lambda X, y, z: (X, y, np.zeros(len(y))), "The task 'auxiliary' has one group, 0.0"),
        (lambda X, y, z: (X, np.zeros(len(y)), z), r"2 classes in y of the task 'auxiliary'.* got one class: \[0.0\]"),
        (lambda X, y, z: (X, y[:3], z), "X has 700 rows, but y has 3"),
        (lambda X, y, z: (X, y, z[:3]), "sensitive_features of the task 'auxiliary' has 3 rows"),
        (lambda X, y, z: (pd.DataFrame(X).assign(job="a"), y, z), "The auxiliary task 'auxiliary': MultiTaskTransferClassifier takes numbers"),
    ],
)  # fmt: skip
def test_auxiliaries_that_cannot_be_used(target, auxiliary, auxiliary_of, message):
    X, y, _ = target
    model = MultiTaskTransferClassifier(**QUICK)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, auxiliary=auxiliary_of(*auxiliary))
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.long
def test_fairness_that_nobody_can_learn_is_told(target, auxiliary):
    X, y, z = target
    X_aux, y_aux, z_aux = auxiliary
    with pytest.raises(ValueError, match="fairness_tasks names 'auxiliary', which has no sensitive_features"):
        MultiTaskTransferClassifier(**QUICK, fairness_tasks=["auxiliary"]).fit(
            X, y, auxiliary=(X_aux, y_aux, None)
        )
    with pytest.raises(
        ValueError, match=r"fairness_tasks must be among \['target', 'auxiliary'\]; got \['other'\]"
    ):
        MultiTaskTransferClassifier(**QUICK, fairness_tasks=["other"]).fit(X, y, auxiliary=auxiliary)
    with pytest.warns(UserWarning, match="no task has sensitive_features: nothing is made fair"):
        MultiTaskTransferClassifier(**QUICK).fit(X, y, auxiliary=(X_aux, y_aux, None))
    few = np.where(np.arange(700) < 12, "few", z_aux)
    with pytest.warns(
        UserWarning, match="fewer than 30 people to learn from and no say in its fairness: few with label 0"
    ):
        MultiTaskTransferClassifier(**QUICK).fit(X, y, auxiliary=(X_aux, y_aux, few))
    two = np.where(np.arange(700) < 12, "few", "many")
    with pytest.warns(UserWarning, match="Nothing is left to compare: it is not made fair"):
        idle = MultiTaskTransferClassifier(**QUICK).fit(X, y, auxiliary=(X_aux, y_aux, two))
    base = MultiTaskTransferClassifier(**QUICK, fairness_weight=0.0).fit(X, y, auxiliary=(X_aux, y_aux, two))
    assert (idle.predict_proba(X) == base.predict_proba(X)).all()
    with pytest.raises(ValueError, match="validation_sensitive_features has fewer than 2 groups"):
        MultiTaskTransferClassifier(**QUICK).fit(
            X, y, auxiliary=auxiliary, validation_sensitive_features=np.full(800, "a")
        )
    with pytest.raises(ValueError, match="needs validation rows.* validation_fraction is 0.0"):
        MultiTaskTransferClassifier(**QUICK, validation_fraction=0.0).fit(
            X, y, auxiliary=auxiliary, validation_sensitive_features=z
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"burn_in": 5}, "burn_in must be less than max_epochs=5"),
        ({"decay": 0.0}, "'decay' parameter of MultiTaskTransferClassifier"),
        ({"fairness_path": "head"}, "'fairness_path' parameter"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be positive"),
        ({"encoder": lambda shape: nn.Linear(3, 2)}, "encoder cannot take float32 inputs"),
    ],
)
def test_parameters_are_checked(target, changes, message):
    X, y, _ = target
    with pytest.raises(ValueError, match=message):
        MultiTaskTransferClassifier(**QUICK | changes).fit(X, y)


def test_an_epoch_draws_batches_of_single_tasks():
    sizes, generator = [100, 40, 7], torch.Generator().manual_seed(0)
    batches = TaskSampler(sizes, "proportional")(147, 16, generator)
    assert sorted(int(row) for batch in batches for row in batch) == list(range(147))  # everybody once
    bounds = [0, 100, 140, 147]
    task = [int(np.searchsorted(bounds, int(batch[0]), side="right")) for batch in batches]
    for batch, number in zip(batches, task, strict=True):
        assert all(bounds[number - 1] <= int(row) < bounds[number] for row in batch)
    alike = TaskSampler(sizes, "uniform")(147, 16, generator)
    counts = np.bincount([int(np.searchsorted(bounds, int(b[0]), side="right")) for b in alike])[1:]
    assert np.ptp(counts) <= 1
    behind = TaskSampler(sizes, "dynamic")
    behind.look(np.array([1.0, 2.0, 1.0]), np.ones(3))
    assert behind.shares == pytest.approx(np.array([0.1, 1.1, 0.1]) / 1.3)
    behind.look(np.array([np.nan, 2.0, 1.0]), np.ones(3))
    behind.look(np.zeros(3), np.zeros(3))
    assert behind.shares == pytest.approx(np.full(3, 1 / 3))


def test_features_of_several_widths_share_a_table():
    column = StackedColumn([np.arange(6).reshape(3, 2), sparse.csr_matrix(np.eye(4))])
    assert column.shape == (7,)
    assert column.batch(torch.tensor([2, 0])).tolist() == [[4, 5], [0, 1]]
    assert column.batch(torch.tensor([3, 6])).tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


@pytest.mark.long
def test_searches_pass_everything_on(target, auxiliary):
    X, y, z = target
    search = GridSearchCV(MultiTaskTransferClassifier(**QUICK), {"fairness_weight": [0.0, 0.3]}, cv=2)
    search.fit(X, y, auxiliary={"other": auxiliary}, validation_sensitive_features=z)
    assert list(search.best_estimator_.classes_by_task_) == ["target", "other"]


@pytest.mark.filterwarnings("ignore:In the task 'auxiliary' .* have fewer than 30 people")
def test_arrest_with_violent_as_auxiliary(real_data):
    arrest, violent = (fetch(data_home=real_data) for fetch in (fetch_arrest, fetch_violent))
    both = pd.concat([arrest.data, violent.data], keys=["target", "auxiliary"])
    X = np.asarray(default_preprocessor(both).fit_transform(both))
    n = len(arrest.data)
    race = violent.sensitive_features["race"]
    train = np.arange(n) % 4 > 0
    model = MultiTaskTransferClassifier(max_epochs=12, random_state=0)
    model.fit(
        X[:n][train],
        arrest.target[train],
        auxiliary=(X[n:], violent.target, race),
        validation_sensitive_features=arrest.sensitive_features["race"][train],
    )
    report = model.compare_with_single_task(
        X[:n][~train], arrest.target[~train], sensitive_features=arrest.sensitive_features["race"][~train]
    )
    assert report.macro_f1 > 0.95 * report.single_task_macro_f1
    assert "epsilon" in str(report)


# --- checkpoints -----------------------------------------------------------------------------------------------------


def stop_after(monkeypatch, n_validations):
    """Interrupt training from the keyboard after some validations."""
    original, calls = TransferLearner._validate, []

    def validate(self, network):
        calls.append(None)
        if len(calls) == n_validations + 1:
            raise KeyboardInterrupt
        return original(self, network)

    monkeypatch.setattr(TransferLearner, "_validate", validate)


@pytest.mark.long
@pytest.mark.parametrize("n_validations", [2, 8, 13])  # in the target alone, in the auxiliary alone, in both
def test_a_stopped_fit_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch, target, n_validations):
    X, y, _ = target
    auxiliary = people(600, 1)
    settings = QUICK | {"task_sampling": "dynamic", "gradient_accumulation_steps": 2, "burn_in": 1}
    expected = MultiTaskTransferClassifier(**settings).fit(X, y, auxiliary=auxiliary)
    model = MultiTaskTransferClassifier(**settings, checkpoint_dir=tmp_path / "run")
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stop_after(patch, n_validations)
        with contextlib.suppress(KeyboardInterrupt):  # nothing is fitted where a task alone was interrupted
            model.fit(X, y, auxiliary=auxiliary)
    model.fit(X, y, auxiliary=auxiliary)
    assert (model.predict_proba(X) == expected.predict_proba(X)).all()
    assert model.validation_history_ == expected.validation_history_
    files = {str(path.relative_to(tmp_path / "run")) for path in (tmp_path / "run").rglob("*.*")}
    assert files == {"network.pt", "task_0_alone/network.pt", "task_1_alone/network.pt"}
    with monkeypatch.context() as patch:
        stop_after(patch, 0)  # nothing is left to train
        again = MultiTaskTransferClassifier(**settings, checkpoint_dir=tmp_path / "run")
        again.fit(X, y, auxiliary=auxiliary)
    assert (again.predict_proba(X) == expected.predict_proba(X)).all()


@pytest.mark.parametrize(
    "change",
    [
        {"fairness_weight": 0.5},
        {"fairness_path": "auxiliary_head"},
        {"max_epochs": 4},
        {"encoder": nn.Linear(5, 8)},
        {"random_state": 1},
    ],
)
def test_checkpoints_of_other_settings_are_refused_before_training(tmp_path, monkeypatch, target, change):
    X, y, _ = target
    auxiliary = people(600, 1)
    settings = QUICK | {"max_epochs": 2, "checkpoint_dir": tmp_path}
    MultiTaskTransferClassifier(**settings).fit(X, y, auxiliary=auxiliary)
    kept = (tmp_path / "network.pt").read_bytes()
    stop_after(monkeypatch, 0)
    with pytest.raises(ValueError, match=r"\(network.pt\) holds the training of other data or settings"):
        MultiTaskTransferClassifier(**settings | change).fit(X, y, auxiliary=auxiliary)
    for others in ((X + 1, y, auxiliary), (X, 1 - y, auxiliary), (X, y, people(600, 2))):
        with pytest.raises(ValueError, match="holds the training of other data or settings"):
            MultiTaskTransferClassifier(**settings).fit(others[0], others[1], auxiliary=others[2])
    assert (tmp_path / "network.pt").read_bytes() == kept


def test_checkpoints_need_a_seed_and_hold_no_rows(tmp_path, target):
    X, y, _ = target
    with pytest.raises(ValueError, match="checkpoint_dir needs an integer random_state"):
        MultiTaskTransferClassifier(checkpoint_dir=tmp_path).fit(X, y)
    many = people(20_000, 3)
    settings = QUICK | {"max_epochs": 2, "batch_size": 4096, "checkpoint_dir": tmp_path}
    MultiTaskTransferClassifier(**settings).fit(many[0], many[1], auxiliary=many)
    assert all(path.stat().st_size < 30_000 for path in tmp_path.rglob("*.pt"))


def test_a_loss_remembers_its_counts_in_its_state():
    loss, again = (DifferentialEqualizedOddsLoss(2, 2) for _ in range(2))
    y, groups = torch.tensor([0, 1] * 50), torch.tensor([0, 0, 1, 1] * 25)
    probabilities = torch.rand(100, 2).softmax(dim=1)
    loss.start(probabilities, y, groups)
    again.load_state_dict(loss.state_dict())
    assert again(probabilities[:8], y[:8], groups[:8]) == loss(probabilities[:8], y[:8], groups[:8])
