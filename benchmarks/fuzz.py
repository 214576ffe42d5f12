"""Random tables of predictions in every container: figures against brute force, engines against each other, faults that must be refused.

``python -m benchmarks.fuzz --cases 100000``; ``--containers dask,spark`` for these two. A case is one table in one container. What is found is
printed with its seed, by which it comes again; the exit status is 1 if anything was found.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import gzip
import math
import random
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from tqdm import tqdm

from fairlearn_fwh.files import Dialect, measure_file
from fairlearn_fwh.metrics import PreferenceFrame

NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")

#: Spellings of groups and of labels that readers like to change.
WORDS = (
    "a", "A", "b", "01", "1", "1.1", "1.10", "1e2", "100", "True", "TRUE", "t", "true", "2020-1-2", "2020-01-02", "#1", "Yes", "yes", "é", "x y",
    " x", "x ", "a,b", "a;b", 'q"q', "NaN?", "-", "nil2", "[x]", "*", "９", "line\nend",
)  # fmt: skip
NAMES = (
    "y",
    "new",
    "old",
    "x.y",
    "role_0",
    "column_1",
    "n",
    "weight",
    "sélection",
    "a b",
    'q"q',
    "everybody",
    "own",
    "wrong",
    "*",
    "1",
    "rowid",
    "select",
)

LABELS: dict[str, Callable[[random.Random], list[Any]]] = {
    "codes": lambda rng: [0, 1],
    "booleans": lambda rng: [False, True],
    "floats": lambda rng: [0.0, 1.0],
    "large codes": lambda rng: [2**53, 2**53 + 1],
    "classes": lambda rng: list(range(rng.randint(3, 5))),
    "signs": lambda rng: [-1, 1],
    "text": lambda rng: rng.sample(["yes", "no", ">50K", "01", "é", "a,b"], 2),
    "dates": lambda rng: [datetime.date(2020, 1, 1), datetime.date(2021, 1, 2)],
}


@dataclass(frozen=True)
class Table:
    """Columns of a random table by their names, and the arguments by which they are measured."""

    columns: dict[str, list[Any]]
    arguments: dict[str, Any]
    kind: str = ""

    def role(self, name: str) -> list[Any]:
        """Values of the column that has a role."""
        return self.columns[self.arguments[name]]

    def with_column(self, name: str, values: list[Any]) -> Table:
        """Put other values into a column."""
        return replace(self, columns={**self.columns, name: values})


def draw_table(rng: random.Random) -> Table:
    """Draw a table that is valid in every container."""
    n = rng.choice([1, 2, 5, 20, 40])
    names = rng.sample(NAMES, len(NAMES))
    kind = rng.choice(list(LABELS))
    loss = rng.choice(["zero_one"] * 6 + ["rejection", "brier", "log", "absolute", "squared"])
    labels = LABELS[kind](rng)
    columns: dict[str, list[Any]] = {}
    arguments: dict[str, Any] = {"loss": loss}

    def add(role: str, values: list[Any]) -> None:
        arguments[role] = names.pop()
        columns[arguments[role]] = values

    if loss == "zero_one":
        draw: Callable[[], Any] = lambda: rng.choice(labels)  # noqa: E731
    elif loss == "rejection":
        draw = lambda: rng.choice([0, 1])  # noqa: E731
    else:
        draw = lambda: round(rng.uniform(0.001, 0.999), 3)  # noqa: E731
    truth = [draw() if loss in ("zero_one", "absolute", "squared") else rng.choice([0, 1]) for _ in range(n)]
    add("y_true", truth)
    add(
        "y_pred",
        [draw() if rng.random() < 0.4 else y for y in truth]
        if loss == "zero_one"
        else [draw() for _ in truth],
    )
    add(
        "y_pred_pooled",
        [draw() if rng.random() < 0.4 else y for y in truth]
        if loss == "zero_one"
        else [draw() for _ in truth],
    )
    for _ in range(rng.randint(0, 2)):
        groups = _draw_groups(rng)
        name = names.pop()
        columns[name] = [rng.choice(groups) for _ in range(n)]
        arguments.setdefault("sensitive_features", []).append(name)
    if rng.random() < 0.3:
        scale = rng.choice([1.0, 1.0, 1e-160, 1e150])
        weights = [rng.choice([0.0, 0.25, 1.0, 2.5]) * scale for _ in range(n)]
        rows_of: dict[Any, int] = {}
        for i, weight in enumerate(weights):  # a group without any weight is refused
            label = tuple(columns[name][i] for name in arguments.get("sensitive_features", []))
            rows_of[label] = i if weight or label not in rows_of else rows_of[label]
        for i in rows_of.values():
            weights[i] = weights[i] or scale
        add("sample_weight", weights)
    return Table(columns, arguments, kind if loss == "zero_one" else loss)


def _draw_groups(rng: random.Random) -> list[Any]:
    kind = rng.choice(["text"] * 4 + ["codes", "booleans", "dates"])
    if kind == "text":
        return rng.sample(WORDS, rng.randint(1, 6))
    if kind == "codes":
        return rng.sample([0, 1, 2, 10, -3, 2**40], rng.randint(1, 4))
    return [False, True] if kind == "booleans" else [datetime.date(2020, 1, 2), datetime.date(2019, 12, 31)]


# Brute force ------------------------------------------------------------------------------------------------------------------------------


def brute_force(table: Table, *, is_text: bool) -> dict[Any, tuple[int, float, float]]:
    """Number of people, risk and gain of each group, in plain Python."""
    loss = table.arguments["loss"]
    y, own, pooled = (table.role(role) for role in ("y_true", "y_pred", "y_pred_pooled"))
    if is_text and loss == "zero_one":
        y, own, pooled = _as_read_from_text(y, own, pooled)
    weights = table.role("sample_weight") if "sample_weight" in table.arguments else [1.0] * len(y)
    largest = max(weights)
    names = table.arguments.get("sensitive_features", [])
    sums: dict[Any, list[float]] = {}
    for i, weight in enumerate(weights):
        if weight > 0:
            label: Any = tuple(
                written(table.columns[name][i]) if is_text else table.columns[name][i] for name in names
            )
            label = label[0] if len(label) == 1 else label or "all"
            group = sums.setdefault(label, [0, 0.0, 0.0, 0.0])
            group[0] += 1
            group[1] += weight / largest
            group[2] += weight / largest * loss_of(loss, y[i], own[i])
            group[3] += weight / largest * loss_of(loss, y[i], pooled[i])
    return {
        label: (int(n), w_own / w, (w_pooled - w_own) / w) for label, (n, w, w_own, w_pooled) in sums.items()
    }


def _as_read_from_text(*columns: list[Any]) -> list[list[Any]]:
    """Labels as a file gives them: numbers if all of them are."""
    texts = [[written(value) for value in column] for column in columns]
    if all(NUMBER.fullmatch(text) for column in texts for text in column):
        return [[Decimal(text) for text in column] for column in texts]
    return texts


def loss_of(loss: str, y: Any, p: Any) -> float:
    if loss == "zero_one":
        return float(y != p)
    if loss == "rejection":
        return float(p != 1)
    if loss == "log":
        return -math.log(p if y == 1 else 1 - p)
    return abs(y - p) if loss == "absolute" else (y - p) ** 2


def written(value: Any) -> str:
    """A value as a CSV file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


# Containers -------------------------------------------------------------------------------------------------------------------------------


def _arrow(table: Table) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in table.columns.items()})


def _categorical(table: Table) -> pd.DataFrame:
    frame = pd.DataFrame(table.columns)
    names = table.arguments.get("sensitive_features", [])
    return frame.astype(dict.fromkeys(names, "category"))


FRAMES: dict[str, Callable[[Table], Any]] = {
    "pandas object": lambda t: pd.DataFrame(
        {name: pd.Series(values, dtype=object) for name, values in t.columns.items()}
    ),
    "pandas": lambda t: pd.DataFrame(t.columns),
    "pandas categorical": _categorical,
    "pandas nullable": lambda t: pd.DataFrame(t.columns).convert_dtypes(),
    "pandas arrow": lambda t: pd.DataFrame(t.columns).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda t: pl.DataFrame(t.columns),
    "polars lazy": lambda t: pl.LazyFrame(t.columns),
    "pyarrow": _arrow,
    "duckdb": lambda t: duckdb.from_arrow(_arrow(t)),
}


def _dask(table: Table) -> Any:
    import dask
    import dask.dataframe as dd

    # Dask would make text of dates that are objects.
    dask.config.set({"scheduler": "sync", "dataframe.convert-string": False})
    return dd.from_pandas(pd.DataFrame(table.columns), npartitions=2)


def spark_session(master: str = "local[1]", **more: str) -> Any:
    """Give the session of Spark, with what makes small queries quick."""
    from pyspark import sql

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    return sql.SparkSession.builder.master(master).config(map=settings | more).getOrCreate()


def _spark(table: Table) -> Any:
    rows = list(zip(*table.columns.values(), strict=True))
    return spark_session().createDataFrame(rows, list(table.columns))


DISTRIBUTED = {"dask": _dask, "spark": _spark}

FILES = ("csv duckdb", "csv polars", "csv.gz duckdb", "csv.gz polars", "parquet duckdb", "parquet polars")


def write_csv(table: Table, path: Path, rng: random.Random) -> Dialect:
    """Write a table in one of the ways that RFC 4180 allows."""
    delimiter = rng.choice([",", ",", ";", "\t", "|"])
    lines: list[str] = []

    class Lines:
        def write(self, text: str) -> None:
            """Keep what the writer writes."""
            lines.append(text)

    writer = csv.writer(
        Lines(),
        delimiter=delimiter,
        lineterminator=rng.choice(["\n", "\r\n"]),
        quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    )
    writer.writerow(list(table.columns))
    writer.writerows([written(value) for value in row] for row in zip(*table.columns.values(), strict=True))
    text = "".join(lines)
    text = text.rstrip("\r\n") if rng.random() < 0.1 else text
    data = text.encode("utf-8-sig" if rng.random() < 0.1 else "utf-8")
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return Dialect(delimiter=delimiter)


def measure(table: Table, container: str, folder: Path, rng: random.Random) -> PreferenceFrame:
    """Measure a table in a container."""
    if container in FILES:
        form, engine = container.split()
        path = folder / f"{rng.choice(['p', 'p[1]', 'p*', 'a=b'])}.{form}"
        dialect = Dialect()
        if form == "parquet":
            pl.DataFrame(table.columns).write_parquet(path)
        else:
            dialect = write_csv(table, path, rng)
        return measure_file(path, **table.arguments, engine=engine, dialect=dialect)
    make = FRAMES.get(container) or DISTRIBUTED[container]
    return PreferenceFrame.from_frame(make(table), **table.arguments)


def differences(table: Table, container: str, frame: PreferenceFrame) -> Iterator[str]:
    """Say where the figures of a frame are not those of brute force."""
    is_text = container in FILES
    expected = brute_force(table, is_text=is_text)
    found = {
        _plain(label): (int(row.n), float(row.risk), float(row.rationality_gain))
        for label, row in zip(frame.by_group.index, frame.by_group.itertuples(), strict=True)
    }
    wanted = {_plain(label): figures for label, figures in expected.items()}
    if found.keys() != wanted.keys():
        yield f"groups {sorted(map(str, found))} instead of {sorted(map(str, wanted))}"
        return
    for label, figures in wanted.items():
        if not np.allclose(found[label], figures, rtol=1e-9, atol=1e-9):
            yield f"group {label!r}: {found[label]} instead of {figures}"


def _plain(label: Any) -> Any:
    """A label without the type of the container."""
    if isinstance(label, tuple):
        return tuple(map(_plain, label))
    label = label.item() if isinstance(label, np.generic) else label
    return label.date() if isinstance(label, datetime.datetime | pd.Timestamp) else label


# Faults -----------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """What is wrong with a table, and what its error must name."""

    spoil: Callable[[Table, random.Random], Table | None]
    names: tuple[str, ...]


def _missing(role: str) -> Callable[[Table, random.Random], Table | None]:
    def spoil(table: Table, rng: random.Random) -> Table | None:
        if role not in table.arguments:
            return None
        name = table.arguments[role]
        name = name[0] if isinstance(name, list) else name
        values: list[Any] = list(table.columns[name])
        values[rng.randrange(len(values))] = None
        return table.with_column(name, values) if any(value is not None for value in values) else None

    return spoil


def _twice(table: Table, rng: random.Random) -> Table:
    roles = [
        role for role in ("y_true", "y_pred", "y_pred_pooled", "sample_weight") if role in table.arguments
    ]
    first, second = rng.sample(roles, 2)
    return replace(table, arguments={**table.arguments, second: table.arguments[first]})


def _weight(value: float) -> Callable[[Table, random.Random], Table | None]:
    def spoil(table: Table, rng: random.Random) -> Table | None:
        if "sample_weight" not in table.arguments:
            return None
        weights = list(table.role("sample_weight"))
        weights[0] = value
        return table.with_column(table.arguments["sample_weight"], weights)

    return spoil


def _other_labels(table: Table, rng: random.Random) -> Table | None:
    if table.arguments["loss"] != "zero_one" or table.kind not in ("codes", "text"):
        return None
    labels = table.role("y_pred")
    other = [label + 7 for label in labels] if table.kind == "codes" else [f"{label}." for label in labels]
    return table.with_column(table.arguments["y_pred"], other)


FAULTS = {
    "missing truth": Fault(_missing("y_true"), ("y_true",)),
    "missing prediction": Fault(_missing("y_pred"), ("y_pred",)),
    "missing pooled prediction": Fault(_missing("y_pred_pooled"), ("y_pred_pooled",)),
    "missing group": Fault(_missing("sensitive_features"), ("sensitive_features",)),
    "missing weight": Fault(_missing("sample_weight"), ("sample_weight",)),
    "one column twice": Fault(_twice, ("same column",)),
    "negative weight": Fault(_weight(-1.0), ("sample_weight",)),
    "infinite weight": Fault(_weight(math.inf), ("sample_weight",)),
    "labels that never meet": Fault(_other_labels, ("y_true", "y_pred")),
}


def refused(table: Table, container: str, folder: Path, fault: Fault, rng: random.Random) -> str:
    """Return what is wrong with how a fault is told; empty if nothing is."""
    try:
        measure(table, container, folder, rng).certify(tolerance=0.01)
    except (ValueError, TypeError) as error:
        return "" if all(name in str(error) for name in fault.names) else f"says {error}"
    except BaseException as error:
        return f"raises {type(error).__name__}: {error}"
    return "is not refused"


# All cases --------------------------------------------------------------------------------------------------------------------------------


def run(
    n_cases: int, seed: int = 0, containers: tuple[str, ...] | None = None, *, progress: bool = False
) -> list[str]:
    """Try random cases; return what was wrong, each with the seed of its table.

    A tenth of the tables is spoiled, and must be refused.
    """
    containers = (*FRAMES, *FILES) if containers is None else containers
    problems: list[str] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bar = tqdm(total=n_cases, disable=not progress)
        number = 0
        while counts.total() < n_cases:
            number += 1
            own_seed = seed * 1_000_000_007 + number
            rng = random.Random(own_seed)
            table = draw_table(rng)
            name = rng.choice(list(FAULTS)) if rng.random() < 0.1 else None
            spoiled = FAULTS[name].spoil(table, rng) if name else None
            for container in containers:
                if counts.total() >= n_cases:
                    break
                counts[container] += 1
                bar.update()
                where = f"table {own_seed} ({table.kind}{f', {name}' if spoiled else ''}) in {container}"
                if spoiled and name:
                    if _can_hold(spoiled, container):
                        problem = refused(spoiled, container, Path(folder), FAULTS[name], rng)
                        problems += [f"{where}: {problem}"] if problem else []
                    continue
                try:
                    frame = measure(table, container, Path(folder), rng)
                    problems += [f"{where}: {problem}" for problem in differences(table, container, frame)]
                except BaseException as error:
                    problems.append(f"{where}: raises {type(error).__name__}: {error}")
        bar.close()
    return problems


def _can_hold(table: Table, container: str) -> bool:
    """Whether a container can be made of a spoiled table; a CSV file writes None as text."""
    return not (
        container.startswith("csv")
        and any(value is None for column in table.columns.values() for value in column)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Fuzz measuring.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--containers", default=None, help="names, separated by commas; by default all but dask and spark"
    )
    options = parser.parse_args()
    containers = tuple(options.containers.split(",")) if options.containers else None
    problems = run(options.cases, options.seed, containers, progress=True)
    print(f"{options.cases:,} cases, {len(problems)} problems")
    for problem in problems[:20]:
        print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
