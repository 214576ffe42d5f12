"""What the commands say about a comparison: one line for each method, and in which colour."""

import dataclasses

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from fairlearn_fwh.cli._main import main
from fairlearn_fwh.cli._terminal import Fitting, say_what_next, show_comparison, sum_up
from fairlearn_fwh.experiments import Comparison

OUTCOMES = {"copy": "pooled", "good": "certified", "unsure": "unsure", "bad": "harm"}


def comparison_of(groups="ab", outcomes=OUTCOMES):
    rows = {
        (method, group): {
            "n": 100,
            "gain": -0.03 if method == "bad" and group == "a" else 0.01,
            "harmed": method == "bad" and group == "a",
            "certified": method in ("copy", "good") or (method == "unsure" and group != "a"),
        }
        for method in outcomes
        for group in groups
    }
    index = pd.MultiIndex.from_tuples(rows, names=["method", "group"])
    columns = ["n", "gain", "harmed", "certified"]
    by_group = pd.DataFrame(list(rows.values()), index=index, columns=columns)
    overall = pd.DataFrame({"accuracy": dict.fromkeys(["pooled", *outcomes], 0.9)}).rename_axis("method")
    verdicts = dict.fromkeys(outcomes, "a sentence")
    return Comparison(
        "data", "sex", overall, by_group, verdicts, outcomes, {"other": "its package is missing"}
    )


@pytest.fixture
def lines(capsys, monkeypatch):
    monkeypatch.setattr(click, "style", lambda text, fg=None, **more: f"<{fg}>{text}")

    def show(comparison):
        show_comparison(comparison)
        return {line.split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}

    return show


def test_every_method_has_a_line_that_says_what_it_comes_to(lines):
    shown = lines(comparison_of())
    assert shown["copy"].endswith("<blue>everybody gets the pooled prediction")
    assert shown["good"].endswith("<green>no group loses: certified")
    assert shown["unsure"].endswith("<yellow>no harm found; not ruled out for 1 of 2 groups")
    assert shown["bad"].endswith("<red>HARMS a")
    assert "-3.00*" in shown["bad"]
    assert "+1.00*" not in shown["bad"]
    assert any("other was skipped: its package is missing" in line for line in shown.values())


def test_of_many_groups_the_worst_is_shown(lines):
    shown = lines(comparison_of("abcdef"))
    assert "worst group" in shown["method"]
    assert "a -3.00*" in shown["bad"]
    assert "<yellow>no harm found; not ruled out for 1 of 6 groups" in shown["unsure"]


def test_small_groups_have_a_say_without_being_shown(lines):
    shown = lines(comparison_of("b", {"unsure": "unsure", "bad": "harm"}))
    assert shown["unsure"].endswith("not ruled out for a small group")
    assert shown["bad"].endswith("<red>HARMS a small group")
    nobody = comparison_of("ab")
    nobody = dataclasses.replace(nobody, by_group=nobody.by_group.iloc[:0])
    assert lines(nobody)["bad"].endswith("<red>HARMS a small group")


def test_the_sum_counts_harmful_comparisons_and_does_not_overclaim(capsys):
    sum_up([comparison_of(), comparison_of()])
    out = capsys.readouterr().out
    assert "In 2 of 8 comparisons" in out
    assert "only what is certified rules it out" in out


def test_progress_takes_one_line_of_a_terminal_and_leaves_none(capsys, monkeypatch):
    fitting = Fitting()
    fitting("pooled")
    fitting.done()
    assert capsys.readouterr().err == "  fitting: pooled\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fitting = Fitting()
    fitting("pooled")
    fitting.done()
    err = capsys.readouterr().err
    assert "fitting: pooled" in err
    assert "\n" not in err
    assert err.endswith("\r\033[K")


@pytest.mark.parametrize(
    ("found", "started", "expected"),
    [
        ("/usr/bin/fairlearn-fwh", "/usr/bin/fairlearn-fwh", "fairlearn-fwh"),
        (None, "/project/.venv/bin/fairlearn-fwh", ".venv/bin/fairlearn-fwh"),
        (None, "/usr/bin/pytest", "fairlearn-fwh"),
    ],
)
def test_the_next_step_can_be_typed_as_it_stands(capsys, monkeypatch, found, started, expected):
    monkeypatch.setattr("shutil.which", lambda name: found)
    monkeypatch.setattr("os.getcwd", lambda: "/project")
    monkeypatch.setattr("sys.argv", [started])
    say_what_next("german", "out")
    assert f"  {expected} mitigators german " in capsys.readouterr().out


def test_nobody_who_wants_no_colours_gets_any(monkeypatch, tmp_path):
    table = pd.DataFrame(
        {"y": [1] * 400, "new": [0] * 200 + [1] * 200, "old": [1] * 400, "g": ["a"] * 200 + ["b"] * 200}
    )
    table.to_csv(tmp_path / "predictions.csv", index=False)
    arguments = [
        "audit",
        str(tmp_path / "predictions.csv"),
        "--y-true",
        "y",
        "--y-pred",
        "new",
        "--pooled",
        "old",
    ]
    arguments += ["--sensitive", "g"]
    assert "\033[31m" in CliRunner().invoke(main, arguments, color=True).output
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033" not in CliRunner().invoke(main, arguments, color=True).output
