"""A monitor of 104 weekly files of 100,000 rows: time per week, and size of the state: ``python -m benchmarks.weekly_files``.

Times are shown as ratios to the first weeks of the same run, and to the audit of one such file.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from click.testing import CliRunner

from fairlearn_fwh.cli._main import main as command

WEEKS, ROWS = 104, 100_000

COLUMNS = ("--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "g")


def write_week(path: Path, week: int) -> None:
    """Write the predictions about new people of one week."""
    rng = np.random.default_rng(week)
    y, group = rng.integers(0, 2, ROWS), rng.choice(list("abcdefghij"), ROWS)
    old = np.where(rng.random(ROWS) < 0.1, 1 - y, y)
    new = np.where(rng.random(ROWS) < 0.02, 1 - old, old)
    pd.DataFrame({"y": y, "new": new, "old": old, "g": group}).to_parquet(path)


def call(*arguments: object) -> float:
    """Run a command in this process; return its seconds."""
    start = time.perf_counter()
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exit_code == 2:
        raise RuntimeError(result.output)
    return time.perf_counter() - start


def main() -> None:
    """Print both designs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "week.parquet"
        for design in ((), ("--design", "group_sequential", "--looks", WEEKS)):
            state, seconds, audits = folder / "state.json", [], []
            state.unlink(missing_ok=True)
            for week in range(WEEKS):
                write_week(file, week)
                options = (*COLUMNS, *design) if week == 0 else ()
                seconds.append(call("monitor", state, file, *options))
                if week % 13 == 0:
                    audits.append(call("audit", file, *COLUMNS))
            first, last = np.median(seconds[1:11]), np.median(seconds[-10:])
            print(
                f"{design[1] if design else 'anytime'}: the last ten weeks take {last / first:.2f} of the first ten, {last / np.median(audits):.2f} of "
                f"an audit; the state has {state.stat().st_size / 1e6:.2f} MB."
            )


if __name__ == "__main__":
    main()
