"""Two files about the same cases, joined by a key: the same figures as one file, or a sentence that counts what is wrong."""

import json

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.files import measure_file
from fairlearn_fwh.metrics import PreferenceFrame

ROLES = {"y_true": "y", "y_pred": "answer", "y_pred_pooled": "answer", "sensitive_features": ["lang"]}


@pytest.fixture
def cases(rng):
    n = 300
    y = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "id": [f"case {i:03}" for i in range(n)], "number": np.arange(n), "y": y, "lang": rng.choice(["de", "en", "01"], n),
            "new": np.where(rng.random(n) < 0.2, 1 - y, y), "old": np.where(rng.random(n) < 0.3, 1 - y, y), "w": rng.integers(1, 5, n),
        }
    )  # fmt: skip


def write(table, path):
    if path.name.endswith("parquet"):
        table.to_parquet(path, index=False)
    elif path.name.endswith("csv"):
        table.to_csv(path, index=False)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in table.to_dict("records")))
    return path


@pytest.fixture
def files(cases, tmp_path):
    def files(new="csv", old="csv", change=lambda table: table, of_old=("id", "number", "old")):
        left = cases[["id", "number", "y", "lang", "w", "new"]].rename(columns={"new": "answer"})
        right = cases[list(of_old)].rename(columns={"old": "answer"}).sample(frac=1, random_state=0)
        return write(left, tmp_path / f"new.{new}"), write(change(right), tmp_path / f"old.{old}")

    return files


def expected(cases, **more):
    return PreferenceFrame(
        y_true=cases["y"],
        y_pred=cases["new"],
        y_pred_pooled=cases["old"],
        sensitive_features={"lang": cases["lang"]},
        **more,
    )


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize(
    "formats",
    [("csv", "csv"), ("parquet", "parquet"), ("jsonl", "jsonl"), ("csv", "parquet"), ("jsonl", "csv")],
)
@pytest.mark.parametrize("key", ["id", "number"])
def test_a_joined_audit_is_that_of_one_table(cases, files, engine, formats, key):
    new, old = files(*formats)
    found = measure_file(new, baseline=old, on=key, engine=engine, **ROLES)
    pd.testing.assert_frame_equal(found.by_group, expected(cases).by_group)


def test_weights_losses_and_several_keys(cases, files):
    new, old = files("parquet", "csv")
    losses = {"error": "zero_one", "missed": "missed"}
    found = measure_file(new, baseline=old, on=["id", "number"], sample_weight="w", loss=losses, **ROLES)
    pd.testing.assert_frame_equal(found.gains, expected(cases, sample_weight=cases["w"], loss=losses).gains)


def test_truth_and_groups_may_be_in_either_file(cases, files, tmp_path):
    new = write(cases[["id", "new"]].rename(columns={"new": "answer"}), tmp_path / "new.csv")
    old = write(cases[["id", "old", "y", "lang"]].rename(columns={"old": "answer"}), tmp_path / "old.csv")
    pd.testing.assert_frame_equal(
        measure_file(new, baseline=old, on="id", **ROLES).by_group, expected(cases).by_group
    )


def left_out(table):
    return table.iloc[5:]


def twice(table):
    return pd.concat([table, table.iloc[:3]])


def without_key(table):
    return table.assign(id=[None, None, *table["id"].iloc[2:]])


def other_people(table):
    return table.assign(id=table["id"] + "x")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (left_out, r"5 of 300 rows of new.csv have no partner in old.csv, and 0 of 295 the other way round"),
        (twice, r"old.csv has 3 rows whose key 'id' comes more than once \(303 rows, 300 keys\)"),
        (without_key, r"old.csv has 2 of 300 rows without the key 'id'"),
        (other_people, r"No key of new.csv is in old.csv: these are other people"),
        (
            lambda table: table.drop(columns="answer"),
            r"y_pred_pooled is column 'answer', which old.csv does not have",
        ),
        (lambda table: table.drop(columns="id"), r"The key 'id' is not a column of old.csv"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_counts(files, change, sentence):
    new, old = files(change=change)
    with pytest.raises(ValueError, match=sentence):
        measure_file(new, baseline=old, on="id", **ROLES)


def test_rows_without_a_partner_are_left_out_if_that_is_said(cases, files):
    new, old = files(change=left_out)
    with pytest.warns(UserWarning, match="5 of 300 rows of new.csv have no partner"):
        frame = measure_file(new, baseline=old, on="id", allow_unmatched=True, **ROLES)
    assert frame.overall["n"] == 295
    new, old = files(change=twice)
    with pytest.raises(ValueError, match="comes more than once"):
        measure_file(new, baseline=old, on="id", allow_unmatched=True, **ROLES)


def test_values_that_contradict_each_other_are_refused(cases, files):
    new, old = files(
        of_old=("id", "old", "lang"), change=lambda table: table.assign(lang=["xx", *table["lang"].iloc[1:]])
    )
    with pytest.raises(ValueError, match="'lang' is in both files and differs in 1 of 300 rows"):
        measure_file(new, baseline=old, on="id", **ROLES)


def test_one_file_and_half_of_the_arguments(files):
    new, old = files()
    with pytest.raises(ValueError, match="same file"):
        measure_file(new, baseline=new, on="id", **ROLES)
    with pytest.raises(ValueError, match="baseline needs on"):
        measure_file(new, baseline=old, **ROLES)
    with pytest.raises(ValueError, match="on and allow_unmatched are for two files"):
        measure_file(new, on="id", **(ROLES | {"y_pred_pooled": "y"}))


def test_a_missing_label_is_told_with_its_file(files):
    new, old = files(change=lambda table: table.assign(answer=[None, *table["answer"].iloc[1:]]))
    with pytest.raises(ValueError, match=r"missing value.* of old\.csv"):
        measure_file(new, baseline=old, on="id", **ROLES)


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_json_lines_are_read_as_spelled(tmp_path, engine):
    path = tmp_path / "t.jsonl"
    path.write_text('{"y": 1, "a": 1, "b": 0, "g": "01"}\n{"y": 0, "b": 0, "a": 0, "g": 1, "more": null}\n')
    frame = measure_file(
        path, y_true="y", y_pred="a", y_pred_pooled="b", sensitive_features="g", engine=engine
    )
    assert frame.by_group["rationality_gain"].to_dict() == {"01": 1.0, "1": 0.0}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[1]", "t.jsonl, line 2 is not a JSON object"),
        ("{", "t.jsonl, line 2 is not a JSON object"),
        ("", "t.jsonl, line 2 is not a JSON object"),
        ('{"y": [1]}', "t.jsonl, line 2, 'y' is a list or an object"),
        ('{"y": NaN}', "line 2 has NaN"),
        ('{"y": 1, "y": 0}', "line 2 has a name twice"),
        ('{"a": 1}', "y_true has 1 missing value"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, line, sentence):
    path = tmp_path / "t.jsonl"
    path.write_text('{"y": 1, "a": 1, "b": 0}\n' + line + '\n{"y": 1, "a": 1, "b": 0}\n')
    with pytest.raises(ValueError, match=sentence):
        measure_file(path, y_true="y", y_pred="a", y_pred_pooled="b")


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_booleans_are_numbers_as_in_one_file(cases, tmp_path, engine):
    new = write(cases[["id", "y", "lang", "new"]].rename(columns={"new": "answer"}), tmp_path / "new.csv")
    old = write(cases[["id"]].assign(answer=cases["old"].astype(bool)), tmp_path / "old.parquet")
    found = measure_file(new, baseline=old, on="id", engine=engine, **ROLES)
    pd.testing.assert_frame_equal(found.by_group, expected(cases).by_group)


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("kind", ["float64", "float32", "int8", "uint64", "decimal", "text"])
def test_keys_that_are_equal_numbers_meet(cases, tmp_path, engine, kind):
    cases = cases.iloc[:100].assign(number=np.arange(100))
    new = write(
        cases[["number", "y", "lang", "new"]].rename(columns={"new": "answer"}), tmp_path / "new.parquet"
    )
    numbers = cases["number"]
    if kind == "decimal":
        from decimal import Decimal

        other = [Decimal(f"{i}.00") for i in numbers]
    else:
        other = numbers.astype(str) if kind == "text" else numbers.astype(kind)
    old = write(pd.DataFrame({"number": other, "answer": cases["old"]}), tmp_path / "old.parquet")
    found = measure_file(new, baseline=old, on="number", engine=engine, **ROLES)
    pd.testing.assert_frame_equal(found.by_group, expected(cases).by_group)


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_large_keys_and_missing_ones(cases, tmp_path, engine):
    large = np.uint64(2**63) + np.arange(300, dtype=np.uint64)
    new = write(
        cases[["y", "lang", "new"]].rename(columns={"new": "answer"}).assign(k=large),
        tmp_path / "new.parquet",
    )
    old = write(pd.DataFrame({"k": large, "answer": cases["old"]}), tmp_path / "old.parquet")
    found = measure_file(new, baseline=old, on="k", engine=engine, **ROLES)
    pd.testing.assert_frame_equal(found.by_group, expected(cases).by_group)
    fraction = pd.Series([np.nan, *np.arange(1, 300) + 0.5])
    for path in (new, old):
        write(pd.read_parquet(path).assign(k=fraction), path)
    with pytest.warns(UserWarning, match="1 of 300 rows"):
        assert (
            measure_file(new, baseline=old, on="k", engine=engine, allow_unmatched=True, **ROLES).overall["n"]
            == 299
        )


def test_the_baseline_may_call_its_predictions_like_anything_in_the_new_file(cases, tmp_path):
    old = write(cases[["id", "old"]].rename(columns={"old": "p"}), tmp_path / "old.csv")
    roles = {"y_true": "y", "y_pred_pooled": "p", "sensitive_features": ["lang"]}
    for own, change in (("new", {"p": "x"}), ("p", {"p": cases["new"], "p (baseline)": "y"})):
        new = write(cases[["id", "y", "lang", "new"]].assign(**change), tmp_path / "new.csv")
        groups = roles | ({"sensitive_features": ["lang", "p (baseline)"]} if own == "p" else {})
        found = measure_file(new, baseline=old, on="id", y_pred=own, **groups)
        assert found.overall["rationality_gain"] == pytest.approx(expected(cases).overall["rationality_gain"])
    by_group = measure_file(
        write(cases[["id", "y", "lang"]].assign(p=cases["new"], q=cases["new"], r=cases["new"]), tmp_path / "new.csv"),
        baseline=old, on="id", y_true="y", y_pred_pooled="p", y_pred_by_group={"de": "p", "en": "q", "01": "r"}, groups="lang",
    )  # fmt: skip
    assert by_group.overall["rationality_gain"] == pytest.approx(expected(cases).overall["rationality_gain"])


def test_shared_numbers_may_be_spelled_otherwise(cases, tmp_path):
    new = write(
        cases[["id", "y", "lang", "w", "new"]].rename(columns={"new": "answer"}), tmp_path / "new.csv"
    )
    old = write(
        cases[["id", "w", "y", "old"]].rename(columns={"old": "answer"}).astype({"w": float, "y": float}),
        tmp_path / "old.parquet",
    )
    found = measure_file(new, baseline=old, on="id", sample_weight="w", **ROLES)
    pd.testing.assert_frame_equal(found.by_group, expected(cases, sample_weight=cases["w"]).by_group)


def test_groups_of_floats_are_refused_as_in_one_file(cases, tmp_path):
    new = write(
        cases[["id", "y", "new"]].rename(columns={"new": "answer"}).assign(lang=0.5), tmp_path / "new.parquet"
    )
    old = write(cases[["id", "old"]].rename(columns={"old": "answer"}), tmp_path / "old.parquet")
    with pytest.raises(
        ValueError, match=r"sensitive_features\['lang'\] is column 'lang' of type Float64; groups must be"
    ):
        measure_file(new, baseline=old, on="id", **ROLES)
