"""The action for GitHub: its steps are run, with the variables that a runner would give them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

yaml = pytest.importorskip("yaml")

ACTION = yaml.safe_load((Path(__file__).resolve().parents[1] / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
COLUMNS = "--y-true y\n--y-pred new\n--pooled old\n--sensitive the group\n"


def run(folder, predictions, arguments=COLUMNS, fail_on=""):
    inputs = {name: spec.get("default", "") for name, spec in ACTION["inputs"].items()}
    inputs |= {"predictions": predictions, "arguments": arguments, "fail-on": fail_on}
    step = STEPS[1]
    given = {
        name: value.removeprefix("${{ inputs.").removesuffix(" }}") for name, value in step["env"].items()
    }
    environment = os.environ | {name: inputs[key] for name, key in given.items()}
    environment |= {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # As a runner does: a line that fails ends the script.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    outputs = dict(line.split("=") for line in (folder / "output").read_text().splitlines())
    return result, outputs


@pytest.fixture
def write(tmp_path):
    def write(n_lost):
        y = np.ones(400, dtype=int)
        table = pd.DataFrame(
            {
                "y": y,
                "new": np.where(np.arange(400) < n_lost, 0, 1),
                "old": y,
                "the group": np.repeat(["a", "b"], 200),
            }
        )
        table.to_csv(tmp_path / "p.csv", index=False)
        return tmp_path

    return write


@pytest.mark.long(but_every=2)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_lost", "fail_on", "status", "state"),
    [(30, "", 1, "harm"), (0, "undecided", 3, "undecided")],
)
def test_the_statuses_of_the_command(write, n_lost, fail_on, status, state):
    folder = write(n_lost)
    result, outputs = run(folder, "p.csv", fail_on=fail_on)
    assert (result.returncode, outputs) == (status, {"status": str(status), "state": state}), result.stderr
    assert sorted(path.name for path in (folder / "no-harm").iterdir()) == [
        "audit.html",
        "audit.json",
        "audit.md",
        "audit.xml",
    ]
    assert "### new against old: p.csv" in (folder / "summary").read_text()


@pytest.mark.slow
def test_input_that_cannot_be_used_and_text_that_would_be_a_command(write):
    folder = write(0)
    result, outputs = run(folder, "$(touch ran).csv")
    assert outputs == {"status": "2", "state": "unusable"}
    assert result.returncode == 2
    assert not (folder / "ran").exists()


def test_inputs_come_as_variables_alone():
    assert all("${{" not in step["run"] for step in STEPS)
    assert STEPS[0]["run"] == 'python -m pip install --quiet "$PACKAGE"'
