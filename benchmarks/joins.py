"""Two files of predictions joined by a key, in DuckDB: time and peak memory as they grow, without and with a limit on its memory.

Each run is a process of its own.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

_PROGRAM = """
import resource, sys, time
import duckdb
from fairlearn_fwh.files import measure_file
if sys.argv[3] != "none":
    duckdb.sql(f"SET memory_limit = '{sys.argv[3]}'")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
frame = measure_file(sys.argv[1], baseline=sys.argv[2], on="id", engine="duckdb", y_true="y", y_pred="answer", y_pred_pooled="answer", sensitive_features="g")
print(int(frame.overall["n"]), time.perf_counter() - start, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""


def main(sizes: tuple[int, ...] = (100_000, 1_000_000, 10_000_000)) -> None:
    with tempfile.TemporaryDirectory() as folder:
        new, old = Path(folder) / "new.parquet", Path(folder) / "old.parquet"
        for n in sizes:
            duckdb.sql(
                f"COPY (SELECT i AS id, (hash(i) % 2)::INT AS y, (hash(i + 1) % 2)::INT AS answer, 'group ' || (hash(i + 3) % 10) AS g FROM range({n}) AS t(i)) TO '{new}'"
            )
            duckdb.sql(
                f"COPY (SELECT {n} - 1 - i AS id, (hash(i + 2) % 2)::INT AS answer FROM range({n}) AS t(i)) TO '{old}'"
            )
            for limit in ("none", "500MB"):
                told = subprocess.run(
                    [sys.executable, "-c", _PROGRAM, str(new), str(old), limit],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout.split()
                print(
                    f"{int(told[0]):>11,} x 2 rows joined, memory limit {limit:<6} {float(told[1]):6.2f} s, {float(told[2]):6,.0f} MB more memory",
                    flush=True,
                )


if __name__ == "__main__":
    main()
