"""One reading of values: equal over containers, or refused with argument, row and value."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._core._groups import encode_groups
from fairlearn_fwh.metrics._core._values import as_column, as_weights, kind_of

DATES = [datetime.date(2020, 1, 1), datetime.date(2021, 1, 2), datetime.date(2020, 1, 1)]

CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "objects": lambda values: np.array(values, dtype=object),
    "column": lambda values: np.array(values, dtype=object)[:, None],
    "masked": lambda values: np.ma.MaskedArray(np.array(values), mask=[False] * len(values)),
    "Series": pd.Series,
    "object Series": lambda values: pd.Series(values, dtype=object),
    "Categorical": lambda values: pd.Series(pd.Categorical(values)),
    "nullable": lambda values: pd.Series(values).convert_dtypes(),
    "arrow Series": lambda values: pd.Series(values).convert_dtypes(dtype_backend="pyarrow"),
    "polars": pl.Series,
    "pyarrow": lambda values: pa.chunked_array([pa.array(values)]),
    "frame": lambda values: pd.DataFrame({"x": values}),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 0, 1], "number"),
        ([True, False, True], "number"),
        ([0.5, 0.25, 1.0], "number"),
        ([2**53 + 1, 2**53, -1], "number"),
        (["b", "a", "b"], "text"),
        (["1", "01", "1.1"], "text"),
        (DATES, "date"),
    ],
)
def test_every_container_gives_the_same_values(container, values, kind):
    column = as_column(CONTAINERS[container](values), "y_true")
    assert kind_of(column) == kind
    assert column.tolist() == values
    groups = encode_groups(CONTAINERS[container](values))
    assert [groups.labels[code] for code in groups.codes] == values


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA, np.datetime64("NaT")])
@pytest.mark.parametrize("values", [["a", "b"], [1, 0], [True, False], [datetime.date(2020, 1, 1)] * 2])
@pytest.mark.parametrize(
    "make", [list, lambda v: np.array(v, dtype=object), lambda v: pd.Series(v, dtype=object)]
)
def test_missing_values_are_told_with_their_row(missing, values, make):
    column = make([*values, missing])
    with pytest.raises(
        ValueError, match=r"y_pred has 1 missing value\(s\), the first in row 2; none are allowed"
    ):
        as_column(column, "y_pred")
    with pytest.raises(
        ValueError, match=r"Column 'sensitive_features' of sensitive_features has 1 missing.*first in row 2"
    ):
        encode_groups(column)
    assert encode_groups(column, missing_group="separate").labels[-1] == "missing"


def test_masked_values_are_missing():
    masked = np.ma.MaskedArray([0, 1, 1], mask=[False, False, True])
    with pytest.raises(ValueError, match="y_true has 1 missing value.*first in row 2"):
        as_column(masked, "y_true")
    with pytest.raises(ValueError, match="1 missing value"):
        encode_groups(masked)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([b"a", b"b"], r"y_true has b'a' in row 0 \(bytes\); decode them to text"),
        (np.array([b"a", b"b"]), r"y_true has b'a' in row 0 \(bytes\)"),
        ([1, 1j], r"y_true has 1j in row 1 \(complex\); give real numbers"),
        ([1, 0, "1"], r"different types: 1 in row 0 \(number\) and '1' in row 2 \(text\)"),
        (["a", "b", True], r"different types: 'a' in row 0 \(text\) and True in row 2 \(boolean\)"),
        ([datetime.date(2020, 1, 1), pd.Timestamp("2020-01-01")], "different types"),
        ([{"a": 1}, {"a": 2}], r"y_true has \{'a': 1\} in row 0 \(dict\); there must be one value per row"),
        ([[1, 2], [3]], r"y_true has \[1, 2\] in row 0 \(list\); there must be one value per row"),
        (pl.Series([[1], [2]]), "must have one value per row"),
        ([2**53 + 1, 0.5], "which no float can hold"),
        (7, "must have one value per row; got int"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        as_column(values, "y_true")


def test_groups_of_several_types_are_kept_apart_unless_they_look_alike():
    assert encode_groups([1, "unknown", 1]).labels == [1, "unknown"]
    with pytest.raises(ValueError, match="sensitive_features has both 1 and '1', which are written alike"):
        encode_groups([1, "1"])
    with pytest.raises(ValueError, match="both booleans and numbers"):
        encode_groups(np.array([True, 1, "x"], dtype=object))


def measured(y_true, y_pred, **more):
    return PreferenceFrame(y_true=y_true, y_pred=y_pred, y_pred_pooled=y_pred, **more)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (DATES, pd.to_datetime(DATES), r"different types: .* \(timestamp\) and .* \(date\)"),
        (["0", "1", "1"], [0, 1, 1], r"0 \(number\) and '0' \(text\)"),
        (pd.to_datetime(DATES), pd.to_datetime(DATES, utc=True), "timestamp with a time zone"),
        (
            [2**53 + 1, 0, 1],
            [0.0, 0.0, 1.0],
            "y_true has the label 9007199254740993 in row 0: floats do not tell",
        ),
        ([0, 1, 1], [0.0, float(2**54), 1.0], "y_pred has the label 1.8014398509481984e.* in row 1"),
        (np.array([0, 2**64 - 1], dtype=np.uint64), [0, 1], "y_true has the label 18446744073709551615"),
    ],
)
def test_labels_that_no_comparison_tells_apart_are_refused(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        measured(y_true, y_pred)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int8, np.float32, bool])
def test_numbers_of_any_width_are_compared(dtype):
    labels = np.array([0, 1, 1, 0])
    assert measured(labels, labels.astype(dtype)).overall["risk"] == 0
    assert measured(np.array([Decimal(1), Decimal(0)], dtype=object), [1, 0]).overall["risk"] == 0


def test_large_integers_are_compared_exactly():
    large = np.array([2**53, 2**53 + 1] * 10)
    assert measured(large, large.astype(np.uint64)).overall["risk"] == 0
    assert measured(large, np.roll(large, 1)).overall["risk"] == 1


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1.0, 1e100, 1e155, 1e300])
def test_weights_of_any_scale_tell_the_same(scale):
    rng = np.random.default_rng(0)
    y, weights = rng.integers(0, 2, 400), rng.choice([0.0, 0.5, 1.0, 2.0], 400)
    own, pooled = np.where(rng.random(400) < 0.3, 1 - y, y), np.where(rng.random(400) < 0.1, 1 - y, y)
    arguments = {"y_true": y, "y_pred": own, "y_pred_pooled": pooled, "sensitive_features": ["a", "b"] * 200}
    plain = PreferenceFrame(**arguments, sample_weight=weights)
    scaled = PreferenceFrame(**arguments, sample_weight=weights * scale)
    pd.testing.assert_frame_equal(plain.by_group, scaled.by_group, rtol=1e-12)
    pd.testing.assert_frame_equal(plain.certify(tolerance=0.05), scaled.certify(tolerance=0.05), rtol=1e-9)
    assert len(scaled.violations(alpha=0.05)) == len(plain.violations(alpha=0.05)) > 0
    pd.testing.assert_frame_equal((plain + plain).by_group, (scaled + scaled).by_group, rtol=1e-12)


def test_weights_that_are_lost_beside_others_are_refused():
    with pytest.raises(ValueError, match="sample_weight must be of comparable sizes; .* from 1e-170 to 1"):
        as_weights([1e-170, 1.0, 0.0], 3)
    with pytest.raises(ValueError, match=r"sample_weight must be numbers; got '1' in row 0, of type text"):
        as_weights(["1", "2"], 2)
    small, large = (measured([0, 1], [0, 1], sample_weight=[w, w]) for w in (1e-150, 1e150))
    with pytest.raises(ValueError, match="added only if their weights are of comparable sizes"):
        small + large


def test_columns_that_are_named_alike_are_refused():
    with pytest.raises(ValueError, match="sensitive_features has several columns named '1'"):
        encode_groups(pd.DataFrame({1: ["a", "b"], "1": ["a", "a"]}))
    with pytest.raises(ValueError, match="several columns named 'race'"):
        encode_groups(pd.DataFrame([["a", "b"]], columns=["race", "race"]))
    with pytest.raises(ValueError, match="rows of different lengths"):
        encode_groups([("a", 1), ("b",)])


@pytest.mark.parametrize(
    "values", [{1: 0, 0: 1}, {0, 1}, "0101", b"0101", pd.MultiIndex.from_tuples([(0, 1)])]
)
def test_what_is_no_column_is_refused(values):
    with pytest.raises(
        ValueError, match="y_pred must have one value per row, as a list, an array or a Series; got"
    ):
        as_column(values, "y_pred")


def test_single_arrays_of_arrow_and_text_of_numpy_have_missing_values_too():
    with pytest.raises(ValueError, match="y_true has 2 missing value"):
        as_column(pa.array([1, None, 1, None]), "y_true")
    assert encode_groups(pa.array(["a", "b", "a"])).labels == ["a", "b"]
    assert as_column(pa.array([1, 0]).dictionary_encode(), "y_true").tolist() == [1, 0]
    if hasattr(np.dtypes, "StringDType"):
        text = np.array(["a", None], dtype=np.dtypes.StringDType(na_object=None))
        with pytest.raises(ValueError, match="y_true has 1 missing value"):
            as_column(text, "y_true")


def test_nanoseconds_tell_times_apart():
    stamps = pl.Series([1, 2]).cast(pl.Datetime("ns", "UTC"))
    assert len(encode_groups(stamps)) == 2
    assert len(encode_groups(pl.Series([1, 2]).cast(pl.Duration("ns")))) == 2
    with pytest.raises(ValueError, match="sensitive_features has times of day; give them as text"):
        encode_groups(pl.Series([datetime.time(1), datetime.time(2)]))


@pytest.mark.parametrize("values", [[10**400, 1.5], [Decimal("sNaN"), Decimal(1)]])
def test_numbers_that_no_float_holds_are_refused(values):
    with pytest.raises(ValueError, match="no float can hold|missing value"):
        as_column(values, "y_true")
    with pytest.raises(ValueError, match="sample_weight must be finite"):
        as_weights([10**400, 1], 2)


def test_short_floats_are_groups():
    assert encode_groups(np.array([0.5, 1.5, 0.5], dtype=np.float16)).labels == [0.5, 1.5]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (1, "1", "1 and '1' are written alike"),
        (True, 1, "different types|written alike"),
        (DATES[0], pd.Timestamp("2021-01-01"), "are of different types"),
    ],
)
def test_frames_whose_groups_have_other_types_do_not_add(first, second, message):
    one, other = (measured([0, 1], [0, 1], sensitive_features=[group] * 2) for group in (first, second))
    with pytest.raises(ValueError, match=message):
        one + other
    numbers, text = measured([0, 1], [0, 1]), measured(["0", "1"], ["0", "1"])
    with pytest.raises(ValueError, match="only if their labels have one type; got"):
        numbers + text


def test_a_loss_that_everybody_shares_hides_nothing(rng):
    n = 400
    y, groups = rng.normal(size=n), np.repeat(["a", "b"], n // 2)
    arguments = {"sensitive_features": groups, "loss": "squared"}
    worse = y + np.where(groups == "b", 0.7 + 0.2 * rng.normal(size=n), 0.0)
    expected = PreferenceFrame(y_true=y, y_pred=worse, y_pred_pooled=y, **arguments)
    assert (expected.gain_intervals()["upper"] < 0).tolist() == [False, True]
    far = y.copy()
    far[0] = 9999
    same = np.where(np.arange(n) == 0, 0.0, y)
    found = PreferenceFrame(
        y_true=far, y_pred=np.where(np.arange(n) == 0, 0.0, worse), y_pred_pooled=same, **arguments
    )
    assert (found.gain_intervals()["upper"] < 0).tolist() == [False, True]


def test_a_loss_that_is_the_same_for_everybody_is_found():
    y = np.zeros(100)
    for loss in ("absolute", "squared"):
        frame = PreferenceFrame(y_true=y, y_pred=y + 3, y_pred_pooled=y, loss=loss, loss_limit=10)
        assert len(frame.violations(alpha=0.05)) == 1
        few = PreferenceFrame(y_true=y[:4], y_pred=y[:4] + 3, y_pred_pooled=y[:4], loss=loss, loss_limit=10)
        assert len(few.violations(alpha=0.05)) == 0


@pytest.mark.parametrize(("loss", "size"), [("squared", 1e100), ("absolute", 1e160)])
def test_losses_whose_squares_are_no_numbers_are_refused(loss, size):
    table = pl.DataFrame({"y": [0.0, 0.0], "new": [size, size], "old": [0.0, 0.0]})
    for frame in (table, table.lazy()):
        with (
            pytest.raises(ValueError, match="so large that their squares overflow|is not finite"),
            np.errstate(over="ignore"),
        ):
            PreferenceFrame.from_frame(frame, y_true="y", y_pred="new", y_pred_pooled="old", loss=loss)


def test_a_loss_returns_real_numbers():
    with pytest.raises(ValueError, match="loss must return numbers; got values of type complex128"):
        measured([0, 1], [0, 1], loss=lambda y, p: np.array([1j, 0]))


def test_what_is_no_number_is_missing_in_every_container():
    nan = float("nan")
    for values in (
        pd.Series(pd.arrays.ArrowExtensionArray(pa.array([1.0, nan]))),
        pd.Series([0.0, 1.0], dtype="Float64") / pd.Series([0.0, 1.0], dtype="Float64"),
        pl.Series([1.0, nan]),
        pa.chunked_array([[1.0, nan]]),
        [1.0, nan],
    ):
        with pytest.raises(ValueError, match="y_true has 1 missing value"):
            as_column(values, "y_true")
        with pytest.raises(ValueError, match="1 missing value"):
            encode_groups(values)
