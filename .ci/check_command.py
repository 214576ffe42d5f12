"""Checks of the command from the wheel; run by .ci/run outside the source tree, not by pytest."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = Path(sys.executable).parent / "fairlearn-fwh"


def audit(folder: Path, rows: list[str]) -> tuple[int, dict]:
    """Exit status and report of an audit of these rows."""
    (folder / "p.csv").write_text("\n".join(["label,new,old,group", *rows]))
    columns = ["--y-true", "label", "--y-pred", "new", "--pooled", "old", "--sensitive", "group"]
    reports = ["--html", folder / "report.html", "--json", folder / "report.json"]
    result = subprocess.run([COMMAND, "audit", folder / "p.csv", *columns, *reports])
    return result.returncode, json.loads((folder / "report.json").read_text())


with tempfile.TemporaryDirectory() as name:
    harmed = [f"{i % 2},{(i + (i % 4 > 1)) % 2},{i % 2},{'aabb'[i % 4]}" for i in range(400)]
    status, report = audit(Path(name), harmed)
    assert (status, report["harm_found"]) == (1, True)
    assert [group["group"] for group in report["groups"] if group["harmed"]] == ["b"]
    same = [f"{i % 2},{i % 2},{i % 2},{'aabb'[i % 4]}" for i in range(400)]
    status, report = audit(Path(name), same)
    assert (status, report["harm_found"]) == (0, False)
print(f"The command audits a file on Python {sys.version.split()[0]}")
