"""Rows that belong together: people who appear several times are counted once."""

import itertools
import json

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner
from scipy import stats

from fairlearn_fwh.audit import Audit
from fairlearn_fwh.cli._main import main
from fairlearn_fwh.exceptions import UnitsWarning
from fairlearn_fwh.files import measure_file
from fairlearn_fwh.metrics import PreferenceFrame, compare, find_harmed_subgroup


def visits(rng, people, rows, alike, *, groups=1, discordance=0.1, loss=0.0):
    """Groups of people with several rows, of whom some always lose or gain (Dirichlet, with this intraclass correlation)."""
    n = people * groups
    shares = np.array([discordance + loss, discordance - loss, 2 - 2 * discordance]) / 2
    own = rng.dirichlet(shares * (1 - alike) / alike, size=n)
    u = rng.random((n, rows))
    loses, gains = u < own[:, [0]], (u >= own[:, [0]]) & (u < own[:, [0]] + own[:, [1]])
    return pd.DataFrame(
        {
            "y": np.zeros(n * rows, dtype=int),
            "new": loses.ravel().astype(int),
            "old": gains.ravel().astype(int),
            "group": np.repeat(np.arange(groups), people * rows),
            "person": np.repeat(np.arange(n), rows),
        }
    )


def frame_of(table, **more):
    return PreferenceFrame(
        y_true=table["y"], y_pred=table["new"], y_pred_pooled=table["old"], sensitive_features=table["group"],
        units=table["person"], labels=[0, 1], **more,
    )  # fmt: skip


COLUMNS = {
    "y_true": "y",
    "y_pred": "new",
    "y_pred_pooled": "old",
    "sensitive_features": "group",
    "labels": [0, 1],
}

# --- level, coverage, power -----------------------------------------------------------------------------------------


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("people", "rows", "alike"), [(500, 2, 0.3), (200, 5, 0.3), (100, 10, 0.7), (50, 20, 0.3)]
)
def test_errors_are_as_rare_as_promised_where_people_appear_often(people, rows, alike):
    """Without units harm is found in 6 to 27 % of such samples, and certificates are false in 7 to 28 %."""
    rng, runs = np.random.default_rng(people), 400
    fair = frame_of(visits(rng, people, rows, alike, groups=runs))
    losing = frame_of(visits(rng, people, rows, alike, groups=runs, loss=0.05))
    intervals = fair.gain_intervals(0.05)
    for wrong in (
        fair.harm_tests(correction=None)["p_value"] < 0.05,
        losing.certify(tolerance=0.05, correction=None)["certified"],
        (intervals["lower"] > 0) | (intervals["upper"] < 0),
    ):
        assert stats.binomtest(int(wrong.sum()), runs, 0.055, alternative="greater").pvalue > 0.01


@pytest.mark.simulation
def test_families_of_twenty_groups_keep_their_level():
    rng, runs, found = np.random.default_rng(1), 60, 0
    for _ in range(runs):
        found += len(frame_of(visits(rng, 100, 5, 0.5, groups=20)).violations(alpha=0.05)) > 0
    assert stats.binomtest(int(found), runs, 0.06, alternative="greater").pvalue > 0.01


def test_rows_of_one_person_each_are_as_many_people(rng):
    table = visits(rng, 2000, 1, 0.5)
    with_units, without = frame_of(table), PreferenceFrame.from_frame(table, **COLUMNS)
    for frame in (with_units, without):
        assert frame.by_group["n"].item() == 2000
    a, b = (f.certify(tolerance=0.02)["lower_bound"].item() for f in (with_units, without))
    assert a == pytest.approx(b, abs=3e-4)
    assert with_units.by_group.equals(without.by_group)


def test_a_copy_of_every_row_adds_no_people(rng):
    table = visits(rng, 500, 1, 0.5, loss=0.04)
    twice = pd.concat([table, table])
    once, copied = frame_of(table), frame_of(twice)
    assert copied.harm_tests()["p_value"].item() == pytest.approx(
        once.harm_tests()["p_value"].item(), rel=1e-6
    )
    assert copied.certify(tolerance=0.1)["lower_bound"].item() == pytest.approx(
        once.certify(tolerance=0.1)["lower_bound"].item(), rel=1e-6
    )
    naive = PreferenceFrame.from_frame(twice, **COLUMNS)
    assert naive.harm_tests()["p_value"].item() < copied.harm_tests()["p_value"].item() / 5


def test_a_single_person_proves_nothing(rng):
    table = visits(rng, 1, 200, 0.1, loss=0.1)
    frame = frame_of(table)
    assert frame.certify(tolerance=0.5)["p_value"].item() == 1
    assert frame.harm_tests()["p_value"].item() == 1
    assert frame.certify(tolerance=0.5)["lower_bound"].item() == -1


@pytest.mark.parametrize(("n_units", "rows"), [(3, 1), (3, 20), (1, 20), (2, 5)])
def test_few_units_who_lose_are_no_proof(n_units, rows):
    """The chance that so many coins fall alike is the least that a p-value can be."""
    person = np.repeat(np.arange(100), rows)
    table = pd.DataFrame(
        {"y": 0, "new": (person < n_units).astype(int), "old": 0, "group": 0, "person": person}
    )
    assert frame_of(table).harm_tests()["p_value"].item() >= 0.5**n_units
    mirrored = table.rename(columns={"new": "old", "old": "new"})
    assert frame_of(mirrored).certify(tolerance=0.0)["p_value"].item() >= 0.5**n_units


def test_few_heavy_people_are_no_proof_with_units_either():
    weights, loses = np.ones(1000), np.zeros(1000, dtype=int)
    weights[:3], loses[:3] = 1000, 1
    table = pd.DataFrame({"y": 0, "new": loses, "old": 0, "group": 0, "person": np.arange(1000)})
    assert frame_of(table, sample_weight=weights).harm_tests()["p_value"].item() >= 0.125
    mirrored = table.rename(columns={"new": "old", "old": "new"})
    assert not frame_of(mirrored, sample_weight=weights).certify(tolerance=0.0)["certified"].item()


def test_groups_of_few_people_are_hidden_however_many_rows_they_have(rng):
    table = visits(rng, 300, 3, 0.3).assign(group="many")
    few = visits(rng, 4, 50, 0.3).assign(group="few").assign(person=lambda t: t["person"] + 1000)
    frame = frame_of(pd.concat([table, few]))
    audit = Audit(frame)
    assert audit.suppressed == ["few"]
    assert audit.to_dict()["units"] is None
    assert "few" not in audit.verdict.replace("fewer", "")
    card = frame.to_model_card()
    assert "| many | 900 | 300 |" in card
    assert "| few |" not in card
    assert "rows of" in Audit(frame_of(table), tolerance=0.0001).verdict


def test_groups_that_share_a_person_are_not_taken_for_independent(rng):
    people = visits(rng, 200, 4, 0.3)
    people["group"] = np.tile(np.arange(4), 200)
    frame = frame_of(people)
    table = frame.certify(tolerance=0.05)
    holm = frame.certify(tolerance=0.05, correction="holm")
    np.testing.assert_allclose(table["p_adjusted"], holm["p_adjusted"])


def test_people_about_whom_nothing_differs_are_counted_once():
    same = pd.DataFrame({"y": 0, "new": 0, "old": 0, "group": 0, "person": np.repeat(np.arange(30), 20)})
    bound = frame_of(same).certify(tolerance=0.05)["lower_bound"].item()
    assert bound < -(1.6**2) / (30 + 1.6**2)


def test_power_counts_what_rows_of_one_person_are_worth(rng):
    frame = frame_of(visits(rng, 200, 10, 0.5))
    naive = PreferenceFrame.from_frame(visits(rng, 200, 10, 0.5), **COLUMNS)
    assert frame.power(0.02)["n_needed"].item() > 3 * naive.power(0.02)["n_needed"].item()


# --- where the data are ---------------------------------------------------------------------------------------------

CASES = {
    "plain": {"y_pred": "a", "y_pred_pooled": "p", "sensitive_features": ["g", "s"]},
    "weights": {"y_pred": "a", "y_pred_pooled": "p", "sensitive_features": "g", "sample_weight": "w"},
    "nobody": {"y_pred": "a", "y_pred_pooled": "p"},
    "controls": {"y_pred": "a", "y_pred_pooled": "p", "sensitive_features": "s", "control_features": "c"},
    "envy": {"y_pred_pooled": "p", "y_pred_by_group": {"f": "a", "m": "b"}, "groups": "s", "sensitive_features": "g"},
    "brier": {"y_pred": "q", "y_pred_pooled": "r", "sensitive_features": "g", "loss": "brier"},
}  # fmt: skip


@pytest.fixture(scope="module")
def table():
    rng, n = np.random.default_rng(0), 600
    return pd.DataFrame(
        {name: rng.integers(0, 2, n) for name in ("y", "a", "b", "p", "c")}
        | {
            "g": rng.choice(list("xyz"), n),
            "s": rng.choice(["f", "m"], n),
            "u": rng.integers(0, 80, n).astype(str),
        }
        | {"w": rng.random(n) + 0.1, "q": rng.random(n), "r": rng.random(n)}
    )


@pytest.mark.parametrize(
    ("engine", "case"),
    [
        *itertools.product(["polars", "duckdb"], CASES),
        pytest.param("dask", "weights", marks=pytest.mark.long),
    ],
)
def test_every_engine_counts_units_alike(table, engine, case):
    if engine == "dask":
        dask = pytest.importorskip("dask")
        data = pytest.importorskip("dask.dataframe").from_pandas(table, npartitions=2)
        scheduler = dask.config.set(scheduler="sync")
    else:
        data = pl.from_pandas(table).lazy() if engine == "polars" else duckdb.from_df(table)
        scheduler = pytest.MonkeyPatch.context()
    columns = {"y_true": "y", "units": "u"} | CASES[case]
    with scheduler:
        ours = PreferenceFrame.from_frame(data, **columns)
    expected = PreferenceFrame.from_frame(table, **columns)
    for show in (lambda f: f.certify(tolerance=0.1), lambda f: f.gain_intervals(), lambda f: f.to_frame()):
        loose = {"check_dtype": False, "check_index_type": False, "check_column_type": False}
        pd.testing.assert_frame_equal(show(ours), show(expected), rtol=1e-8, **loose)


@pytest.mark.parametrize("case", CASES)
def test_shards_of_other_units_add_up(table, case):
    columns = {"y_true": "y", "units": "u"} | CASES[case]
    first = table["u"].astype(int) < 30
    with pytest.warns(UnitsWarning, match="it was not checked that no unit is in both"):
        total = PreferenceFrame.from_frame(table[first], **columns) + PreferenceFrame.from_frame(
            table[~first], **columns
        )
    whole = PreferenceFrame.from_frame(table, **columns)
    pd.testing.assert_frame_equal(total.certify(tolerance=0.1), whole.certify(tolerance=0.1), rtol=1e-8)
    pd.testing.assert_frame_equal(total.to_frame(), whole.to_frame(), rtol=1e-7)


def test_a_file_is_audited_by_unit(rng, tmp_path):
    people = visits(rng, 60, 20, 0.8, groups=2)
    for seed in range(40):  # somebody is found harmed where rows are taken for people
        people = visits(np.random.default_rng(seed), 60, 20, 0.8, groups=2)
        if len(PreferenceFrame.from_frame(people, **COLUMNS).violations(alpha=0.001)):
            break
    path = tmp_path / "visits.csv"
    people.to_csv(path, index=False)
    options = [
        "audit",
        str(path),
        "--y-true",
        "y",
        "--y-pred",
        "new",
        "--pooled",
        "old",
        "--sensitive",
        "group",
        "--labels",
        "0,1",
    ]
    rows = CliRunner().invoke(main, options)
    units = CliRunner().invoke(main, [*options, "--unit", "person", "--json", str(tmp_path / "result.json")])
    assert rows.exit_code == 1
    assert units.exit_code == 0, units.output
    assert json.loads((tmp_path / "result.json").read_text())["units"] == 120
    unknown = CliRunner().invoke(main, [*options, "--unit", "patient"])
    assert unknown.exit_code == 2
    assert "--unit['patient'] is column 'patient', which the frame does not have" in unknown.output


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_column_that_looks_like_one_of_units_is_named(rng, tmp_path, suffix, engine):
    people = (
        visits(rng, 50, 3, 0.3)
        .rename(columns={"person": "Patient_ID"})
        .assign(row_id=np.arange(150), humidity=1)
    )
    path = tmp_path / f"visits.{suffix}"
    people.to_csv(path, index=False) if suffix == "csv" else people.to_parquet(path)
    columns = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "labels": [0, 1], "engine": engine}
    with pytest.warns(UnitsWarning, match="Column 'Patient_ID' has 50 values in 150 rows") as caught:
        measure_file(path, **columns)
    assert len(caught) == 1
    assert measure_file(path, **columns, units="Patient_ID").n_units == 50


# --- subgroups ------------------------------------------------------------------------------------------------------


@pytest.mark.long(but_every=2)
@pytest.mark.simulation
@pytest.mark.parametrize("method", ["scan", "tree"])
def test_no_subgroup_is_found_among_people_who_are_alike_with_themselves(method):
    """Without units somebody is "found" in 93 % of such samples."""
    rng, runs, found = np.random.default_rng(0), 25, 0
    for seed in range(runs):
        people = visits(rng, 200, 10, 0.7)
        X = np.repeat(rng.random((200, 3)), 10, axis=0)
        arguments = {"y_pred_pooled": people["old"], "method": method, "random_state": seed}
        found += find_harmed_subgroup(X, people["y"], people["new"], units=people["person"], **arguments)[
            "harmed"
        ].any()
    assert stats.binomtest(int(found), runs, 0.06, alternative="greater").pvalue > 0.01


def test_a_subgroup_of_people_is_found(rng):
    people = visits(rng, 400, 5, 0.3)
    X = np.repeat(rng.random((400, 3)), 5, axis=0)
    own = np.where((X[:, 0] < 0.4) & (rng.random(2000) < 0.3), 1, people["new"])
    arguments = {"y_pred_pooled": people["old"], "units": people["person"], "random_state": 0}
    found = find_harmed_subgroup(X, people["y"], own, **arguments)
    assert found["harmed"].iloc[0]
    assert found["subgroup"].iloc[0].startswith("x0 <")
    assert found["p_value"].iloc[0] == 1 / 1000


# --- refusals -------------------------------------------------------------------------------------------------------


def test_what_does_not_go_with_units_is_refused(rng):
    table = visits(rng, 50, 3, 0.3)
    frame = frame_of(table)
    with pytest.raises(ValueError, match="method='exact' does not apply to weighted rows or units"):
        frame.certify(tolerance=0.1, method="exact")
    with pytest.raises(ValueError, match="some unit has rows in several intersections"):
        PreferenceFrame(
            y_true=table["y"], y_pred=table["new"], y_pred_pooled=table["old"], labels=[0, 1],
            sensitive_features={"a": table["group"], "b": np.arange(len(table)) % 2}, units=table["person"],
        ).over()  # fmt: skip
    without = PreferenceFrame.from_frame(table, **COLUMNS)
    with pytest.raises(ValueError, match="only if both or neither have units"):
        frame + without
    with pytest.raises(ValueError, match="units has 3 rows, but 150 are expected"):
        PreferenceFrame(y_true=table["y"], y_pred=table["new"], y_pred_pooled=table["old"], units=[1, 2, 3])
    with pytest.raises(ValueError, match="missing value"):
        frame_of(table.assign(person=table["person"].where(table["person"] > 3)))
    with pytest.raises(ValueError, match="of different people, weights, units, audit groups or losses"):
        compare({"a": frame, "b": without})


def test_a_prediction_is_no_unit():
    table = pd.DataFrame({"y": [0, 1], "a": [0, 1], "p": [0, 1]})
    with pytest.raises(ValueError, match="y_true and units\\['y'\\] are the same column"):
        PreferenceFrame.from_frame(table, y_true="y", y_pred="a", y_pred_pooled="p", units="y")


def test_reports_say_that_units_count(rng):
    assert (
        "Rows of one person or other unit count together."
        in frame_of(visits(rng, 300, 3, 0.3)).to_model_card()
    )


# --- replicates and margins ------------------------------------------------------------------------------------------


def test_replicates_draw_units_in_every_engine(rng):
    table = visits(rng, 150, 6, 0.7, groups=2)
    settings = {**COLUMNS, "units": "person", "n_boot": 1500, "random_state": 0}
    frames = [
        PreferenceFrame.from_frame(frame, **settings)
        for frame in (table, pl.from_pandas(table).lazy(), duckdb.from_df(table))
    ]
    first = frames[0].replicates("rationality_gain")
    for other in frames[1:]:
        np.testing.assert_allclose(other.replicates("rationality_gain"), first, atol=1e-12)
    spread = np.sqrt(frames[0]._measured.levels.audit.gain_variance()[:, 1])
    assert first.std().to_numpy() == pytest.approx(spread, rel=0.1)
    rows = PreferenceFrame.from_frame(table, **COLUMNS, n_boot=1500, random_state=0)
    assert (rows.replicates("rationality_gain").std() < 0.7 * first.std()).all()
    with pytest.raises(ValueError, match="more than max_cells=100 combinations of units and groups"):
        PreferenceFrame.from_frame(duckdb.from_df(table), **settings, max_cells=100)


def test_margins_of_units_are_frames_of_their_columns(rng):
    table = visits(rng, 60, 4, 0.5, groups=4)
    table["a"], table["b"] = table["group"] // 2, table["group"] % 2
    arrays = {"y_true": table["y"], "y_pred": table["new"], "y_pred_pooled": table["old"], "labels": [0, 1]}
    together = PreferenceFrame(**arrays, sensitive_features=table[["a", "b"]], units=table["person"]).over()
    alone = PreferenceFrame(**arrays, sensitive_features=table["a"], units=table["person"])
    mine = together.harm_tests(correction=None).iloc[:2]
    assert mine[["n", "units", "gain", "p_value"]].to_numpy() == pytest.approx(
        alone.harm_tests(correction=None)[["n", "units", "gain", "p_value"]].to_numpy()
    )
    assert (together.harm_tests()["p_adjusted"] >= together.harm_tests(correction=None)["p_value"]).all()


@pytest.mark.simulation
def test_few_units_of_many_rows_are_no_small_risk(rng):
    """One unit in twenty has thirty rows. Where only small ones lose by chance the rows look as if a loss were ruled out: 58 % false certificates before."""
    units, runs = 300, 200
    sizes = np.where(rng.random(units * runs) < 0.05, 30, 1)
    unit = np.repeat(np.arange(units * runs), sizes)
    loses = (rng.random(units * runs) < 0.02)[unit]
    frame = PreferenceFrame(
        y_true=np.zeros(len(unit), dtype=int), y_pred=loses.astype(int), y_pred_pooled=np.zeros(len(unit), dtype=int),
        sensitive_features=unit // units, units=unit, labels=[0, 1],
    )  # fmt: skip
    table = frame.certify(tolerance=0.02, correction=None)
    assert table["certified"].mean() < 0.05
    assert set(table["method"]) == {"none: few people have most of the weight"}
    alike = frame_of(visits(rng, 1500, 3, 0.2, discordance=0.01))
    assert alike.certify(tolerance=0.02)["certified"].all()


@pytest.mark.parametrize("engine", ["pandas", "polars lazy", "duckdb", "dask"])
def test_a_unit_in_two_spellings_is_refused_by_every_engine(engine):
    table = visits(np.random.default_rng(0), 40, 5, 0.5).reset_index(drop=True)
    odd = np.arange(len(table)) % 2 == 0
    table["person"] = np.where(odd, table["person"].astype(str), table["person"].astype(str) + ".0")
    data = {
        "pandas": lambda: table,
        "polars lazy": lambda: pl.from_pandas(table).lazy(),
        "duckdb": lambda: duckdb.from_df(table),
        "dask": lambda: pytest.importorskip("dask.dataframe").from_pandas(table, npartitions=2),
    }[engine]()
    with pytest.raises(ValueError, match="one unit in two spellings"):
        PreferenceFrame.from_frame(data, **COLUMNS, units="person")
