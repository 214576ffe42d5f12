"""From this package's data sets to AIF360's, and back."""

import numpy as np
import pandas as pd
import pytest
from aif360.datasets import StandardDataset
from sklearn.utils import Bunch

import fairlearn_fwh.datasets as datasets
from fairlearn_fwh.aif360 import as_binary_label_dataset, as_object_strings, from_binary_label_dataset

from .conftest import binary, several_labels

FETCH = [name for name in datasets.__all__ if name.startswith("fetch_")]


@pytest.mark.parametrize(
    "name", [name for name in FETCH if name not in ("fetch_ham10000", "fetch_clothing_reviews")]
)
def test_there_and_back(name, real_data):
    bunch = getattr(datasets, name)(data_home=real_data)
    dataset = as_binary_label_dataset(bunch)
    assert list(dataset.protected_attribute_names) == list(bunch.sensitive_features)
    assert dataset.labels.ravel().tolist() == bunch.target.tolist()
    back = from_binary_label_dataset(dataset)
    assert list(back.data) == list(bunch.data)
    for column in bunch.data:
        kept, original = back.data[column], bunch.data[column].reset_index(drop=True)
        assert (kept.astype(original.dtype) == original).all()
    for column in bunch.sensitive_features:
        assert back.sensitive_features[column].tolist() == bunch.sensitive_features[column].tolist()
    assert back.target.tolist() == bunch.target.tolist()
    assert list(back.target_names) == list(bunch.target_names)
    assert back.sample_weight is None


def test_texts_are_no_categories(real_data):
    with pytest.raises(
        ValueError,
        match=r"bunch.data\['title'\] has [\d,]+ different texts in 22,641 rows; these are not categories",
    ):
        as_binary_label_dataset(datasets.fetch_clothing_reviews(data_home=real_data))


def test_images_become_pixels_and_missing_attributes_are_said(real_data):
    bunch = datasets.fetch_ham10000(data_home=real_data)
    some = Bunch(
        data=bunch.data[:300], target=bunch.target[:300], sensitive_features=bunch.sensitive_features.iloc[:300],
        target_names=bunch.target_names,
    )  # fmt: skip
    some.sensitive_features = some.sensitive_features.astype(object)
    some.sensitive_features.iloc[0] = np.nan
    with pytest.raises(
        ValueError, match="Sensitive feature 'sex' is missing for .* missing_group='separate'"
    ):
        as_binary_label_dataset(some)
    dataset = as_binary_label_dataset(some, missing_group="separate")
    assert dataset.features.shape == (300, 28 * 28 * 3 + 2)
    assert "missing" in dataset.metadata["protected_attribute_maps"][0].values()


@pytest.fixture
def bunch():
    data = pd.DataFrame({"age": [20, 30, 40, 50], "job": pd.Categorical(["a", "b", "a", "c"])})
    sensitive = pd.DataFrame({"sex": ["f", "m", "f", "m"], "race": ["x", "y", "z", "x"]})
    return Bunch(data=data, target=pd.Series([0, 1, 1, 0], name="paid"), sensitive_features=sensitive)


def test_categories_become_indicators_in_place(bunch):
    dataset = as_binary_label_dataset(bunch, protected_attribute_names="sex", sample_weight=[1, 2, 1, 1])
    assert dataset.feature_names == ["age", "job=a", "job=b", "job=c", "sex"]
    assert dataset.instance_weights.tolist() == [1, 2, 1, 1]
    assert dataset.label_names == ["paid"]
    assert from_binary_label_dataset(dataset).sample_weight.tolist() == [1, 2, 1, 1]


def test_privileged_classes(bunch):
    dataset = as_binary_label_dataset(bunch, privileged_classes={"race": ["x", "z"]})
    assert [values.tolist() for values in dataset.privileged_protected_attributes] == [[1.0], [0.0, 2.0]]
    assert [values.tolist() for values in dataset.unprivileged_protected_attributes] == [[0.0], [1.0]]


def test_favorable_may_be_the_target_zero(bunch):
    dataset = as_binary_label_dataset(bunch, favorable_label=0)
    assert (dataset.favorable_label, dataset.unfavorable_label) == (0.0, 1.0)
    assert dataset.labels.ravel().tolist() == bunch.target.tolist()
    back = from_binary_label_dataset(dataset)
    assert back.target.tolist() == bunch.target.tolist()
    assert back.target_names == ["0", "1"]


def test_back_keeps_what_are_no_indicators():
    back = from_binary_label_dataset(binary(favorable=1.0, unfavorable=2.0))
    assert list(back.data) == ["a", "b", "old"]
    assert back.target_names == [2.0, 1.0]
    assert set(back.target) == {0, 1}
    dataset = binary()
    dataset.feature_names = ["a=1", "a=2", "sex", "old"]
    assert list(from_binary_label_dataset(dataset).data) == ["a=1", "a=2", "old"]


def test_names_of_people_are_not_carried_over():
    dataset = binary()
    dataset.instance_names = [f"case {i}" for i in range(len(dataset.labels))]
    assert from_binary_label_dataset(dataset).data.index.tolist() == list(range(len(dataset.labels)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"protected_attribute_names": ["age"]}, r"must be among \['sex', 'race'\]; got \['age'\]"),
        ({"protected_attribute_names": []}, r"must be different names among .* got \[\]"),
        ({"privileged_classes": {"age": [1]}}, r"privileged_classes names \['age'\]"),
        (
            {"privileged_classes": {"sex": ["d"]}},
            r"privileged_classes\['sex'\] must be among \['f', 'm'\]; got \['d'\]",
        ),
        ({"favorable_label": 2}, "favorable_label must be 1 or 0; got 2"),
        ({"protected_attribute_names": ["sex", "sex"]}, "must be different names"),
        (
            {"sample_weight": [1, 2]},
            r"sample_weight must be 4 numbers of at least 0, .* got an array of shape \(2,\)",
        ),
        ({"sample_weight": [1, 2, -1, 1]}, "sample_weight must be 4 numbers of at least 0"),
        ({"missing_group": "drop"}, "missing_group must be 'error' or 'separate'; got 'drop'"),
    ],
)
def test_bad_arguments(bunch, arguments, message):
    with pytest.raises(ValueError, match=message):
        as_binary_label_dataset(bunch, **arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": pd.Series([0, 1, 2, 0])}, r"bunch.target must be 0 and 1; got \[0, 1, 2\]"),
        ({"data": pd.DataFrame({"sex": range(4)})}, r"must have different names; \['sex'\] come twice"),
        ({"data": pd.DataFrame({"a=b": range(4)})}, r"features named \['a=b'\]; '='"),
        ({"data": pd.DataFrame({"a": [1, None, 2, 3]})}, r"missing values in \['a'\]"),
    ],
)
def test_bad_data(bunch, change, message):
    with pytest.raises(ValueError, match=message):
        as_binary_label_dataset(Bunch(**(dict(bunch) | change)))


def test_names_that_come_twice_are_refused(bunch):
    """Else a label would take the place of an attribute."""
    target = bunch.target.rename("sex")
    with pytest.raises(ValueError, match=r"\['sex'\] come twice"):
        as_binary_label_dataset(Bunch(**(dict(bunch) | {"target": target})))
    numbered = bunch.sensitive_features.set_axis([0, "0"], axis=1)
    with pytest.raises(ValueError, match=r"bunch.sensitive_features has columns of the same name: \['0'\]"):
        as_binary_label_dataset(Bunch(**(dict(bunch) | {"sensitive_features": numbered})))


def test_structure_of_the_bunch_is_checked(bunch):
    with pytest.raises(TypeError, match="privileged_classes\\['sex'\\] must be a list of values; got 'm'"):
        as_binary_label_dataset(bunch, privileged_classes={"sex": "m"})
    with pytest.raises(TypeError, match="bunch must have data, target and a DataFrame sensitive_features"):
        as_binary_label_dataset(Bunch(data=bunch.data, target=bunch.target))
    with pytest.raises(ValueError, match="must have the same number of rows; they have 4, 4, 3"):
        as_binary_label_dataset(Bunch(**(dict(bunch) | {"sensitive_features": bunch.sensitive_features[:3]})))


def test_maps_that_may_be_of_other_attributes_are_not_used():
    """AIF360's maps are by position: those of race and sex are no use if only sex was kept."""
    maps = [{1.0: "White", 0.0: "Non-white"}, {1.0: "Male", 0.0: "Female"}]
    dataset = binary(metadata={"protected_attribute_maps": maps})
    assert set(from_binary_label_dataset(dataset).sensitive_features["sex"]) == {0.0, 1.0}
    dataset = binary(metadata={"protected_attribute_maps": [{1.0: "m", 0.0: "f"}]})
    assert set(from_binary_label_dataset(dataset).sensitive_features["sex"]) == {"m", "f"}
    dataset = binary(metadata={"protected_attribute_maps": [{1.0: "m", 0.0: "m"}]})
    assert set(from_binary_label_dataset(dataset).sensitive_features["sex"]) == {0.0, 1.0}


def test_other_kinds_of_data_sets_are_refused():
    with pytest.raises(TypeError, match="must be a BinaryLabelDataset; got MulticlassLabelDataset"):
        from_binary_label_dataset(several_labels())
    with pytest.raises(TypeError, match="got DataFrame"):
        from_binary_label_dataset(pd.DataFrame())


@pytest.mark.parametrize("dtype", ["category", "string", "str"])
def test_standard_dataset_takes_text_of_any_kind(dtype):
    frame = pd.DataFrame(
        {
            "sex": ["f", "m", "f", "m"],
            "job": ["a", "b", "a", "b"],
            "age": [1, 2, 3, 4],
            "paid": ["y", "n", "y", "n"],
        }
    )
    text = frame.astype(dict.fromkeys(["sex", "job", "paid"], dtype))
    dataset = StandardDataset(
        as_object_strings(text), "paid", ["y"], ["sex"], [["m"]], categorical_features=["job"]
    )
    assert dataset.labels.ravel().tolist() == [1, 0, 1, 0]
    assert dataset.protected_attributes.ravel().tolist() == [0, 1, 0, 1]
    assert text.dtypes.equals(frame.astype(dict.fromkeys(["sex", "job", "paid"], dtype)).dtypes)
    with pytest.raises(TypeError, match="frame must be a pandas DataFrame; got dict"):
        as_object_strings({})
