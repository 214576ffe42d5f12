import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fairlearn_fwh.metrics import pack_predictions
from fairlearn_fwh.metrics._core._groups import encode_groups, read_predictions_by_group
from fairlearn_fwh.metrics._core._spellings import check_spellings
from fairlearn_fwh.metrics._core._values import as_column, as_weights

COLUMN = ["b", "a", "b", "c"]


@pytest.mark.parametrize(
    "make",
    [
        list,
        np.array,
        lambda c: np.array(c, dtype=object),
        lambda c: np.array(c)[:, None],
        pd.Series,
        lambda c: pd.Series(c, dtype="category"),
        lambda c: pd.Series(pd.Categorical(c, categories=["c", "b", "a", "never"])),
        lambda c: pd.Series(c, dtype="string"),
        lambda c: pd.Series(c, dtype=object),
        lambda c: pd.Series(c, index=[9, 8, 7, 6]),
        lambda c: pd.DataFrame({"x": c}),
        pl.Series,
        lambda c: pl.Series(c, dtype=pl.Categorical),
        lambda c: pl.DataFrame({"x": c}),
        lambda c: pa.table({"x": c}),
        lambda c: {"x": c},
    ],
)  # fmt: skip
def test_groups_are_read_from_any_container(make):
    groups = encode_groups(make(COLUMN))
    assert [groups.labels[code] for code in groups.codes] == COLUMN
    assert sorted(groups.labels) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "values", [[3, 1, 3, -7], [10**12, 0, 10**12, 5], [True, False, True, True], [0.5, 0.25, 0.5, 1.0]]
)
def test_groups_may_be_numbers(values):
    groups = encode_groups(np.array(values))
    assert [groups.labels[code] for code in groups.codes] == values
    assert groups.labels == sorted(set(values))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, dict])
def test_several_columns_are_intersected_as_tuples(frame):
    groups = encode_groups(frame({"race": ["x", "y", "x", "y"], "sex": [1, 1, 0, 1]}))
    assert groups.labels == [("x", 0), ("x", 1), ("y", 1)]
    assert groups.codes.tolist() == [1, 2, 0, 2]
    assert groups.names == ["race", "sex"]


def test_labels_of_different_types_are_kept_apart_unless_they_are_written_alike():
    groups = encode_groups(np.array([1, "unknown", 1, "unknown"], dtype=object))
    assert len(groups) == 2
    with pytest.raises(ValueError, match="sensitive_features has both 1 and '1', which are written alike"):
        encode_groups(np.array([1, "1", 1, "1"], dtype=object))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_groups_name_the_column_or_are_a_group(missing):
    frame = pd.DataFrame({"race": ["x", missing, "y"], "sex": ["f", "m", "f"]})
    with pytest.raises(ValueError, match=r"Column 'race' of sensitive_features has 1 missing value"):
        encode_groups(frame)
    separate = encode_groups(frame, missing_group="separate")
    assert [separate.labels[code] for code in separate.codes] == [("x", "f"), ("missing", "m"), ("y", "f")]


def test_a_group_named_missing_beside_missing_values_is_refused():
    with pytest.raises(ValueError, match="both missing values and a group named 'missing'"):
        encode_groups(["missing", None], missing_group="separate")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({}, "has no columns"),
        ({"a": [1, 2], "b": [1]}, "different lengths"),
        ({"a": [[1, 2], [3, 4]]}, "Column 'a' of sensitive_features must have one value per row"),
        ([], "has no rows"),
        (pl.LazyFrame({"a": [1]}), "is a lazy frame; collect it first"),
    ],
)
def test_bad_groups_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        encode_groups(features)


def test_columns_have_one_value_per_row():
    assert as_column([[1], [2]], "y_true").tolist() == [1, 2]
    with pytest.raises(ValueError, match="y_pred must have one value per row"):
        as_column([[1, 2], [3, 4]], "y_pred")
    with pytest.raises(ValueError, match="y_pred has 3 rows, but y_true has 2"):
        as_column([1, 2, 3], "y_pred", 2)
    with pytest.raises(ValueError, match="y_true has 1 missing value"):
        as_column([1.0, np.nan], "y_true")
    with pytest.raises(ValueError, match="y_true has no rows"):
        as_column([], "y_true")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1, 1], "finite and not negative; its smallest value is -1"),
        ([1, np.inf, 1], "finite and not negative"),
        ([0, 0, 0], "zero for every row"),
        (["a", "b", "c"], "must be numbers"),
        ([1, 1], "sample_weight has 2 rows, but y_true has 3"),
    ],
)
def test_bad_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        as_weights(weights, 3)


MATRIX = np.array([[0, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize(
    "values",
    [
        MATRIX,
        MATRIX.tolist(),
        pd.DataFrame(MATRIX),
        {0: MATRIX[:, 0], 1: MATRIX[:, 1]},
        pack_predictions(MATRIX),
    ],
)
def test_predictions_by_group_are_read_from_any_container(values):
    predictions = read_predictions_by_group(values, 3)
    assert predictions.labels == [0, 1]
    assert np.column_stack(predictions.columns).tolist() == MATRIX.tolist()


def test_predictions_by_group_of_polars_have_text_labels():
    predictions = read_predictions_by_group(pl.DataFrame({"a": [0, 1], "b": [1, 1]}), 2)
    assert predictions.labels == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1, 0], "one column per group"),
        ({}, "has no columns"),
        (pd.DataFrame(MATRIX, columns=["a", "a"]), "two columns with the same name"),
        (pd.DataFrame(MATRIX, columns=["a", "pooled"]), "has a column named 'pooled'"),
        ({"a": [0, 1, 0], "b": [0, 1]}, r"y_pred_by_group\['b'\] has 2 rows"),
    ],
)
def test_bad_predictions_by_group_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        read_predictions_by_group(values, 3)


@pytest.mark.parametrize(
    "make", [np.array, pd.DataFrame, pl.DataFrame, lambda m: {"a": m[:, 0], "b": m[:, 1]}]
)
def test_packed_predictions_are_rows(make):
    packed = pack_predictions(make(MATRIX))
    assert packed.shape == (3,)
    assert np.stack(list(packed)).tolist() == MATRIX.tolist()
    with pytest.raises(ValueError, match="one column per group"):
        pack_predictions([0, 1])


def test_columns_may_be_named_by_numbers():
    groups = encode_groups(pd.DataFrame({0: ["a", "b", "a"], 1: [1, 1, 2]}))
    assert groups.names == ["0", "1"]
    assert groups.labels == [("a", 1), ("a", 2), ("b", 1)]


@pytest.mark.parametrize(
    "container", [list, np.asarray, pd.Series, lambda v: pd.Series(v, dtype="string[python]")]
)
def test_texts_with_a_nul_are_told_apart_or_refused(container):
    """Pandas 2 takes them for one."""
    texts = container(np.array(["a", "a\0b", "a\0c", "a"], dtype=object))
    if int(pd.__version__.split(".")[0]) < 3:
        with pytest.raises(ValueError, match=r"has the text 'a\\x00b' in row 1, with a NUL character"):
            encode_groups(texts)
        return
    read = encode_groups(texts)
    assert read.labels == ["a", "a\0b", "a\0c"]
    assert read.codes.tolist() == [0, 1, 2, 0]


def test_an_object_that_is_no_text_is_not_lost_among_texts():
    with pytest.raises(ValueError, match=r"has \['b'\] in row 2 \(list\)"):
        encode_groups(np.array(["a", "a", ["b"]], dtype=object))
    with pytest.raises(ValueError, match="1 missing value"):
        encode_groups(pd.Series(["a", None, "b"], dtype=object))


@pytest.mark.parametrize(
    ("mine", "theirs"), [("1", "1.0"), ("01", "1"), ("-1.0", "-1"), ("a ", "A"), (("x", "2.0"), ("x", "2"))]
)
def test_a_group_of_two_samples_in_two_spellings_is_refused(mine, theirs):
    with pytest.raises(ValueError, match="counted as different. Give both one spelling"):
        check_spellings([mine, "c"], [theirs, "c"], "this look", "the looks before")


@pytest.mark.parametrize(
    ("mine", "theirs"), [("1", "-1"), ("1", "1.1"), ("10", "1"), ("a", "b"), ("1.0", "1.0")]
)
def test_other_groups_are_other_groups(mine, theirs):
    check_spellings([mine], [theirs], "this look", "the looks before")
