"""What is in the file is what is measured: the same from both engines, or refused with column, line, value and remedy."""

import gzip
import warnings

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.exceptions import LabelMismatchWarning, UnreadableValueError
from fairlearn_fwh.files import Dialect, measure_file, open_table
from fairlearn_fwh.metrics import PreferenceFrame


@pytest.fixture(params=["duckdb", "polars"])
def engine(request):
    return request.param


@pytest.fixture
def measure(tmp_path, engine):
    def measure(data, name="p.csv", **arguments):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        roles = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old"}
        return measure_file(path, **(roles | arguments), engine=engine)

    return measure


def gains(frame):
    return frame.by_group["rationality_gain"].to_dict()


def test_lines_that_begin_with_a_number_sign_are_rows(measure):
    data = "id,y,new,old,g\n" + "".join(
        f"{'#' if i % 2 else ''}{i},1,{1 - i % 2},1,{'ab'[i % 2]}\n" for i in range(40)
    )
    frame = measure(data, sensitive_features="g")
    assert frame.by_group["n"].to_dict() == {"a": 20, "b": 20}
    assert gains(frame) == {"a": 0, "b": -1}


@pytest.mark.parametrize(
    "name", ["pred[1].csv", "pre?.csv", "p*.csv", "g=z/p.csv", "~.csv", "p.csv.csv", "-p.csv"]
)
def test_the_very_file_is_read(measure, tmp_path, name):
    for other in ("pred1.csv", "pred.csv", "pp.csv"):
        (tmp_path / other).write_text("y,new,old,g\n1,0,1,other\n")
    assert gains(measure("y,new,old,g\n1,1,0,this\n", name, sensitive_features="g")) == {"this": 1}


def test_what_stands_late_in_a_file_counts_as_much_as_what_stands_early(measure):
    n = 30_000
    rows = ["1,1,0,1,a\n"] * n
    weighted = "y,new,old,w,g\n" + "".join(rows) + "1,0,1,0.4,b\n" * 10
    frame = measure(weighted, sensitive_features="g", sample_weight="w")
    assert frame.by_group["n"].to_dict() == {"a": n, "b": 10}
    late_text = "y,new,old,w,g\n" + "".join(rows) + "1,1,0,x,a\n"
    with pytest.raises(
        UnreadableValueError, match=rf"p.csv, line {n + 2}, column 'w': 'x'\. sample_weight must be numbers"
    ):
        measure(late_text, sample_weight="w")
    late_quote = "y,new,old,w,g\n" + "".join(rows) + '1,1,0,1,"a,""b"\n'
    assert measure(late_quote, sensitive_features="g").by_group["n"].to_dict() == {"a": n, 'a,"b': 1}
    assert measure(late_text, sensitive_features="w").by_group["n"].to_dict() == {"1": n, "x": 1}


@pytest.mark.parametrize(
    "spellings",
    [
        ("1.1", "1.10"), ("1e2", "100"), ("True", "TRUE"), ("t", "true"), ("2020-1-2", "2020-01-02"), ("01", "1"), ("Yes", "yes"), ("a", "a "),
        ("1_000", "1000"), ("0x1", "1"), ("NA", "na"), ("nan", "NaN"), ("-0", "0"), ("1:00", "01:00"), ("é", "É"), ("+1", "1"),
    ],
)  # fmt: skip
def test_groups_are_spelled_as_in_the_file(measure, spellings):
    first, second = spellings
    frame = measure(f"y,new,old,g\n1,1,0,{first}\n1,0,1,{second}\n", sensitive_features="g")
    assert gains(frame) == {first: 1, second: -1}


def test_labels_are_numbers_only_if_all_of_them_are(measure):
    numbers = measure("y,new,old\n1,1.0,0\n0,0.00,1.0e+00\n1e+0,1,0.0\n")
    assert numbers.overall["risk"] == 0
    assert numbers.overall["pooled_risk"] == 1
    with pytest.raises(
        ValueError, match="y_pred has the label 'x' beside numbers, and columns differ in their labels"
    ):
        measure("y,new,old\n1,1.0,0\n0,x,1\n1,1,0\n").certify(tolerance=0.1)
    text = measure("y,new,old\n01,01,1\n1,1,01\n2,x,2\n", labels=["01", "1", "2", "x"])
    assert text.overall["pooled_risk"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("one", "other"), [("0101", "101"), ("010", "10"), ("1E2", "100"), ("00", "0"), ("1e0", "1")]
)
def test_labels_that_may_be_codes_are_not_one_number(measure, one, other):
    """Who is told apart by a leading zero is told apart: as numbers nobody would be harmed here."""
    rows = f"y,new,old\n{one},{other},{one}\n{other},{other},{other}\n7,7,7\n"
    with pytest.raises(
        ValueError,
        match="one label if they are numbers, two if they are codes. Write one spelling, or name both",
    ):
        measure(rows)
    stated = measure(rows, labels=[one, other, "7"])
    assert stated.overall["risk"] == pytest.approx(1 / 3)
    assert stated.overall["pooled_risk"] == 0


def test_integers_above_64_bits_are_text(measure):
    large = 2**63 + 1
    frame = measure(f"y,new,old\n{large},{large},{large + 1}\n{large + 1},{large + 1},{large}\n")
    assert frame.overall["risk"] == 0
    assert frame.overall["pooled_risk"] == 1


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        ("y,new,old,g\n1,1,0,a\n1,1,0,\n", {"sensitive_features": "g"}, r"line 3, column 'g': ''\. .*1 missing value"),
        ('y,new,old,g\n1,1,0,a\n1,1,0,""\n', {"sensitive_features": "g"}, r"line 3, column 'g': ''"),
        ("y,new,old\n1,1,0\n,1,0\n", {}, r"line 3, column 'y': ''\. y_true has 1 missing"),
        ("y,new,old\n1,1,0\n0,nan,0\n", {}, r"line 3, column 'new': 'nan'\. y_pred has 'nan' beside numbers"),
        ("y,new,old\n1,.2,.3\n0,none,.4\n", {"loss": "brier"}, r"line 3, column 'new': 'none'\. y_pred must be numbers"),
        ("y,new,old\n1,1_0,.3\n", {"loss": "squared"}, r"line 2, column 'new': '1_0'"),
        ("y,new,old\n1, 1,.3\n", {"loss": "squared"}, r"line 2, column 'new': ' 1'"),
        ("y,new,old\n1,inf,.3\n", {"loss": "squared"}, r"line 2, column 'new': 'inf'"),
        ("y,new,old,w\n1,1,0,-1\n", {"sample_weight": "w"}, "sample_weight must be finite and not negative"),
        ("y,new,old,w\n1,1,0,1e-300\n1,1,0,1\n", {"sample_weight": "w"}, "sample_weight must be of comparable sizes"),
        ("y,new,old\n1,2,0\n", {"loss": "rejection"}, "loss='rejection' needs decisions in y_pred"),
        ("y,new,old\n1,0.5,0\n", {}, "y_pred has fractions such as 0.5"),
        ("y,new,old,old\n1,1,0,1\n", {}, "p.csv has 2 columns named 'old'; rename all but one"),
        ("y,new,old,NEW\n1,1,0,1\n", {}, "columns 'new' and 'NEW', which differ in capitals alone"),
        ("y;new;old\n1;1;0\n", {}, "p.csv has one column, 'y;new;old'.* is it another delimiter?"),
        ("y,new\n1,1\n", {}, "y_pred_pooled is column 'old', which the frame does not have"),
        ("y,new,old\n", {}, "no rows; at least one is needed"),
        ("\n1,1,0\n", {}, "has no header: its first line is blank"),
        ("y,new,old\n1,1,0\n", {"sensitive_features": "new"}, "y_pred and sensitive_features.* are the same column 'new'"),
        ("y,new,old\n1,1,0\n", {"y_pred": "y"}, "y_true and y_pred are the same column 'y'"),
        ("y,new,old\n1,1,0\n", {"sample_weight": "old"}, "y_pred_pooled and sample_weight are the same column"),
        ("y,new,old,g\n1,1,0,a\n", {"y_pred": None, "y_pred_by_group": {"a": "y"}, "groups": "g"}, "y_true and y_pred_by_group.* are the same column"),
        (b"PAR1....", {}, "is a Parquet file; name it .parquet"),
        (b"\xff\xfey\0", {}, "is in UTF-16; write it in UTF-8"),
        (b"PK\x03\x04....", {}, "is a ZIP archive"),
        (b"\x28\xb5\x2f\xfd...", {}, "compressed by zstd"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_line_value_and_remedy(measure, data, arguments, message):
    with pytest.raises(ValueError, match=message):
        measure(data, **arguments)


def test_missing_values_may_have_further_names(measure):
    data = "y,new,old,g\n1,1,0,NA\n1,1,0,b\n"
    assert list(measure(data, sensitive_features="g").by_group.index) == ["NA", "b"]
    with pytest.raises(UnreadableValueError, match="line 2, column 'g': 'NA'"):
        measure(data, sensitive_features="g", dialect=Dialect(null=("NA",)))


def test_compression_is_told_by_content(measure):
    data = "y,new,old,g\n1,1,0,a\n"
    for name in ("p.csv", "p.csv.gz"):
        for content in (
            data.encode(),
            gzip.compress(data.encode()),
            gzip.compress(data[:20].encode()) + gzip.compress(data[20:].encode()),
        ):
            assert gains(measure(content, name, sensitive_features="g")) == {"a": 1}


def test_envy_and_controls_are_measured(measure):
    data = "y,a,b,old,g,year\n1,1,0,0,a,1\n0,0,1,0,b,1\n1,0,1,0,b,2\n0,1,0,1,a,2\n"
    arguments = {"y_pred": None, "y_pred_by_group": ["a", "b"], "groups": "g", "control_features": "year"}
    table = pd.DataFrame(
        {
            "y": [1, 0, 1, 0],
            "a": [1, 0, 0, 1],
            "b": [0, 1, 1, 0],
            "old": [0, 0, 0, 1],
            "g": list("abba"),
            "year": list("1122"),
        }
    )
    expected = PreferenceFrame.from_frame(
        table, y_true="y", y_pred_pooled="old", **{k: v for k, v in arguments.items() if v}
    )
    pd.testing.assert_frame_equal(
        measure(data, **arguments).by_group,
        expected.by_group,
        check_index_type=False,
        check_column_type=False,
    )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parquet_and_csv_have_the_same_groups(tmp_path, engine, form):
    table = pd.DataFrame(
        {"y": [1, 0, 1, 1], "new": [1, 0, 0, 1], "old": [0, 0, 1, 1], "code": [1, 10, 2, 2], "flag": [True, False, True, True], "word": list("abab")}
    )  # fmt: skip
    path = tmp_path / f"p.{form}"
    table.assign(flag=table["flag"].astype(str).str.lower()).to_csv(
        path, index=False
    ) if form == "csv" else table.to_parquet(path)
    roles = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old"}
    frame = measure_file(path, **roles, sensitive_features=["code", "flag", "word"], engine=engine)
    assert frame.by_group.index.tolist() == [
        ("1", "true", "a"),
        ("10", "false", "b"),
        ("2", "true", "a"),
        ("2", "true", "b"),
    ]
    table.assign(code=table["code"] + 0.5).to_parquet(tmp_path / "q.parquet")
    with pytest.raises(
        ValueError, match="'code' of type Float64; groups must be text, integers, booleans or dates"
    ):
        measure_file(tmp_path / "q.parquet", **roles, sensitive_features="code", engine=engine)


def test_labels_that_never_meet_are_refused_once_all_is_there(tmp_path, engine):
    def shard(text):
        (tmp_path / "p.csv").write_text("y,new,old\n" + text)
        return measure_file(tmp_path / "p.csv", y_true="y", y_pred="new", y_pred_pooled="old", engine=engine)

    one, other = shard("1,0,1\n" * 20), shard("0,0,0\n0,1,1\n" * 20)
    with pytest.raises(ValueError, match="y_true and y_pred have no label in common"):
        one.certify(tolerance=0.1)
    assert len((one + other).certify(tolerance=0.1)) == 1
    with pytest.raises(
        ValueError,
        match="y_true has the label '<=50K.' and y_pred the label '<=50K', which are counted as different",
    ):
        shard(">50K.,>50K,<=50K\n<=50K.,<=50K,<=50K\n").certify(tolerance=0.1)


def test_open_tables_are_text_as_spelled(tmp_path, engine):
    path = tmp_path / "p[1].csv"
    path.write_text("y,new,old,g,*\n1,1,0,01,\n0,0,0,1,x\n")
    frame = PreferenceFrame.from_frame(
        open_table(path, engine), y_true="y", y_pred="new", y_pred_pooled="old", sensitive_features="g"
    )
    assert gains(frame) == {"01": 1, "1": 0}
    with pytest.raises(ValueError, match="has 1 missing value"):
        PreferenceFrame.from_frame(
            open_table(path, engine), y_true="y", y_pred="new", y_pred_pooled="old", sensitive_features="*"
        )
    path.write_text("y,Y\n1,2\n")
    with pytest.raises(ValueError, match="differ in capitals alone"):
        open_table(path, engine)


def test_a_file_that_changes_meanwhile_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "p.csv"
    path.write_text("y,new,old\n1,1,0\n")
    from fairlearn_fwh.files import _measure

    measure = _measure.measure_losses_lazily

    def meddle(*arguments, **more):
        result = measure(*arguments, **more)
        path.write_text("y,new,old\n1,0,1\n1,0,1\n")
        return result

    monkeypatch.setattr(_measure, "measure_losses_lazily", meddle)
    with pytest.raises(ValueError, match="was changed while it was read"):
        measure_file(path, y_true="y", y_pred="new", y_pred_pooled="old")


def test_more_classes_are_a_warning_that_labels_settle(measure):
    data = "y,new,old\n" + "0,0,0\n1,1,1\n2,5,2\n" * 20
    frame = measure(data)
    with pytest.warns(
        LabelMismatchWarning,
        match="y_pred has 5, which y_true never has; y_true has 2, which y_pred never has",
    ):
        frame.certify(tolerance=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure(data, labels=["0", "1", "2", "5"]).certify(tolerance=0.1)
    with pytest.raises(ValueError, match="y_pred has 5, which labels does not name"):
        measure(data, labels=["0", "1", "2"])


def test_engines_agree_on_adult(real_data, tmp_path):
    table = pd.read_csv(real_data / "adult.csv.gz", dtype=str).iloc[:5000]
    rng = np.random.default_rng(0)
    names = table.columns.tolist()
    table = table[[names[0], names[8], names[9]]].set_axis(["age", "race", "sex"], axis=1).fillna("missing")
    y = rng.integers(0, 2, len(table))
    table = table.assign(
        y=y,
        new=np.where(rng.random(len(y)) < 0.3, 1 - y, y),
        old=np.where(rng.random(len(y)) < 0.2, 1 - y, y),
    )
    table.to_csv(tmp_path / "p.csv", index=False)
    roles = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": ["race", "sex"]}
    frames = [measure_file(tmp_path / "p.csv", **roles, engine=name) for name in ("duckdb", "polars")]
    pd.testing.assert_frame_equal(frames[0].by_group, frames[1].by_group, check_exact=True)
    expected = PreferenceFrame.from_frame(table, **roles)
    pd.testing.assert_frame_equal(
        frames[0].by_group, expected.by_group, check_index_type=False, check_column_type=False
    )


def test_many_spellings_of_numbers_are_equal(measure):
    rows = "".join(f"{i},{i}.0,{i}e+0\n" for i in range(400))
    frame = measure("y,new,old\n" + rows)
    assert frame.overall["risk"] == frame.overall["pooled_risk"] == 0


def test_line_ends_are_no_part_of_numbers(measure):
    with pytest.raises(
        ValueError, match="each have labels that the other lacks|no label in common|counted as different"
    ):
        measure('y,new,old\n1,"1\n",1\n0,0,0\n').certify(tolerance=0.1)
    with pytest.raises(UnreadableValueError, match=r"line 2, column 'w': '1\\n'"):
        measure('y,new,old,w\n1,1,1,"1\n"\n', sample_weight="w")


def test_rows_of_weight_zero_are_left_out_of_labels(measure):
    data = "y,new,old,w\n" + "yes.,yes,yes\n".replace("\n", ",1\n") * 10 + "yes,yes.,yes.,0\n"
    with pytest.raises(ValueError, match="have no label in common|counted as different"):
        measure(data, sample_weight="w").certify(tolerance=0.1)
    assert measure("y,new,old,w\n1,.5,.4,1\n2,.5,.4,0\n", sample_weight="w", loss="brier").overall["n"] == 1


def test_labels_are_no_probabilities(measure):
    with pytest.raises(ValueError, match="y_pred has labels, but loss='brier' compares probabilities"):
        measure("y,new,old\n1,1,0.5\n0,0,0.5\n", loss="brier")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_text_labels_nulls_and_stated_labels_mean_the_same_in_parquet(tmp_path, engine, form):
    def write(**columns):
        table = pd.DataFrame(columns)
        path = tmp_path / f"t.{form}"
        table.to_csv(path, index=False) if form == "csv" else table.to_parquet(path)
        return {"path": path, "y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "engine": engine}

    text = write(y=["0", "1"], new=["0.0", "1"], old=["0", "1.0"])
    assert measure_file(**text).overall["risk"] == 0
    with pytest.raises(UnreadableValueError, match="'nan' beside numbers"):
        measure_file(**write(y=["0", "1"], new=["nan", "1"], old=["0", "1"]))
    numbers = write(y=[0, 1], new=[0, 0], old=[0, 1], g=["NA", "b"])
    assert measure_file(**numbers, labels=["0", "1"]).overall["risk"] == 0.5
    with pytest.raises(UnreadableValueError, match="has 1 missing value"):
        measure_file(**numbers, sensitive_features="g", dialect=Dialect(null=("NA",)))
    with pytest.raises(UnreadableValueError, match="has 1 missing value"):
        measure_file(**write(y=[0, 1], new=[0, 0], old=[0, 1], g=["", "b"]), sensitive_features="g")


@pytest.mark.parametrize(
    ("value", "problem"),
    [(', "new": null', "''"), ("", "''"), (', "new": ""', "''"), (', "new": "NA"', "'NA'")],
)
def test_a_value_that_is_missing_in_json_lines_is_named_by_its_line(tmp_path, engine, value, problem):
    good = '{"y": 1, "old": 1, "new": 1}\n{"y": 0, "old": 0, "new": 0}\n'
    (tmp_path / "t.jsonl").write_text(good + '{"y": 1, "old": 1' + value + "}\n")
    with pytest.raises(
        UnreadableValueError, match=rf"t\.jsonl, line 3, column 'new': {problem}\. y_pred has"
    ):
        measure_file(tmp_path / "t.jsonl", y_true="y", y_pred="new", y_pred_pooled="old", engine=engine)


@pytest.mark.parametrize("kind", ["str", "category"])
@pytest.mark.parametrize("column", ["y", "g", "u"])
@pytest.mark.parametrize("missing", ["", "unknown"])
def test_what_is_missing_is_missing_in_columns_of_categories_too(tmp_path, engine, kind, column, missing):
    table = pd.DataFrame({"y": ["no", "yes", "no"], "g": ["a", "b", "b"], "u": ["1", "2", "3"]})
    table = table.assign(new=table["y"], old=table["y"])
    table.loc[2, column] = missing
    table.astype(dict.fromkeys(table, kind)).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UnreadableValueError, match="has 1 missing value"):
        measure_file(
            tmp_path / "t.parquet", y_true="y", y_pred="new", y_pred_pooled="old", sensitive_features="g", units="u", unit_key="k" * 16,
            engine=engine, dialect=Dialect(null=("unknown",)),
        )  # fmt: skip


def test_short_floats_are_compared_exactly(tmp_path, engine):
    codes = np.array([0, 2**24, 2**24 + 1])[np.arange(300) % 3]
    table = pd.DataFrame({"y": codes, "new": codes.astype("f4"), "old": codes})
    table.to_parquet(tmp_path / "t.parquet")
    frame = measure_file(tmp_path / "t.parquet", y_true="y", y_pred="new", y_pred_pooled="old", engine=engine)
    assert frame.overall["risk"] == pytest.approx(1 / 3)


def test_a_dialect_is_a_dialect(tmp_path):
    with pytest.raises(TypeError, match="dialect must be a Dialect; got ','"):
        measure_file(tmp_path / "t.csv", y_true="y", y_pred="new", y_pred_pooled="old", dialect=",")


def test_columns_are_named_once(measure):
    with pytest.raises(ValueError, match="sensitive_features names column 'g' more than once"):
        measure("y,new,old,g\n1,1,0,a\n", sensitive_features=["g", "g"])
    with pytest.raises(ValueError, match="sensitive_features names no column"):
        measure("y,new,old,g\n1,1,0,a\n", sensitive_features=[])
