"""Images: Datasets that are read when needed, augmentation, workers, precision, checkpoints, and what belongs together."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from torch.utils.data import Dataset, IterableDataset

from fairlearn_fwh.base._splits import hold_out
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.inprocessing import SelectiveExpertsClassifier, make_convolutional_encoder
from fairlearn_fwh.inprocessing._training._images import open_dataset, read_labels
from fairlearn_fwh.inprocessing.experts import _learner as _expert_learner

from .test_classifier import hidden_groups, images

#: What a few epochs learn need not be chosen.
pytestmark = pytest.mark.filterwarnings("ignore:.*groups have no classifier of their own")

QUICK = {"max_epochs": 3, "learning_rate": 0.01, "random_state": 0}


class Images(Dataset):
    """A Dataset of (image, label, group), or of less."""

    def __init__(self, X, y, group, n_parts=3):
        self.parts = (X, y, group)[:n_parts]
        self.n_read = 0

    def __len__(self):
        return len(self.parts[0])

    def __getitem__(self, i):
        self.n_read += 1
        item = tuple(part[i] for part in self.parts)
        return item if len(item) > 1 else item[0]


@pytest.fixture(scope="module")
def data():
    return images(600)


@pytest.fixture(scope="module")
def of_array(data):
    X, y, group = data
    return SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=group)


@pytest.mark.long
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_dataset_gives_the_same_model_as_an_array(data, of_array, num_workers):
    X, _, group = data
    model = SelectiveExpertsClassifier(**QUICK, num_workers=num_workers).fit(Images(*data))
    expected = of_array.predict_proba(X, sensitive_features=group)
    assert (model.predict_proba(X, sensitive_features=group) == expected).all()
    assert (model.predict_proba(Images(*data)) == expected).all()  # its groups route
    assert (model.selection_table_["gain"] == of_array.selection_table_["gain"]).all()
    assert model.separability_ == of_array.separability_
    assert model.group_sizes_ == of_array.group_sizes_


def test_a_dataset_is_asked_like_an_array(data, of_array):
    X, y, group = data
    triples, alone = Images(*data), Images(*data, n_parts=1)
    assert (of_array.predict_group(triples) == group).all()
    assert of_array.score(triples, y) == of_array.score(X, y, sensitive_features=group)
    assert (of_array.represent(alone) == of_array.represent(X)).all()
    assert (of_array.predict(alone, sensitive_features=group) == of_array.predict(triples)).all()
    with pytest.warns(GroupFallbackWarning, match="got none now"):
        of_array.predict(alone)
    state = torch.random.get_rng_state()
    frame = of_array.preference_frame(triples, y)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (
        frame.by_group["n"].tolist()
        == of_array.preference_frame(X, y, sensitive_features=group).by_group["n"].tolist()
    )


def test_pictures_are_read_when_they_are_needed(data):
    dataset = Images(*data)
    opened = open_dataset(dataset, 0)
    some = opened.take_rows(np.arange(600) % 3 == 0).take_rows(np.array([1, 5]))
    assert dataset.n_read == 1
    assert some.shape == (2, 16, 16, 3)
    assert (some.read() == data[0][[3, 15]]).all()
    assert dataset.n_read == 3


@pytest.mark.long
def test_groups_of_a_dataset_may_be_tuples_tensors_or_missing(data):
    X, y, group = data
    pairs = [(str(g), i % 2) for i, g in enumerate(group)]
    model = SelectiveExpertsClassifier(**QUICK).fit(Images(X, y, pairs))
    assert sorted(model.groups_) == [("0", 0), ("0", 1), ("1", 0), ("1", 1)]
    labels, groups = read_labels(Images(torch.as_tensor(X), torch.as_tensor(y), torch.as_tensor(group)), 0)
    assert labels.tolist() == y.tolist()
    assert groups.tolist() == group.tolist()
    tensors = [(torch.tensor(g), np.str_("z")) for g in group]
    assert set(read_labels(Images(X, y, tensors), 0)[1]) == {(0, "z"), (1, "z")}
    with pytest.raises(
        ValueError, match="The group of item 0 of the Dataset must be a single value or a tuple"
    ):
        read_labels(Images(X, y, [{}] * 600), 0)
    with pytest.raises(ValueError, match="The label of item 0 of the Dataset must be a single value; got"):
        read_labels(Images(X, torch.zeros(600, 2), group), 0)
    holed = ["a", np.nan] + ["b"] * 598
    with pytest.raises(ValueError, match="sensitive_features.*missing"):
        SelectiveExpertsClassifier(**QUICK).fit(Images(X, y, holed))


class Stream(IterableDataset):
    """A Dataset without a length."""

    def __iter__(self):
        return iter(())


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (lambda X, y, g: Images(X, y, g, n_parts=2), ValueError, r"yield \(image, label, group\); item 0 has 2 parts"),
        (lambda X, y, g: Images(X, y, g, n_parts=1), ValueError, "item 0 has 1 part"),
        (lambda X, y, g: Images([*X[:9], X[9][:12], *X[10:]], y, g), ValueError, r"item 9 of the Dataset has \(12, 16, 3\), an earlier one \(16, 16, 3\)"),
        (lambda X, y, g: Images(X[:, :, :, 0], y, g), ValueError, r"3 dimensions, of which one is the channels; got \(16, 16\)"),
        (lambda X, y, g: Images(np.moveaxis(X, 3, 2), y, g), ValueError, "images of shape"),
        (lambda X, y, g: Images(np.where(X[4, 4, 4, 0] == X, np.nan, X), y, g), ValueError, "contains NaN or infinity"),
        (lambda X, y, g: Images(X[:0], y, g), ValueError, "The Dataset is empty"),
        (lambda X, y, g: Stream(), TypeError, "Stream has no length"),
    ],
)  # fmt: skip
def test_datasets_that_cannot_be_learned_from(data, dataset, error, message):
    with pytest.raises(error, match=message):
        SelectiveExpertsClassifier(**QUICK).fit(dataset(*data))


def test_images_of_different_sizes_are_refused(data):
    images = [*data[0][:5], data[0][5, :12]]
    for X in (images, np.array([*images, None], dtype=object)[:6]):
        with pytest.raises(
            ValueError, match=r"All images must have the same shape; X has 2 shapes.*\(12, 16, 3\)"
        ):
            SelectiveExpertsClassifier().fit(X, data[1][:6])


def test_a_dataset_brings_its_own_labels(data):
    with pytest.raises(ValueError, match="leave out y and sensitive_features"):
        SelectiveExpertsClassifier().fit(Images(*data), data[1])
    X, y, group = hidden_groups(300)
    model = SelectiveExpertsClassifier(max_epochs=1, random_state=0).fit(
        pd.DataFrame(X, columns=list("abc")), y
    )
    assert not hasattr(model.fit(Images(*data)), "feature_names_in_")
    with pytest.raises(ValueError, match="rows of shape .*, as in fit"):
        SelectiveExpertsClassifier(**QUICK).fit(*data[:2]).predict(Images(data[0][:, :12], *data[1:]))


# --- augmentation ----------------------------------------------------------------------------------------------------


def flip(images):
    """Turn half of the images upside down."""
    flipped = torch.rand(len(images)) < 0.5
    return torch.where(flipped[:, None, None, None], images.flip(2), images)


@pytest.mark.long
@pytest.mark.parametrize("num_workers", [0, 2])
def test_augmentation_changes_training_batches_only(data, num_workers):
    X, y, group = data
    seen = []

    def remember(images):
        seen.append(images)
        return flip(images)

    settings = QUICK | {"max_epochs": 1, "batch_size": 64}
    model = SelectiveExpertsClassifier(**settings, augmentation=remember).fit(X, y, sensitive_features=group)
    n_fitting = 600 - 150 - 90
    # For the pooled network, for the experts, and for the pooled network that has the selection rows as well; never for validation.
    assert sum(map(len, seen)) == 3 * n_fitting + 150
    assert seen[0].dtype == torch.uint8
    assert seen[0].shape == (64, 3, 16, 16)
    assert model.predict(X, sensitive_features=group).shape == (600,)
    twice = [
        SelectiveExpertsClassifier(**settings, augmentation=flip, num_workers=num_workers).fit(X, y)
        for _ in range(2)
    ]
    assert (twice[0].predict_proba(X) == twice[1].predict_proba(X)).all()
    assert (
        twice[0].predict_proba(X) != SelectiveExpertsClassifier(**settings).fit(X, y).predict_proba(X)
    ).any()


def test_augmentation_must_return_images_of_the_same_shape(data):
    X, y, _ = data
    with pytest.raises(
        ValueError, match=r"augmentation must return a tensor of shape .*; got \(.*, 3, 8, 16\)"
    ):
        SelectiveExpertsClassifier(**QUICK, augmentation=lambda images: images[:, :, :8]).fit(X, y)
    with pytest.raises(ValueError, match="got ndarray"):
        SelectiveExpertsClassifier(**QUICK, augmentation=lambda images: images.numpy()).fit(X, y)
    with pytest.raises(ValueError, match="augmentation changes images, but X is a table"):
        SelectiveExpertsClassifier(augmentation=flip).fit(np.zeros((100, 2)), np.arange(100) % 2)


# --- precision -------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_bfloat16_learns_the_same_task(data):
    X, y, group = data
    X_test, y_test, group_test = images(300, seed=1)
    settings = {"learning_rate": 0.01, "random_state": 0, "max_epochs": 6}
    seen = []

    class Watched(torch.nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.encoder = make_convolutional_encoder(shape)

        def forward(self, X):
            z = self.encoder(X)
            if self.training:
                seen.append(self.encoder[0](X).dtype)
            return z

    model = SelectiveExpertsClassifier(Watched, precision="bfloat16", **settings)
    model.fit(X, y, sensitive_features=group)
    assert set(seen) == {torch.bfloat16}
    assert model.score(X_test, y_test, sensitive_features=group_test) > 0.95
    assert model.represent(X_test).dtype == np.float32


# --- checkpoints -----------------------------------------------------------------------------------------------------


def stop_after(monkeypatch, n_validations):
    """Interrupt training from the keyboard after some validations."""
    original, calls = _expert_learner._validate, []

    def validate(*arguments):
        calls.append(None)
        if len(calls) == n_validations + 1:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(_expert_learner, "_validate", validate)


class Dropping(torch.nn.Sequential):
    """An encoder that draws from torch's global generator."""

    def __init__(self, shape):
        super().__init__(torch.nn.Linear(shape[0], 16), torch.nn.Dropout(0.3), torch.nn.ReLU())


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize("n_validations", [2, 6])  # in the pooled network, in the experts
@pytest.mark.parametrize("two_stage", [False, True])
def test_a_stopped_fit_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch, n_validations, two_stage):
    X, y, group = hidden_groups(800)
    settings = {"encoder": Dropping, "max_epochs": 4, "random_state": 0, "two_stage": two_stage}
    expected = SelectiveExpertsClassifier(**settings).fit(X, y, sensitive_features=group)
    model = SelectiveExpertsClassifier(**settings, checkpoint_dir=tmp_path / "run")
    with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        stop_after(patch, n_validations)
        model.fit(X, y, sensitive_features=group)
    assert any("Training was interrupted" in str(warning.message) for warning in told)
    model.fit(X, y, sensitive_features=group)
    assert (
        model.predict_proba(X, sensitive_features=group)
        == expected.predict_proba(X, sensitive_features=group)
    ).all()
    assert model.validation_history_ == expected.validation_history_
    assert not list((tmp_path / "run").glob("*.unfinished"))


@pytest.mark.long
def test_a_finished_fit_is_taken_up_without_training(tmp_path, monkeypatch):
    X, y, group = hidden_groups(800)
    settings = {"random_state": 0, "checkpoint_dir": str(tmp_path)}
    model = SelectiveExpertsClassifier(max_epochs=3, **settings)
    first = model.fit(X, y, sensitive_features=group).predict_proba(X, sensitive_features=group)
    stop_after(monkeypatch, 0)
    for other in (
        {},
        {"strategy": "min_gap"},
        {"random_state": np.int64(0)},
    ):  # what does not concern training
        again = clone(model).set_params(**other).fit(X, y, sensitive_features=group)
        assert (again.predict_proba(X, sensitive_features=group) == first).all()
    assert {path.name for path in tmp_path.iterdir()} == {"pooled.pt", "experts.pt", "refitted.pt"}
    monkeypatch.undo()
    longer = SelectiveExpertsClassifier(max_epochs=5, **settings).fit(X, y, sensitive_features=group)
    at_once = SelectiveExpertsClassifier(max_epochs=5, random_state=0).fit(X, y, sensitive_features=group)
    assert longer.validation_history_ == at_once.validation_history_
    with pytest.raises(
        ValueError, match=r"checkpoint_dir=.* \(pooled.pt\) holds 5 epochs, more than max_epochs=2"
    ):
        SelectiveExpertsClassifier(max_epochs=2, **settings).fit(X, y, sensitive_features=group)


def linear_encoder(size, shift=0.0):
    """An encoder whose weights are all the same."""
    encoder = torch.nn.Sequential(torch.nn.Linear(3, size), torch.nn.ReLU())
    torch.nn.init.constant_(encoder[0].weight, 0.1 + shift)
    torch.nn.init.zeros_(encoder[0].bias)
    return encoder


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"learning_rate": 0.1}),
        ({"encoder": linear_encoder(8)}, {"encoder": linear_encoder(16)}),
        ({"encoder": linear_encoder(8)}, {"encoder": linear_encoder(8, shift=0.1)}),
        ({"encoder": lambda shape: linear_encoder(8)}, {"encoder": lambda shape: linear_encoder(9)}),
        (
            {"two_stage": True},
            {"two_stage": True, "max_epochs": 3},
        ),  # experts would keep the shorter representation
    ],
)
def test_other_settings_of_training_are_refused(tmp_path, first, second):
    X, y, group = hidden_groups(800)
    settings = {"max_epochs": 2, "random_state": 0, "checkpoint_dir": tmp_path}
    SelectiveExpertsClassifier(**(settings | first)).fit(X, y, sensitive_features=group)
    before = (tmp_path / "pooled.pt").read_bytes()
    with pytest.raises(ValueError, match=r"checkpoint_dir=.* holds the training of other data or settings"):
        SelectiveExpertsClassifier(**(settings | second)).fit(X, y, sensitive_features=group)
    with pytest.raises(ValueError, match=r"holds the training of other data or settings"):
        SelectiveExpertsClassifier(**(settings | first)).fit(X + 1, y, sensitive_features=group)
    assert (tmp_path / "pooled.pt").read_bytes() == before


def test_other_pictures_and_augmentations_are_refused(data, tmp_path):
    X, y, group = data
    settings = QUICK | {"max_epochs": 1, "checkpoint_dir": tmp_path}
    SelectiveExpertsClassifier(**settings, augmentation=lambda images: images).fit(Images(*data))
    for dataset, augmentation in (
        (Images(255 - X, y, group), lambda images: images),
        (Images(*data), lambda images: images * 0),
        (Images(*data), flip),
    ):
        with pytest.raises(ValueError, match="other data or settings"):
            SelectiveExpertsClassifier(**settings, augmentation=augmentation).fit(dataset)


def test_folders_that_hold_no_checkpoints(tmp_path):
    X, y, group = hidden_groups(800)
    settings = {"max_epochs": 1, "random_state": 0}
    with pytest.raises(ValueError, match="checkpoint_dir needs an integer random_state"):
        SelectiveExpertsClassifier(checkpoint_dir=tmp_path).fit(X, y, sensitive_features=group)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="checkpoint_dir must be a folder that can be made; got .*file"):
        SelectiveExpertsClassifier(**settings, checkpoint_dir=tmp_path / "file").fit(X, y)
    for content in (b"nothing", None):
        torch.save([1], tmp_path / "experts.pt") if content is None else (
            tmp_path / "experts.pt"
        ).write_bytes(content)
        with pytest.raises(ValueError, match=r"\(experts.pt\) is not a checkpoint that can be read"):
            SelectiveExpertsClassifier(**settings, checkpoint_dir=tmp_path).fit(
                X, y, sensitive_features=group
            )


def test_an_interruption_of_the_last_validation_is_told(monkeypatch):
    X, y, group = hidden_groups(800)
    stop_after(monkeypatch, 2)
    with pytest.warns(ConvergenceWarning, match="Training was interrupted"):
        model = SelectiveExpertsClassifier(max_epochs=3, random_state=0).fit(X, y, sensitive_features=group)
    assert model.experts_ == {}
    assert len(model.validation_history_["pooled"]) == 2


def test_checkpoints_hold_no_rows(tmp_path):
    X, y, group = hidden_groups(5000)
    SelectiveExpertsClassifier(
        max_epochs=1, random_state=0, hidden_layer_sizes=(4,), checkpoint_dir=tmp_path
    ).fit(X, y, sensitive_features=group)
    assert all(path.stat().st_size < 30_000 for path in tmp_path.iterdir())


# --- units -----------------------------------------------------------------------------------------------------------


def test_rows_of_a_unit_are_never_on_two_sides():
    X, y, group = hidden_groups(2000)
    units = np.arange(2000) // 4  # four rows each
    rng = np.random.RandomState(0)
    model = SelectiveExpertsClassifier(max_epochs=1)
    model.classes_ = np.unique(y)
    sample = replace(model._check_rows(X, y, None, reset=True), units=units)
    groups = model._read_groups(group, 2000)
    fitting, validation, selecting = model._split(sample, groups, rng)
    sides = [set(units[rows]) for rows in (fitting, validation, selecting)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert set.union(*sides) == set(range(500))
    assert [len(rows) for rows in (fitting, validation, selecting)] == [4 * len(side) for side in sides]


def test_copies_of_people_are_no_evidence():
    """Twenty copies of each person: their answers agree, so that a chance gain looks certain unless they count once."""
    X, y, group = (np.repeat(values, 20, axis=0) for values in hidden_groups(400, opposite=True))
    settings = {"max_epochs": 1, "random_state": 0, "min_group_size": 20}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = SelectiveExpertsClassifier(**settings).fit(
            X, y, sensitive_features=group, units=np.repeat(np.arange(400), 20)
        )
    assert model.selection_table_["n"].sum() == 2000
    assert model.preference_frame_.n_units == 100


def test_every_class_has_rows_for_fitting_whatever_the_units():
    classes, units = np.zeros(400, dtype=int), np.arange(400) // 2
    classes[200:], classes[1] = 1, 2  # class 2 is in the second row of a unit alone
    for seed in range(20):
        fitting, held_out = hold_out(
            classes, np.zeros(400, dtype=int), 0.5, np.random.RandomState(seed), units
        )
        assert set(classes[fitting]) == {0, 1, 2}
        assert not set(units[fitting]) & set(units[held_out])


def test_few_units_are_a_small_group():
    X, y, group = hidden_groups(2000)
    units = np.where(group == "a", np.arange(2000) // 50, np.arange(2000) + 5000)
    model = SelectiveExpertsClassifier(max_epochs=1, random_state=0).fit(
        X, y, sensitive_features=group, units=units
    )
    assert "people, fewer than min_group_size=50" in model.fallback_groups_["a"]


def test_units_are_checked():
    X, y, group = hidden_groups(200)
    with pytest.raises(ValueError, match="units has missing values; every row needs one"):
        SelectiveExpertsClassifier().fit(X, y, sensitive_features=group, units=[1.0, np.nan] * 100)
    with pytest.raises(
        ValueError, match="of 200 rows in 1 units leaves . to choose on.* or give smaller units"
    ):
        SelectiveExpertsClassifier().fit(X, y, sensitive_features=group, units=["a"] * 200)
    with pytest.raises(ValueError, match="units"):
        SelectiveExpertsClassifier().fit(X, y, sensitive_features=group, units=np.arange(100))
    with pytest.raises(ValueError, match="units"):
        SelectiveExpertsClassifier().fit(X, y, sensitive_features=group, units=[None] * 200)
