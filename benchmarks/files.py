"""An audit of a CSV file of ten million rows, with the rules of the whole file, beside an engine's own guesses on a part of it.

Each run is a process of its own, which tells its peak memory. What is compared with is what the package did before: the engine's reader with all
its guesses, and the same measuring.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

_ROLES = 'y_true="y", y_pred="new", y_pred_pooled="old", sensitive_features=["race", "sex"]'

_PROGRAMS = {
    "ours": f"from fairlearn_fwh.files import measure_file\nframe = measure_file(sys.argv[1], {_ROLES}, engine=sys.argv[2])",
    "guessed": "from fairlearn_fwh.metrics import PreferenceFrame\nimport duckdb, polars\n"
    "table = duckdb.read_csv(sys.argv[1]) if sys.argv[2] == 'duckdb' else polars.scan_csv(sys.argv[1])\n"
    f"frame = PreferenceFrame.from_frame(table, {_ROLES})",
}

_END = "\nimport resource\nprint(int(frame.overall['n']), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)"


def _write(path: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    pl.DataFrame(
        {
            "y": y,
            "new": np.where(rng.random(n) < 0.2, 1 - y, y),
            "old": np.where(rng.random(n) < 0.2, 1 - y, y),
            "race": rng.choice(["Black", "White", "Asian"], n),
            "sex": rng.choice(["Female", "Male"], n),
        }
    ).write_csv(path)


def _run(program: str, path: Path, engine: str) -> tuple[float, float]:
    """Wall time in seconds and peak memory in MB."""
    start = time.perf_counter()
    output = subprocess.run(
        [sys.executable, "-c", f"import sys\n{_PROGRAMS[program]}{_END}", str(path), engine],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return time.perf_counter() - start, float(output[1])


def main(n: int = 10_000_000, repeats: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for rows in (n // 4, n):
            path = Path(folder) / "predictions.csv"
            _write(path, rows)
            for engine in ("duckdb", "polars"):
                runs = {name: [_run(name, path, engine) for _ in range(repeats)] for name in _PROGRAMS}
                (ours, our_memory), (guessed, memory) = (min(runs[name]) for name in ("ours", "guessed"))
                print(
                    f"{engine:<7} {rows:>11,} rows   whole-file rules {ours:5.2f} s, {our_memory:4.0f} MB   guessed {guessed:5.2f} s, {memory:4.0f} MB   "
                    f"time {ours / guessed:4.2f} (aim at most 1.3)",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    main(parser.parse_args().rows)
