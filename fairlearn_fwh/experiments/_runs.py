"""Random splits of data sets, worked off in parallel, and how their figures are summarised and written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import stats

from ..metrics._core._units import Unit
from ._data import DataSpec, Split, make_split

#: What a run tells: rows of a table.
Rows = list[dict[str, Any]]

Progress = Callable[[Iterable[Any], int], Iterable[Any]]

PROTOCOLS = ("strict", "paper")

TEST_SIZE = 0.25


def run_splits(
    task: Callable[[str, int, Split], Rows],
    data: dict[str, DataSpec],
    datasets: Sequence[str],
    *,
    n_splits: int,
    protocol: str = "strict",
    data_home: Any = None,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Call a task for every data set and every random split, through joblib.

    Parameters
    ----------
    task : callable (data set, seed, split) -> list of dict
    data : dict from name to DataSpec
        All data sets that can be asked for.
    datasets : sequence of str
    n_splits : int
        Seeds 0 to ``n_splits - 1``; a quarter of the rows is for testing.
    protocol : {"strict", "paper"}
        Under "paper" data sets are loaded with the leakage that the paper has used.
    data_home : path-like, optional
    n_jobs : int, optional
        Splits at a time; by default what `joblib.parallel_config` says, which may be a Dask or Ray cluster, else 1.
    progress : callable (iterable, total) -> iterable, optional
        Wraps the work to show how far it is.

    Returns
    -------
    DataFrame
        The rows of all tasks, in order, with the columns `dataset` and `split` in front.

    Raises
    ------
    ValueError
        If a data set is unknown, or the protocol or the number of splits is out of range.
    """
    if unknown := [name for name in datasets if name not in data]:
        raise ValueError(f"datasets must be among {list(data)}; got {unknown}.")
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {list(PROTOCOLS)}; got {protocol!r}.")
    _check_n_splits(n_splits)
    bunches = {}
    for name in datasets:
        published = data[name].load_as_published if protocol == "paper" else None
        bunches[name] = (published or data[name].load)(data_home)

    def run(name: str, seed: int) -> Rows:
        make = data[name].split or make_split
        split = make(bunches[name], data[name].attribute, test_size=TEST_SIZE, random_state=seed)
        return [{"dataset": name, "split": seed, **row} for row in task(name, seed, split)]

    plan = [(name, seed) for name in datasets for seed in range(n_splits)]
    parts: Iterable[Rows] = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(run)(name, seed) for name, seed in plan
    )
    if progress is not None:
        parts = progress(parts, len(plan))
    return pd.DataFrame([row for part in parts for row in part])


def _check_n_splits(n_splits: int) -> None:
    if n_splits < 1:
        raise ValueError(f"n_splits must be at least 1; got {n_splits!r}.")


def run_draws(
    task: Callable[[int], Rows], n_splits: int, n_jobs: int | None, progress: Progress | None
) -> pd.DataFrame:
    """Call a task for every draw of generated data, seeds 0 to ``n_splits - 1``, through joblib; the rows of all, in order."""
    _check_n_splits(n_splits)
    parts: Iterable[Rows] = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(task)(seed) for seed in range(n_splits)
    )
    if progress is not None:
        parts = progress(parts, n_splits)
    return pd.DataFrame([row for part in parts for row in part])


def corrected_standard_error(differences: pd.Series, n_train: float, n_test: float) -> float:
    """Standard error of a mean over random splits of one sample (Nadeau and Bengio 2003).

    Parameters
    ----------
    differences : Series, shape (J,)
        A figure of each split.
    n_train, n_test : float
        Rows of each split; overlapping training sets make the naive error too small.

    Returns
    -------
    float
        ``sqrt((1 / J + n_test / n_train) * variance)``; NaN for a single split.
    """
    return float(np.sqrt((1 / len(differences) + n_test / n_train) * differences.var(ddof=1)))


def interval(differences: pd.Series, n_train: float = 3.0, n_test: float = 1.0) -> tuple[float, float]:
    """95 % t interval of a mean over random splits.

    Parameters
    ----------
    differences : Series, shape (J,)
        A figure of each split.
    n_train, n_test : float
        Rows of each split, up to a factor; with 0 test rows splits are independent draws.

    Returns
    -------
    low, high : float
        NaN for a single split.
    """
    if len(differences) < 2:
        return np.nan, np.nan
    half = stats.t.ppf(0.975, len(differences) - 1) * corrected_standard_error(differences, n_train, n_test)
    return float(differences.mean() - half), float(differences.mean() + half)


def with_interval(
    differences: pd.Series, write: Callable[[float], str], n_train: float = 3.0, n_test: float = 1.0
) -> str:
    """Write a mean over random splits and, if there are several, its interval."""
    low, high = interval(differences, n_train, n_test)
    mean = write(differences.mean())
    return mean if np.isnan(low) else f"{mean} ({write(low)} to {write(high)})"


def percent(value: float, deviation: float = np.nan) -> str:
    """Write a share in per cent, with its standard deviation if there is one."""
    if np.isnan(value):
        return "–"
    return f"{100 * value:.2f}" + ("" if np.isnan(deviation) else f" ± {100 * deviation:.2f}")


def points(value: float) -> str:
    """Write a difference in percentage points."""
    return Unit("zero_one").gain(value)
