"""Tables, figures and questions of the DAFH paper, each run once on the smallest data."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairlearn_fwh.experiments._dafh._paper_recipe import GRID, recipe_of
from fairlearn_fwh.experiments._dafh._paper_tables import TABLE6_NUMBERS
from fairlearn_fwh.experiments._dafh._questions import run_question
from fairlearn_fwh.experiments._dafh._theory import estimate_discrepancy, held_out_objective
from fairlearn_fwh.experiments._gog._learned_groups import run_gog_groups
from fairlearn_fwh.experiments._registry import DATASETS, REPRODUCTIONS, write_reproduction
from fairlearn_fwh.experiments._transfer import _texts
from fairlearn_fwh.metrics import PreferenceFrame

pytestmark = pytest.mark.slow

mpl.use("Agg")

#: Reproductions of some seconds each; of every paper a shorter one is left.
LONG = (
    "aif360", "costs", "fairsde", "fairsde-inferred", "figure1", "figure2", "figure3", "gog", "gog-ablation", "gog-groups", "lambda",
    "multiclass", "router", "surrogate", "table5", "table6", "table7", "theorems", "transfer", "transfer-sensitivity", "transfer-synthetic", "transfer-text",
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long if name in LONG else ())
        for name in REPRODUCTIONS
        if name != "grid"
    ],
)
def test_every_reproduction_writes_runs_table_and_picture(name, real_data, tmp_path, monkeypatch):
    monkeypatch.setattr(_texts, "MOST_PEOPLE", 1000)  # TF-IDF has thousands of features
    reproduction = REPRODUCTIONS[name]
    arguments = {}
    if DATASETS in reproduction.options:
        arguments = {"datasets": ["german"], "data_home": real_data}
    if "n_splits" in reproduction.options:
        arguments["n_splits"] = 1
    arguments |= reproduction.small
    protocol = "paper" if "protocol" in reproduction.options else None
    if protocol:
        arguments["protocol"] = protocol
    result = reproduction.run(**arguments)
    markdown, files = write_reproduction(name, result, tmp_path / "out", protocol)
    assert [file.suffix for file in files] == [".csv", ".md", ".png"]
    assert len(pd.read_csv(files[0])) > 0
    assert files[1].read_text() == markdown
    assert markdown.startswith("# ")
    assert "| " in markdown
    assert "nan" not in markdown
    assert mpl.image.imread(files[2])[..., :3].std() > 0.03


def test_tables_show_the_papers_numbers_beside_ours(real_data):
    runs = REPRODUCTIONS["table6"].run(["german"], n_splits=1, protocol="paper", data_home=real_data)
    text = REPRODUCTIONS["table6"].markdown(runs, "paper")
    for rate, accuracy, *_ in TABLE6_NUMBERS["german"]:
        assert f"| {rate:.2f} |" in text
        assert f"| {accuracy:.2f} |" in text


@pytest.mark.long
def test_runs_are_the_same_in_parallel():
    one, two = (run_gog_groups(["generated-1"], n_splits=2, n_jobs=n) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_the_grid_is_the_papers():
    assert len(GRID) == len(set(GRID))
    assert f"The {len(GRID)} settings of Table 2" in REPRODUCTIONS["grid"].help
    for dataset in ("german", "bank", "adult"):
        assert recipe_of(dataset) in GRID


def test_unknown_questions_are_refused():
    with pytest.raises(ValueError, match="name must be one of .*; got 'why'"):
        run_question("why")


# --- theorems ------------------------------------------------------------------------------------------------------


def frame_of(rng, n=2000, n_groups=3):
    groups = rng.integers(0, n_groups, n)
    y, pooled = rng.integers(0, 2, (2, n))
    return PreferenceFrame(
        y_true=y, y_pred_pooled=pooled, y_pred_by_group=rng.integers(0, 2, (n, n_groups)), groups=groups
    )


def test_the_objective_is_equation_1(rng):
    frame = frame_of(rng)
    risk = frame.risk_matrix.to_numpy()
    columns = list(frame.risk_matrix.columns)
    expected = 0.0
    for k in range(3):
        own, pooled = risk[k, columns.index(k)], risk[k, columns.index("pooled")]
        expected += ((pooled - own) + sum(risk[k, columns.index(j)] - own for j in range(3)) / 3) / 3
    assert held_out_objective(frame)["objective"] == pytest.approx(expected)


@pytest.mark.parametrize(("smallest", "epsilon"), [(100, 0.50), (500, 0.22), (1000, 0.16), (5000, 0.07)])
def test_theorem_1_is_as_wide_as_the_specification_says(smallest, epsilon):
    n = 2 * smallest
    frame = PreferenceFrame(
        y_true=np.ones(n), y_pred_pooled=np.ones(n), y_pred_by_group=np.ones((n, 2)), groups=np.arange(n) % 2
    )
    assert held_out_objective(frame)["epsilon"] == pytest.approx(epsilon, abs=0.005)


def test_with_two_groups_theorem_1_is_what_happens_if_all_risks_are_off_by_hoeffdings_radius():
    """The interval is too wide to be missed in any simulation; its width is exact in the worst case, and its radius in the tail."""
    n, alpha = 4000, 0.05
    radius = np.sqrt(
        np.log(2 * 2 * 3 / alpha) / (2 * n)
    )  # of each of K (K + 1) risks, at alpha / (K (K + 1))

    def frame(own, others, pooled):
        """Groups whose risks are these shares of errors."""
        risks = {("own", 0): own, ("own", 1): others}
        columns = []
        for classifier in (0, 1):
            errors = [round(n * risks["own", int(classifier != group)]) for group in (0, 1)]
            columns.append(np.concatenate([np.arange(n) >= wrong for wrong in errors]).astype(int))
        wrong = round(n * pooled)
        return PreferenceFrame(
            y_true=np.ones(2 * n, dtype=int),
            y_pred_pooled=np.tile(np.arange(n) >= wrong, 2).astype(int),
            y_pred_by_group=np.column_stack(columns),
            groups=np.repeat([0, 1], n),
        )

    true = held_out_objective(frame(0.5, 0.5, 0.5), alpha)
    worst = held_out_objective(frame(0.5 - radius, 0.5 + radius, 0.5 + radius), alpha)
    assert worst["objective"] - true["objective"] == pytest.approx(true["epsilon"], abs=2e-3)
    missed = 2 * stats.binom.cdf(np.floor(n * (0.5 - radius)), n, 0.5)
    assert 0 < missed <= alpha / (2 * 3)


def test_the_objective_needs_all_classifiers():
    single = PreferenceFrame(y_true=[0, 1] * 20, y_pred=[0, 1] * 20, y_pred_pooled=[0, 1] * 20)
    with pytest.raises(ValueError, match="classifiers of all groups"):
        held_out_objective(single)
    with pytest.raises(ValueError, match="alpha must be between 0 and 1; got 2"):
        held_out_objective(frame_of(np.random.default_rng(0)), alpha=2)


def test_discrepancy_grows_with_the_distance_of_groups(rng):
    X = rng.standard_normal((3000, 2))
    y = (X[:, 0] + rng.standard_normal(3000) > 0).astype(int)
    learned = X[:, 1] > 0
    same = estimate_discrepancy(X, y, X, learned, learned)
    near = estimate_discrepancy(X, y, X, learned, np.where(rng.random(3000) < 0.1, ~learned, learned))
    assert same["bound"].iloc[0] == 0
    assert 0 < near["bound"].iloc[0] == 3 * near["discrepancy"].max()
    assert near["given"].tolist() == [False, True]
