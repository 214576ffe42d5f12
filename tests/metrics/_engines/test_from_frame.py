"""The same figures from every engine, and clear errors before anything is computed."""

import datetime
import subprocess
import sys
import textwrap

import dask
import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fairlearn_fwh.metrics import PreferenceFrame

from ..samples import random_sample

N = 2_000


def make_table():
    y, pooled, by_group, groups = random_sample(0, N, 3)
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "y": y, "pooled": pooled, "p1": by_group[:, 0], "p2": by_group[:, 1], "p3": by_group[:, 2],
            "group": np.array(["p1", "p2", "p3"])[groups], "code": groups, "own": by_group[np.arange(N), groups],
            "race": rng.choice(list("xyz"), N), "sex": rng.choice(["f", "m"], N), "year": rng.integers(2020, 2022, N),
            "weight": rng.integers(0, 4, N) / 4, "score": rng.random(N), "score0": rng.random(N),
            "label": np.array(["no", "yes"])[y], "label_own": np.array(["no", "yes"])[pooled], "flag": pooled == 1,
            "label_pooled": np.array(["no", "yes"])[by_group[:, 0]],
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return make_table()


ENGINES = {
    "polars": pl.from_pandas,
    "polars lazy": lambda table: pl.from_pandas(table).lazy(),
    "pyarrow": lambda table: pa.Table.from_pandas(table),
    "duckdb": lambda table: duckdb.from_arrow(pa.Table.from_pandas(table)),
    "dask": lambda table: dd.from_pandas(table, npartitions=3),
}
LAZY = [name for name in ENGINES if name not in ("polars", "pyarrow")]

CASES = {
    "envy": {"y_pred_pooled": "pooled", "y_pred_by_group": ["p1", "p2", "p3"], "groups": "group", "sensitive_features": ["race", "sex"]},
    "labelled": {"y_pred": "own", "y_pred_pooled": "pooled", "y_pred_by_group": {0: "p1", 1: "p2", 2: "p3"}, "groups": "code"},
    "weighted": {"y_pred": "own", "y_pred_pooled": "pooled", "sensitive_features": "race", "sample_weight": "weight"},
    "weighted by booleans": {"y_pred": "own", "y_pred_pooled": "pooled", "sensitive_features": "race", "sample_weight": "flag"},
    "nobody": {"y_pred": "own", "y_pred_pooled": "pooled"},
    "controls": {"y_pred": "own", "y_pred_pooled": "pooled", "sensitive_features": "sex", "control_features": "year"},
    "booleans": {"y_pred": "flag", "y_pred_pooled": "own", "sensitive_features": "sex"},
    "text": {"y_true": "label", "y_pred": "label_own", "y_pred_pooled": "label_pooled", "sensitive_features": "sex"},
    "log": {"y_pred": "score", "y_pred_pooled": "score0", "sensitive_features": "race", "loss": "log", "loss_limit": 3.0},
    "brier": {"y_pred": "score", "y_pred_pooled": "score0", "sensitive_features": ["race"], "loss": "brier", "sample_weight": "weight"},
    "unweighted brier": {"y_pred": "score", "y_pred_pooled": "score0", "sensitive_features": ["race", "sex"], "loss": "brier"},
    "absolute": {"y_pred": "score", "y_pred_pooled": "score0", "loss": "absolute", "loss_limit": 0.8},
    "squared envy": {"y_pred_pooled": "score0", "y_pred_by_group": {"f": "score", "m": "pooled"}, "groups": "sex", "loss": "squared", "loss_limit": 1.0},
}  # fmt: skip


def assert_same(ours, expected):
    loose = {
        "check_dtype": False,
        "check_index_type": False,
        "check_column_type": False,
        "rtol": 1e-9,
        "atol": 1e-12,
    }
    for name in ("by_group", "risk_matrix", "envy_matrix"):
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(expected, name), **loose)
    for name in ("overall", "overall_ci"):
        ours_, expected_ = (
            pd.concat(x) if isinstance(x := getattr(f, name), dict) else x for f in (ours, expected)
        )
        compare = (
            pd.testing.assert_series_equal if isinstance(ours_, pd.Series) else pd.testing.assert_frame_equal
        )
        compare(ours_, expected_, check_index_type=False, check_dtype=False, rtol=1e-9)
    pd.testing.assert_frame_equal(ours.certify(tolerance=0.1), expected.certify(tolerance=0.1), **loose)


#: Dask takes a second or more for each case.
OF_DASK = ("weighted", "text")


@pytest.mark.parametrize(
    ("engine", "case"),
    [
        pytest.param(engine, case, marks=pytest.mark.long if engine == "dask" and case not in OF_DASK else ())
        for engine in ENGINES
        for case in CASES
    ],
)
def test_every_engine_gives_the_figures_of_pandas(table, engine, case):
    columns = {"y_true": "y"} | CASES[case]
    with dask.config.set(scheduler="sync"):
        frame = PreferenceFrame.from_frame(ENGINES[engine](table), **columns)
    assert_same(frame, PreferenceFrame.from_frame(table, **columns))


def test_from_frame_is_the_constructor_on_columns(table):
    frame = PreferenceFrame.from_frame(
        table, y_true="y", y_pred="own", y_pred_pooled="pooled", sensitive_features=["race", "sex"]
    )
    direct = PreferenceFrame(
        y_true=table["y"],
        y_pred=table["own"],
        y_pred_pooled=table["pooled"],
        sensitive_features=table[["race", "sex"]],
    )
    assert_same(frame, direct)


def test_pooled_people_are_known_in_an_engine(table):
    changed = table.assign(group=np.where(table["race"] == "x", "pooled", table["group"]))
    columns = {"y_true": "y"} | CASES["envy"]
    frame = PreferenceFrame.from_frame(pl.from_pandas(changed).lazy(), **columns)
    assert_same(frame, PreferenceFrame.from_frame(changed, **columns))
    assert frame.by_group.loc["x", "rationality_gain"].eq(0).all()


@pytest.mark.parametrize("case", ["envy", "weighted", "brier"])
def test_the_bootstrap_of_an_engine_is_that_of_memory(table, case):
    columns = {"y_true": "y", "n_boot": 1500, "random_state": 0} | CASES[case]
    ours, expected = (
        PreferenceFrame.from_frame(data, **columns).replicates("rationality_gain")
        for data in (pl.from_pandas(table).lazy(), table)
    )
    assert ours.mean().to_numpy() == pytest.approx(expected.mean().to_numpy(), abs=0.01)
    assert ours.std().to_numpy() == pytest.approx(expected.std().to_numpy(), rel=0.1)


@pytest.mark.parametrize("engine", ["polars lazy", "duckdb"])
@pytest.mark.parametrize("loss", ["absolute", "squared"])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_small_integers_do_not_overflow(engine, loss, dtype, rng):
    data = pd.DataFrame(rng.integers(0, 120, (60, 4)), columns=["y", "own", "pooled", "weight"]).astype(dtype)
    columns = {
        "y_true": "y",
        "y_pred": "own",
        "y_pred_pooled": "pooled",
        "sample_weight": "weight",
        "loss": loss,
        "loss_limit": 5000.0,
    }
    assert_same(
        PreferenceFrame.from_frame(ENGINES[engine](data), **columns),
        PreferenceFrame.from_frame(data.astype(float), **columns),
    )


@pytest.mark.parametrize("engine", ["polars lazy", "duckdb"])
def test_decimals_are_numbers(engine, table):
    exact = table.assign(**{name: np.rint(16 * table[name]) / 16 for name in ("score", "score0")})
    if engine == "duckdb":
        casts = ", ".join(f"CAST({name} AS DECIMAL(12, 4)) AS {name}" for name in ("score", "score0"))
        data = ENGINES["duckdb"](exact).project(f"* REPLACE ({casts})")
    else:
        data = ENGINES[engine](exact).with_columns(pl.col("score", "score0").cast(pl.Decimal(12, 4)))
    columns = {"y_true": "y"} | CASES["brier"]
    assert_same(PreferenceFrame.from_frame(data, **columns), PreferenceFrame.from_frame(exact, **columns))
    with pytest.raises(ValueError, match="y_pred has fractions"):
        PreferenceFrame.from_frame(data, y_true="y", y_pred="score", y_pred_pooled="pooled")


def test_a_column_of_lists_is_no_group():
    data = pl.DataFrame({"y": [0, 1], "own": [0, 1], "pooled": [0, 0], "s": [[1], [2]]})
    for frame in (data, data.lazy()):
        with pytest.raises(ValueError, match="must have one value per row; column 's' is List"):
            PreferenceFrame.from_frame(
                frame, y_true="y", y_pred="own", y_pred_pooled="pooled", sensitive_features="s"
            )


def test_dates_stay_dates(table):
    dates = np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[ns]")[table["code"].to_numpy() % 2]
    frame = PreferenceFrame(
        y_true=table["y"], y_pred=table["own"], y_pred_pooled=table["pooled"], sensitive_features=dates
    )
    assert frame.by_group.index.tolist() == [pd.Timestamp("2020-01-01"), pd.Timestamp("2021-01-01")]


def test_column_names_do_not_collide_with_ours(table):
    names = {"y": "loss_own", "own": "weight_squared", "pooled": "n", "race": "wrong", "sex": "disagrees"}
    renamed = table.drop(columns="weight").rename(columns=names)
    frame = PreferenceFrame.from_frame(
        pl.from_pandas(renamed).lazy(),
        y_true="loss_own",
        y_pred="weight_squared",
        y_pred_pooled="n",
        sensitive_features=["wrong", "disagrees"],
    )
    expected = PreferenceFrame.from_frame(
        table, y_true="y", y_pred="own", y_pred_pooled="pooled", sensitive_features=["race", "sex"]
    )
    assert frame.by_group.to_numpy()[:, :4].tolist() == expected.by_group.to_numpy()[:, :4].tolist()


BAD = {
    "missing column": ({}, {"y_pred": "owm"}, "y_pred is column 'owm', which the frame does not have; it has"),
    "no own": ({}, {"y_pred": None}, "y_pred is needed unless both"),
    "no groups": ({}, {"y_pred_by_group": ["p1"]}, "groups is needed with y_pred_by_group"),
    "missing label": ({"y": lambda t: t["y"].where(t.index > 2)}, {}, r"y_true has 3 missing value\(s\)"),
    "missing group": ({"race": lambda t: t["race"].where(t.index > 2)}, {}, "race.* missing value"),
    "probabilities for labels": ({}, {"y_pred": "score"}, "y_pred has fractions.*loss='zero_one' compares labels"),
    "labels for probabilities": ({}, {"y_pred": "year", "y_pred_pooled": "score0", "loss": "brier"}, "y_pred has labels.*compares probabilities"),
    "text for numbers": ({}, {"y_pred": "sex", "y_pred_pooled": "score0", "loss": "brier"}, "y_pred"),
    "text for labels": ({}, {"y_pred": "sex"}, "y_pred and y_true have labels of different types"),
    "other labels": ({}, {"y_true": "year", "y_pred": "score", "y_pred_pooled": "score0", "loss": "log"}, r"needs y_true in \{0, 1\}"),
    "negative weight": ({"weight": lambda t: -t["weight"]}, {"sample_weight": "weight"}, "sample_weight must be finite and not negative"),
    "no weight": ({"weight": lambda t: 0.0 * t["weight"]}, {"sample_weight": "weight"}, "sample_weight is zero for every row"),
    "text weight": ({}, {"sample_weight": "sex"}, "sample_weight must be numbers"),
    "unknown group": ({}, {"y_pred": None, "y_pred_by_group": ["p1", "p2"], "groups": "group"}, "groups names \\['p3'\\], which y_pred_by_group does not have"),
    "contradiction": ({"label_code": lambda t: 1 - t["own"]}, {"y_pred": "label_code", "y_pred_by_group": ["p1", "p2", "p3"], "groups": "group"}, "y_pred differs from the column of y_pred_by_group"),
    "fractions for labels": ({}, {"y_true": "score", "y_pred": "score0"}, "y_true has fractions"),
    "several groups, one label": ({}, {"y_pred": None, "y_pred_by_group": ["p1", "p2"], "groups": ["race", "sex"]}, "needs a label of 2 values for the columns"),
    "text labels of numbers": ({}, {"y_pred": None, "y_pred_by_group": ["p1", "p2"], "groups": "code"}, "groups is column 'code' of type .* has the label 'p1'"),
    "one column twice": ({}, {"y_pred": "pooled"}, "y_pred_pooled and y_pred are the same column 'pooled'"),
    "grouping by a prediction": ({}, {"sensitive_features": "own"}, "y_pred and sensitive_features.* are the same column 'own'"),
    "unknown loss": ({}, {"loss": "hinge"}, "loss must be one of"),
    "unknown pooled group": ({}, {"pooled_groups": ["p9"]}, "pooled_groups names"),
    "bad bootstrap": ({}, {"n_boot": 0}, "n_boot must be an integer"),
}  # fmt: skip


@pytest.mark.parametrize("engine", ["pandas", "polars lazy", "duckdb"])
@pytest.mark.parametrize("problem", BAD)
def test_bad_input_is_named_by_every_engine(table, engine, problem):
    change, arguments, message = BAD[problem]
    data = ENGINES.get(engine, lambda t: t)(table.assign(**change))
    arguments = {
        "y_true": "y",
        "y_pred": "own",
        "y_pred_pooled": "pooled",
        "sensitive_features": "race",
    } | arguments
    with pytest.raises(ValueError, match=message):
        PreferenceFrame.from_frame(data, **arguments)


@pytest.mark.parametrize("engine", LAZY)
def test_an_empty_frame_is_refused(table, engine):
    data = (
        ENGINES[engine](table.iloc[:0]) if engine != "dask" else dd.from_pandas(table.iloc[:0], npartitions=1)
    )
    with pytest.raises(ValueError, match="no rows; at least one is needed"):
        PreferenceFrame.from_frame(data, y_true="y", y_pred="own", y_pred_pooled="pooled")


@pytest.mark.parametrize("engine", ["polars lazy", "duckdb"])
def test_one_row_and_a_group_of_one_can_be_measured(table, engine):
    one = PreferenceFrame.from_frame(
        ENGINES[engine](table.iloc[:1]), y_true="y", y_pred="own", y_pred_pooled="pooled"
    )
    assert one.overall["n"] == 1
    assert not one.certify(tolerance=0.5)["certified"].any()
    lonely = table.assign(race=np.where(table.index == 5, "lonely", table["race"]))
    frame = PreferenceFrame.from_frame(
        ENGINES[engine](lonely), y_true="y", y_pred="own", y_pred_pooled="pooled", sensitive_features="race"
    )
    assert frame.by_group.loc["lonely", "n"] == 1


def test_a_group_without_any_weight_is_refused(table):
    weights = table.assign(weight=np.where(table["race"] == "x", table["weight"], 0.0))
    columns = {"y_true": "y"} | CASES["weighted"]
    for frame in (pl.from_pandas(weights).lazy(), weights):
        with pytest.raises(
            ValueError, match="All rows of the group . have weight 0, so nothing can be said of it"
        ):
            PreferenceFrame.from_frame(frame, **columns)


def test_too_many_cells_are_refused(table):
    lazy = pl.from_pandas(table).lazy()
    columns = {"y_true": "y"} | CASES["log"]
    assert PreferenceFrame.from_frame(lazy, **columns, max_cells=3).by_group.shape[0] == 3
    with pytest.raises(
        ValueError, match="more than max_cells=1,000 combinations of distinct losses and groups"
    ):
        PreferenceFrame.from_frame(lazy, **columns, n_boot=10, max_cells=1_000)
    with pytest.raises(ValueError, match="more than max_cells=2 combinations of groups"):
        PreferenceFrame.from_frame(lazy, **columns, max_cells=2)


def test_a_function_cannot_run_in_an_engine(table):
    def own_loss(y_true, y_pred):
        return np.abs(y_true - y_pred)

    arguments = {"y_true": "y", "y_pred": "score", "y_pred_pooled": "score0", "loss": own_loss}
    with pytest.raises(ValueError, match="a function cannot run in its engine"):
        PreferenceFrame.from_frame(pl.from_pandas(table).lazy(), **arguments)
    assert PreferenceFrame.from_frame(table, **arguments).overall["risk"] > 0


def test_what_is_no_frame_is_refused():
    with pytest.raises(TypeError, match="dict"):
        PreferenceFrame.from_frame({"y": [1]}, y_true="y", y_pred="y", y_pred_pooled="y")


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
def test_duckdb_measures_a_file_that_is_larger_than_its_memory(tmp_path):
    """In a process of its own, to see how much memory it takes."""
    path = tmp_path / "large.parquet"
    duckdb.sql(
        f"""COPY (SELECT (hash(i) % 2)::INT AS y, (hash(i + 1) % 2)::INT AS own, (hash(i + 2) % 2)::INT AS pooled,
        (hash(i + 3) % 10)::INT AS g, hash(i + 4) AS noise, hash(i + 5) AS more_noise, hash(i + 6) AS still_more
        FROM range(5000000) AS t(i)) TO '{path}' (FORMAT parquet)"""
    )
    limit = 80
    assert path.stat().st_size > limit * 1_000_000
    script = f"""
        import duckdb, resource
        from fairlearn_fwh.metrics import PreferenceFrame
        connection = duckdb.connect(config={{"memory_limit": "{limit}MB", "threads": 1}})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        frame = PreferenceFrame.from_frame(
            connection.read_parquet({str(path)!r}), y_true="y", y_pred="own", y_pred_pooled="pooled",
            sensitive_features="g", n_boot=100, random_state=0)
        print(int(frame.overall["n"]), len(frame.by_group), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    ).stdout
    n, n_groups, growth = map(int, output.split())
    assert (n, n_groups) == (5_000_000, 10)
    assert growth / 1000 < 2 * limit  # kilobytes on Linux


CASED = {
    "polars": pl.DataFrame,
    "polars lazy": lambda columns: pl.LazyFrame(columns),
    "pyarrow": pa.table,
    "duckdb": lambda columns: duckdb.from_arrow(pa.table(columns)),
    "dask": lambda columns: dd.from_pandas(pd.DataFrame(columns), npartitions=2),
}

#: The same, but for Dask, which takes a second or more for each case.
QUICK = [pytest.param(name, marks=pytest.mark.long) if name == "dask" else name for name in CASED]


def assert_like_pandas(frame, table, **columns):
    with dask.config.set(scheduler="sync"):
        ours = PreferenceFrame.from_frame(frame, **columns)
    expected = PreferenceFrame.from_frame(table, **columns)
    for name in ("by_group", "envy_matrix"):
        pd.testing.assert_frame_equal(
            getattr(ours, name), getattr(expected, name), check_index_type=False, check_column_type=False
        )


@pytest.mark.parametrize("engine", CASED)
def test_groups_that_differ_in_capitals_alone_keep_their_classifiers(engine, rng):
    y = rng.integers(0, 2, 200)
    columns = {"y": y, "old": y, "good": y, "bad": 1 - y, "g": rng.choice(["a", "A"], 200)}
    roles = {
        "y_true": "y",
        "y_pred_pooled": "old",
        "y_pred_by_group": {"a": "good", "A": "bad"},
        "groups": "g",
    }
    assert_like_pandas(CASED[engine](columns), pd.DataFrame(columns), **roles)


@pytest.mark.parametrize("engine", QUICK)
@pytest.mark.parametrize(
    "names",
    [
        ("x.y", "role_0", "*"),
        ("rowid", "select", "a b"),
        pytest.param(("weight", "everybody", 'q"q'), marks=pytest.mark.long),
        pytest.param(("column_1", "n", "own"), marks=pytest.mark.long),
    ],
)
def test_names_that_mean_something_to_an_engine_are_names(engine, names, rng):
    y = rng.integers(0, 2, 60)
    new, old, group = names
    columns = {"y": y, new: 1 - y, old: y, group: rng.choice(["a", "b"], 60)}
    roles = {"y_true": "y", "y_pred": new, "y_pred_pooled": old, "sensitive_features": group}
    assert_like_pandas(CASED[engine](columns), pd.DataFrame(columns), **roles)


@pytest.mark.parametrize("lazy", [False, True])
def test_dictionaries_of_different_categories_are_text(lazy, rng):
    y, new, old = (rng.choice(["no", "yes"], 60) for _ in range(3))
    columns = {"y": y, "new": new, "old": old, "g": rng.choice(["a", "b"], 60)}
    kinds = [pl.Enum(["no", "yes"]), pl.Enum(["yes", "no"]), pl.Categorical(), pl.Enum(["b", "a", "never"])]
    frame = pl.DataFrame(columns).with_columns(
        *(pl.col(name).cast(kind) for name, kind in zip(columns, kinds, strict=True))
    )
    roles = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": "g"}
    assert_like_pandas(frame.lazy() if lazy else frame, pd.DataFrame(columns), **roles)


@pytest.mark.parametrize("engine", QUICK)
def test_decisions_may_be_floats(engine, rng):
    columns = {
        "y": rng.integers(0, 2, 40),
        "new": rng.integers(0, 2, 40).astype(float),
        "old": rng.integers(0, 2, 40).astype(float),
    }
    roles = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "loss": "rejection"}
    assert_like_pandas(CASED[engine](columns), pd.DataFrame(columns), **roles)


def test_names_may_be_integers_and_not_several_levels():
    columns = {0: [1, 0], 1: [1, 1], 2: [0, 0], 3: ["a", "b"]}
    frame = PreferenceFrame.from_frame(
        pd.DataFrame(columns), y_true=0, y_pred=1, y_pred_pooled=2, sensitive_features=3
    )
    assert frame.by_group["rationality_gain"].to_dict() == {"a": 1, "b": -1}
    several = pd.DataFrame(columns).set_axis(
        pd.MultiIndex.from_product([["p"], ["y", "new", "old", "g"]]), axis=1
    )
    with pytest.raises(ValueError, match="frame has column names of several levels; .* one level"):
        PreferenceFrame.from_frame(
            several, y_true=("p", "y"), y_pred=("p", "new"), y_pred_pooled=("p", "old")
        )
    repeated = pd.DataFrame([[1, 1, 0, 0]], columns=["y", "new", "old", "old"])
    with pytest.raises(ValueError, match="frame has several columns named 'old'"):
        PreferenceFrame.from_frame(repeated, y_true="y", y_pred="new", y_pred_pooled="old")


@pytest.mark.parametrize("engine", ["polars lazy", "duckdb"])
@pytest.mark.parametrize(
    ("new", "message"),
    [
        ([b"a", b"b"], "y_pred must be text or numbers; its column holds bytes"),
        (
            [datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1)],
            "y_pred and y_true have labels of different types",
        ),
        ([2**53 + 1, 5], "y_pred has the label 9007199254740993: numbers above"),
        (np.array([2**63, 1], dtype=np.uint64), "y_pred has the label 9223372036854775808"),
    ],
)
def test_values_that_an_engine_would_compare_in_vain_are_refused(engine, new, message):
    floats = message.startswith("y_pred has the label 9007")
    table = {"y": [0.0, 1.0] if floats else [0, 1], "new": new, "old": [0, 1]}
    with pytest.raises(ValueError, match=message):
        PreferenceFrame.from_frame(CASED[engine](table), y_true="y", y_pred="new", y_pred_pooled="old")


@pytest.mark.parametrize("engine", ["polars lazy", "duckdb"])
@pytest.mark.parametrize("role", ["sensitive_features", "units"])
def test_durations_are_neither_groups_nor_units_of_engines(engine, role):
    table = {
        "y": [0, 1],
        "new": [1, 1],
        "old": [0, 1],
        "time": [datetime.timedelta(1), datetime.timedelta(2)],
    }
    with pytest.raises(ValueError, match=rf"{role}\['time'\] must be text or numbers; .* durations"):
        PreferenceFrame.from_frame(
            CASED[engine](table), y_true="y", y_pred="new", y_pred_pooled="old", **{role: "time"}
        )


@pytest.mark.parametrize("engine", ["polars lazy", "duckdb"])
@pytest.mark.parametrize("scale", [1e-170, 1e155])
def test_engines_scale_weights(engine, scale, table):
    heavy = table.assign(weight=table["weight"] * scale)
    columns = {"y_true": "y"} | CASES["weighted"]
    plain = PreferenceFrame.from_frame(table, **columns)
    ours = PreferenceFrame.from_frame(ENGINES[engine](heavy), **columns)
    pd.testing.assert_frame_equal(ours.by_group, plain.by_group, rtol=1e-9, check_index_type=False)
    pd.testing.assert_frame_equal(
        ours.certify(tolerance=0.1), plain.certify(tolerance=0.1), rtol=1e-7, check_dtype=False
    )


def test_a_relation_with_two_columns_of_one_name_is_refused():
    relation = duckdb.sql("select 1 as y, 1 as new, 0 as old, 0 as new from range(5)")
    with pytest.raises(ValueError, match="The frame has several columns named 'new'|does not have"):
        PreferenceFrame.from_frame(relation, y_true="y", y_pred="new", y_pred_pooled="old")


def test_timestamps_of_different_units_are_refused_by_every_engine():
    table = pa.table(
        {
            "y": pa.array([0, 1], pa.timestamp("ns")),
            "new": pa.array([0, 1], pa.timestamp("ms")),
            "old": pa.array([0, 1], pa.timestamp("ns")),
        }
    )
    for frame in (pl.from_arrow(table).lazy(), duckdb.from_arrow(table)):
        with pytest.raises(
            ValueError,
            match="y_pred and y_true have labels of different types .*timestamp in ms and timestamp in ns",
        ):
            PreferenceFrame.from_frame(frame, y_true="y", y_pred="new", y_pred_pooled="old")
