"""Ask this package and five others about the same predictions, and write ``docs/results/peers.md``.

Each other package has an environment of its own, with the versions below, under ``~/.cache/fairlearn_fwh/peers`` (or the folder that is named): the first run installs them. What cannot be
installed is left out, and the page says so. ``python -m benchmarks.peers --no-page`` prints alone.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ._cases import Case, generated, real

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "results" / "peers.md"
CACHE = Path(os.environ.get("FAIRLEARN_FWH_PEERS", "~/.cache/fairlearn_fwh/peers")).expanduser()

#: Packages as they are installed, and what runs in this environment.
PEERS = {
    "fairlearn": ["fairlearn==0.15.0", "scikit-learn==1.9.1", "pandas==3.1.1"],
    "aif360": ["aif360==0.6.1", "numpy==2.4.6", "pandas==3.1.1", "scipy==1.17.1"],
    "aequitas": ["aequitas==1.1.0"],
    "oxonfair": ["oxonfair==0.3"],
    "vfairness": ["vfairness==0.2.0"],
}
OURS = "fairlearn_fwh"


def environment(peer: str) -> Path | None:
    """Python of a peer's environment, made if it is not there; None if that fails."""
    folder = CACHE / peer
    python = folder / "bin" / "python"
    done = folder / ".installed"
    wanted = " ".join(PEERS[peer])
    if done.is_file() and done.read_text() == wanted:
        return python
    print(f"Installing {wanted} ...", flush=True)
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[peer]],
    )
    for command in commands:
        if (made := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
            print(f"{peer} is left out: {(made.stderr.strip().splitlines() or ['?'])[-1]}")
            return None
    done.write_text(wanted)
    return python


def ask(peer: str, python: Path, path: Path) -> dict[str, Any]:
    """What a package says of a file of predictions."""
    command = [str(python), str(HERE / f"_ask_{peer}.py"), str(path)]
    said = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "2"}
    )
    if said.returncode:
        return {
            "says": [f"error: {said.stderr.strip().splitlines()[-1]}"],
            "named": [],
            "seconds": float("nan"),
            "megabytes": float("nan"),
        }
    found: dict[str, Any] = json.loads(said.stdout.strip().splitlines()[-1])
    return found


def main(*, write: bool) -> None:
    pythons = {OURS: Path(sys.executable)} | {peer: environment(peer) for peer in PEERS}
    found: list[tuple[Case, dict[str, dict[str, Any]]]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        for case in (*generated(), *real()):
            case.table.to_csv(path, index=False)
            answers = {
                peer: ask(peer, python, path) for peer, python in pythons.items() if python is not None
            }
            found.append((case, answers))
            print(
                f"\n{case.name} ({len(case.table):,} rows){': ' if case.truth else ''}{case.truth}",
                flush=True,
            )
            for peer, answer in answers.items():
                print(
                    f"  {peer}: {'; '.join(answer['says'])}  [{answer['seconds']:.2f} s, {answer['megabytes']:.0f} MB]",
                    flush=True,
                )
    if write:
        PAGE.write_text(page(found), encoding="utf-8")
        print(f"\nWritten: {PAGE}")


def page(found: list[tuple[Case, dict[str, dict[str, Any]]]]) -> str:
    """The page of all answers."""
    versions = "; ".join(packages[0].replace("==", " ") for packages in PEERS.values())
    lines = [
        "# What other packages say of the same predictions",
        "",
        "An old and a new model answered for the same people. Each package below was given both, and asked what it offers on what has changed: five measure gaps *between* groups, one model at a time, and their figures are set side by side here.",
        "This package compares what *each* group gets with what it had. Where the data were made, it is known who lost.",
        "",
        f"`python -m benchmarks.peers` makes this page: it installs {versions}, each in an environment of its own, on Python {platform.python_version()}; {datetime.date.today().isoformat()}. Limits, reference groups and thresholds are each package's own.",
    ]
    for case, answers in found:
        lines += ["", f"## {case.name[0].upper()}{case.name[1:]}", ""]
        lines += [
            f"{len(case.table):,} rows. {('Made so that ' + case.truth + '.') if case.truth else ''}".rstrip(),
            "",
        ]
        lines += ["| package | says | s | MB |", "|---|---|---|---|"]
        lines += [
            f"| {peer} | {'; '.join(answer['says'])} | {answer['seconds']:.2f} | {answer['megabytes']:.0f} |"
            for peer, answer in answers.items()
        ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main(write="--no-page" not in sys.argv[1:])
