"""Audits of CSV and Parquet files beside what their engine needs to count the same columns by group.

Each run is a process of its own, which tells its time without imports and its peak memory. CSV columns are text for both, as an audit reads them.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from ._timing import show, show_short

_ROLES = 'y_true="y", y_pred="new", y_pred_pooled="old", sensitive_features=["group"]'

_READ = {
    ("duckdb", "csv"): "duckdb.read_csv(path, all_varchar=True)",
    ("duckdb", "parquet"): "duckdb.read_parquet(path)",
    ("polars", "csv"): "polars.scan_csv(path, infer_schema=False)",
    ("polars", "parquet"): "polars.scan_parquet(path)",
}

_COUNT = {
    "duckdb": "duckdb.sql('SELECT y, new, old, \"group\", count(*) FROM table_ GROUP BY ALL').fetchall()",
    "polars": "table_.group_by('y', 'new', 'old', 'group').agg(polars.len()).collect(engine='streaming')",
}

_START = "import resource, sys, time, duckdb, polars\nduckdb.sql('SET enable_progress_bar = false')\nfrom fairlearn_fwh.files import measure_file\npath, engine = sys.argv[1:]\nstart = time.perf_counter()\n"

_END = "\nprint(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)"


def write(path: Path, n: int, n_groups: int = 6, n_more_columns: int = 0) -> None:
    """Write predictions of two classifiers, as CSV or Parquet by the name's ending, without holding them in memory."""
    y, one_in_five = "hash(i) % 2", "(hash(i + {seed}) % 5 = 0)::INT"
    columns = {
        "y": y,
        "new": f"xor({y}, {one_in_five.format(seed=n)})",
        "old": f"xor({y}, {one_in_five.format(seed=2 * n)})",
        '"group"': f"'group ' || hash(i + {3 * n}) % {n_groups}",
        **{f"more_{k}": f"hash(i + {k}) % 10" for k in range(n_more_columns)},
    }
    chosen = ", ".join(f"{what} AS {name}" for name, what in columns.items())
    duckdb.sql(f"COPY (SELECT {chosen} FROM range({n}) AS t(i)) TO '{path}'")


def run(program: str, path: Path, engine: str) -> tuple[float, float]:
    """Time in seconds and peak memory in MB."""
    output = subprocess.run(
        [sys.executable, "-c", _START + program + _END, str(path), engine],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return float(output[0]), float(output[1])


def compare(what: str, path: Path, engine: str, aim: float | None, repeats: int) -> None:
    """Compare an audit with a count."""
    count = f"table_ = {_READ[engine, path.suffix[1:]]}\n{_COUNT[engine]}"
    ours, theirs = (
        min(run(program, path, engine) for _ in range(repeats))
        for program in (f"measure_file(path, {_ROLES}, engine=engine, max_cells=1_000_000)", count)
    )
    show(
        f"{engine}, {path.suffix[1:]}, {what}; peak memory {ours[1]:,.0f} and {theirs[1]:,.0f} MB",
        ours[0],
        theirs[0],
        aim,
    )


def main(n: int = 10_000_000, repeats: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"predictions.{ending}" for ending in ("csv", "parquet")]
        for path in paths:
            for rows in (n // 100, n // 10, n):
                write(path, rows)
                for engine in ("duckdb", "polars"):
                    aim = 1 / 1.5 if rows == n and path.suffix == ".csv" else None
                    compare(f"{rows:,} rows", path, engine, aim, repeats)
            write(path, n // 10, n_groups=100_000)
            compare(f"{n // 10:,} rows, 100,000 groups", path, "duckdb", None, repeats)
        # Last, because a process that starts others hands on how much memory it has.
        for path in paths:
            write(path, n // 1000, n_more_columns=4_000)
            compare(f"{n // 1000:,} rows, 4,000 more columns", path, "duckdb", None, repeats)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    main(parser.parse_args().rows)
    show_short()
