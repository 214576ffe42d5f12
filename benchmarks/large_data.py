"""`PreferenceFrame.from_frame` on Parquet files through DuckDB: peak memory as the file grows.

Each size runs in a process of its own, which tells its peak memory beyond what the libraries take.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

_PROGRAM = """
import resource, sys
import duckdb
from fairlearn_fwh.metrics import PreferenceFrame
connection = duckdb.connect(config={"memory_limit": "200MB", "threads": 2})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
frame = PreferenceFrame.from_frame(
    connection.read_parquet(sys.argv[1]), y_true="y", y_pred="own", y_pred_pooled="pooled", sensitive_features="g",
    n_boot=1000, random_state=0)
frame.overall_ci
print(int(frame.overall["n"]), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000)
"""


def main(sizes: tuple[int, ...] = (1_000_000, 10_000_000, 30_000_000)) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            path = Path(folder) / f"{n}.parquet"
            duckdb.sql(
                f"""COPY (SELECT (hash(i) % 2)::INT AS y, (hash(i + 1) % 2)::INT AS own, (hash(i + 2) % 2)::INT AS pooled,
                (hash(i + 3) % 10)::INT AS g, hash(i + 4) AS noise, hash(i + 5) AS more_noise
                FROM range({n}) AS t(i)) TO '{path}' (FORMAT parquet)"""
            )
            start = time.perf_counter()
            output = subprocess.run(
                [sys.executable, "-c", _PROGRAM, str(path)], capture_output=True, text=True, check=True
            ).stdout.split()
            print(
                f"DuckDB, {int(output[0]):>10,} rows, {path.stat().st_size / 1e6:6.0f} MB of Parquet, 1,000 replicates: "
                f"{float(output[1]):5.0f} MB more memory, {time.perf_counter() - start:5.1f} s",
                flush=True,
            )
            path.unlink()


if __name__ == "__main__":
    main()
