"""What a gate needs: policies, two files, reports for CI systems, a state also of input that cannot be used."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fairlearn_fwh.audit import audit_schema
from fairlearn_fwh.cli._main import main

jsonschema = pytest.importorskip("jsonschema")

POLICY = """
[tool.fairlearn-fwh.audit]
y-true = "y"
y-pred = "new"
pooled = "old"
sensitive = ["g", "with, comma"]
tolerance = 0.05
fail-on = "undecided"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 2000
    y = rng.integers(0, 2, n)
    table = pd.DataFrame(
        {
            "id": np.arange(n), "y": y, "old": y, "new": np.where(rng.random(n) < 0.002, 1 - y, y), "g": rng.choice(["a", "b"], n),
            "with, comma": "x", "worse": np.where(rng.random(n) < 0.2, 1 - y, y),
        }
    )  # fmt: skip
    table.to_csv("p.csv", index=False)
    return tmp_path


def audit(*arguments):
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


COLUMNS = ("--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "g")


def test_the_policy_of_the_project_is_used_and_overridden(folder):
    Path("pyproject.toml").write_text(POLICY)
    result = audit("p.csv", "--json", "r.json")
    assert result.exit_code == 0, result.output
    report = json.loads(Path("r.json").read_text())
    jsonschema.validate(report, audit_schema())
    assert (report["tolerance"], report["state"]) == (0.05, "certified")
    assert report["policy"]["file"] == "pyproject.toml"
    assert [group["group"] for group in report["groups"]] == ["a x x", "b x x"]
    assert audit("p.csv", "--tolerance", "0.0001").exit_code == 3  # fail-on of the policy
    assert audit("p.csv", "--tolerance", "0.0001", "--fail-on", "harm").exit_code == 0
    assert audit("p.csv", "--y-pred", "worse").exit_code == 1


def test_a_policy_can_be_named_or_left_aside(folder):
    Path("pyproject.toml").write_text(POLICY)
    Path("other.toml").write_text(POLICY.replace('["g", "with, comma"]', '"g"').replace("0.05", "0.0001"))
    assert audit("p.csv", "--policy", "other.toml").exit_code == 3
    alone = audit("p.csv", "--no-policy")
    assert alone.exit_code == 2
    assert "Missing option '--y-true'" in alone.output
    both = audit("p.csv", "--no-policy", "--policy", "other.toml")
    assert both.exit_code == 2
    assert "contradict each other" in both.output


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("tolerrance = 0.1", "'tolerrance' is not a key of a policy; did you mean 'tolerance'"),
        ('tolerance = "a"', "tolerance must be a number"),
        ('required-groups = ["c x x"]', "1 of 1 groups that pyproject.toml requires are missing: ['c x x']"),
        ("smallest-sizes = 1500", "2 of 2 groups are smaller than pyproject.toml asks for"),
    ],
)
def test_what_is_wrong_with_a_policy_or_against_it_is_status_2(folder, line, sentence):
    Path("pyproject.toml").write_text(POLICY.replace("tolerance = 0.05", line))
    result = audit("p.csv", "--json", "r.json")
    assert result.exit_code == 2
    assert sentence in result.output


@pytest.mark.parametrize("old", ["old.parquet", "old.csv", "old.jsonl"])
def test_two_files_are_one_audit(folder, old):
    table = pd.read_csv("p.csv")
    table[["id", "y", "g", "new"]].rename(columns={"new": "answer"}).to_csv("new.csv", index=False)
    before = table[["id", "old"]].rename(columns={"old": "answer"}).sample(frac=1, random_state=1)
    write = {".parquet": lambda: before.to_parquet(old), ".csv": lambda: before.to_csv(old, index=False)}
    write.get(Path(old).suffix, lambda: before.to_json(old, orient="records", lines=True))()
    assert audit("p.csv", *COLUMNS, "--json", "one.json").exit_code == 0
    names = ("--y-true", "y", "--y-pred", "answer", "--pooled", "answer", "--sensitive", "g")
    result = audit(
        "new.csv", *names, "--baseline", old, "--on", "id", "--json", "two.json", "--html", "two.html"
    )
    assert result.exit_code == 0, result.output
    one, two = (json.loads(Path(name).read_text()) for name in ("one.json", "two.json"))
    assert one["groups"] == two["groups"]
    assert two["compared"] == {"own": "answer of new.csv", "pooled": f"answer of {old}"}
    assert f"answer of {old}" in Path("two.html").read_text()


def test_files_that_cannot_be_joined(folder):
    table = pd.read_csv("p.csv")
    table.iloc[3:].to_csv("short.csv", index=False)
    wrong = audit("p.csv", *COLUMNS, "--baseline", "short.csv", "--on", "id")
    assert wrong.exit_code == 2
    assert "3 of 2,000 rows of p.csv have no partner in short.csv" in wrong.output
    allowed = audit("p.csv", *COLUMNS, "--baseline", "short.csv", "--on", "id", "--allow-unmatched")
    assert allowed.exit_code == 0
    assert "they are left out. 1,997 rows are audited" in allowed.output
    same = audit("p.csv", *COLUMNS, "--baseline", "p.csv", "--on", "id")
    assert (same.exit_code, "must all be different files" in same.output) == (2, True)
    for arguments in (("--on", "id"), ("--allow-unmatched",)):
        assert "are for --baseline" in audit("p.csv", *COLUMNS, *arguments).output
    both = audit(
        "p.csv", "--y-true", "y", "--y-pred", "new", "--baseline", "short.csv", "--unpaired", "--on", "id"
    )
    assert "--on does not apply to --unpaired" in both.output


def test_reports_for_ci_systems(folder):
    worse = ("--y-true", "y", "--y-pred", "worse", "--pooled", "old", "--sensitive", "g")
    result = audit("p.csv", *worse, "--junit", "r.xml", "--markdown", "r.md")
    assert result.exit_code == 1
    suite = ElementTree.parse("r.xml").getroot().find("testsuite")
    assert suite.get("failures") == "2"
    assert Path("r.md").read_text().startswith("### worse against old: p.csv")


@pytest.mark.parametrize("content", ["y,new,old,g\n1,1,,a\n", ""])
def test_input_that_cannot_be_used_takes_the_place_of_an_old_result(folder, content):
    outputs = ("--json", "r.json", "--junit", "r.xml", "--markdown", "r.md", "--html", "r.html")
    assert audit("p.csv", *COLUMNS, *outputs).exit_code == 0
    Path("p.csv").write_text(content)
    assert audit("p.csv", *COLUMNS, *outputs).exit_code == 2
    report = json.loads(Path("r.json").read_text())
    jsonschema.validate(report, audit_schema())
    assert report["state"] == "unusable"
    assert ElementTree.parse("r.xml").getroot().find("testsuite").get("errors") == "1"
    assert "cannot be used" in Path("r.md").read_text()
    page = Path("r.html").read_text()
    assert "No verdict" in page
    assert "worse" not in page


def test_paths_that_cannot_be_written_leave_everything_as_it_is(folder):
    before = Path("p.csv").read_text()
    assert audit("p.csv", *COLUMNS, "--json", "p.csv").exit_code == 2
    assert Path("p.csv").read_text() == before
    os.mkdir("r.xml")
    assert audit("p.csv", *COLUMNS, "--junit", "r.xml", "--json", "r.json").exit_code == 2
    assert not Path("r.json").exists()


def test_the_command_that_repeats_an_audit_is_on_the_page(folder, monkeypatch):
    monkeypatch.setattr(
        "sys.argv",
        ["/some/where/fairlearn-fwh", "audit", str(folder / "p.csv"), *COLUMNS, "--html", "r.html"],
    )
    assert audit("p.csv", *COLUMNS, "--html", "r.html").exit_code == 0
    page = Path("r.html").read_text()
    assert "fairlearn-fwh audit p.csv --y-true y --y-pred new --pooled old --sensitive g</code>" in page
    assert str(folder) not in page


def test_policies_hold_for_samples_of_different_people(folder):
    Path("pyproject.toml").write_text(
        POLICY.replace("tolerance = 0.05", 'required-groups = ["zzz"]').replace('fail-on = "undecided"', "")
    )
    pd.read_csv("p.csv").to_csv("before.csv", index=False)
    result = audit("p.csv", "--unpaired", "--baseline", "before.csv")
    assert (result.exit_code, "requires are missing: ['zzz']" in result.output) == (2, True)
    Path("pyproject.toml").write_text(POLICY.replace('fail-on = "undecided"', ""))
    assert (
        "--tolerance does not apply to --unpaired"
        in audit("p.csv", "--unpaired", "--baseline", "before.csv").output
    )


def test_a_margin_can_be_required(folder):
    text = POLICY.replace(
        "tolerance = 0.05", 'tolerance = 0.05\nmargins = true\nrequired-groups = ["a", ["b", "x"]]'
    )
    Path("pyproject.toml").write_text(text)
    assert audit("p.csv").exit_code == 0, audit("p.csv").output


def test_what_the_command_line_overrides_is_not_shown_as_policy(folder):
    Path("pyproject.toml").write_text(POLICY + 'loss = ["missed"]\npos-label = ["1"]\non = ["id"]\n')
    result = audit("p.csv", "--tolerance", "0.1", "--loss", "error", "--json", "r.json")
    assert result.exit_code == 0, result.output
    policy = json.loads(Path("r.json").read_text())["policy"]
    assert policy["overridden"] == ["tolerance", "loss", "pos-label"]
    assert "tolerance" not in policy


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("problem", ["not toml [", ""])
def test_an_old_result_does_not_outlive_a_command_line_that_cannot_be_read(folder, problem):
    outputs = ("--json", "r.json", "--junit=r.xml", "--html", "r.html", "--markdown", "r.md")
    assert audit("p.csv", *COLUMNS, *outputs).exit_code == 0
    Path("pyproject.toml").write_text(problem)
    more = () if problem else ("--engine", "none")
    command = [
        sys.executable,
        "-c",
        "from fairlearn_fwh.cli._entry import main; main()",
        "audit",
        "p.csv",
        *COLUMNS,
        *outputs,
        *more,
    ]
    assert subprocess.run(command, capture_output=True).returncode == 2
    assert json.loads(Path("r.json").read_text())["state"] == "unusable"
    for report in ("r.xml", "r.html", "r.md"):
        assert "cannot be used" in Path(report).read_text()
    Path("README.md").write_text("### No-harm audit\n\nby fairlearn_fwh\n")
    Path("page.html").write_text("<title>No-harm audit</title>")
    others = ("--markdown", "README.md", "--html", "page.html", "--json", "p.csv")
    assert subprocess.run([*command, *others], capture_output=True).returncode == 2
    assert "by fairlearn_fwh" in Path("README.md").read_text()
    assert Path("page.html").read_text() == "<title>No-harm audit</title>"
    assert Path("p.csv").read_text().startswith("id,")


def test_a_column_of_groups_may_be_called_gain(folder):
    pd.read_csv("p.csv").rename(columns={"g": "gain"}).to_csv("q.csv", index=False)
    result = audit(
        "q.csv",
        "--y-true",
        "y",
        "--y-pred",
        "new",
        "--pooled",
        "old",
        "--sensitive",
        "gain",
        "--html",
        "r.html",
        "--markdown",
        "r.md",
    )
    assert result.exit_code == 0, result.output
