"""1 is harm; whatever fails is 2: run as a process, as a release would."""

import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fairlearn_fwh.audit._writing import check_outputs, write_files
from fairlearn_fwh.cli._main import main

COMMAND = [sys.executable, "-m", "fairlearn_fwh.cli._entry"]
COLUMNS = ["--y-true", "y", "--y-pred", "new", "--pooled", "old"]


@pytest.fixture(scope="module")
def harm(tmp_path_factory):
    """A file in which group b is harmed."""
    path = tmp_path_factory.mktemp("harm") / "p.csv"
    path.write_text(
        "y,new,old,g\n"
        + "".join(
            f"{i % 2},{i % 2 if i % 4 < 2 else 1 - i % 2},{i % 2},{'aabb'[i % 4]}\n" for i in range(400)
        )
    )
    return path


def audit(path, *arguments, **more):
    command = [*COMMAND, "audit", str(path), *COLUMNS, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **more)


@pytest.mark.slow
def test_harm_is_1_and_a_file_that_is_not_there_2(harm, tmp_path):
    found = audit(harm, "--sensitive", "g")
    assert found.returncode == 1
    assert "b: worse by 100.0 points of accuracy, 200 people" in found.stdout
    missing = audit(tmp_path / "none.csv")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.startswith("Error: There is no file")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_cannot_be_written_is_a_failure(harm):
    with open("/dev/full", "w") as full:
        command = [*COMMAND, "audit", str(harm), *COLUMNS]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert "Error:" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_pipe_that_is_closed_is_a_failure(harm, stream):
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: writing}
    arguments = (
        [] if stream == "stderr" else ["--sensitive", "g"]
    )  # without groups there is a hint on standard error
    result = subprocess.run([*COMMAND, "audit", str(harm), *COLUMNS, *arguments], **streams)
    os.close(writing)
    assert result.returncode == 2


@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_stream_that_is_not_there_is_a_failure(harm, descriptor):
    script = f"import os, sys; os.close({descriptor}); os.execv(sys.executable, {[*COMMAND, 'audit', str(harm), *COLUMNS, '--sensitive', 'g']!r})"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 2


BROKEN = {
    "no click": "sys.modules['click'] = None",
    "no pandas": "sys.modules['pandas'] = None",
    "a crash at import": "sys.modules['fairlearn_fwh.metrics'] = type('Broken', (), {'__getattr__': lambda *_: 1 / 0})()",
    "a panic": "import fairlearn_fwh.cli._predictions as predictions\nclass Panic(BaseException): pass\ndef panic(*a, **k): raise Panic('lost')\npredictions.measure_file = panic",
    "a crash after the verdict": "import fairlearn_fwh.cli._audit as cli\ncli.show = lambda *_: 1 / 0",
    "an interruption": "import fairlearn_fwh.cli._predictions as predictions\ndef stop(*a, **k): raise KeyboardInterrupt\npredictions.measure_file = stop",
    "no memory": "import fairlearn_fwh.cli._predictions as predictions\ndef full(*a, **k): raise MemoryError\npredictions.measure_file = full",
}


@pytest.mark.long(but_every=4)
@pytest.mark.slow
@pytest.mark.parametrize("problem", BROKEN)
def test_any_crash_is_a_failure_with_one_sentence(harm, problem):
    script = f"import sys\nsys.argv = {['fairlearn-fwh', 'audit', str(harm), *COLUMNS, '--sensitive', 'g']!r}\n{BROKEN[problem]}\n"
    script += "from fairlearn_fwh.cli._entry import main\nmain()"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.long(but_every=2)
@pytest.mark.slow
@pytest.mark.parametrize("end", ["raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_command_that_is_stopped_leaves_no_earlier_result(harm, tmp_path, end):
    names = {"--html": "r.html", "--json": "r.json", "--junit": "r.xml", "--markdown": "r.md"}
    options = [text for option, name in names.items() for text in (option, str(tmp_path / name))]
    arguments = ["audit", str(harm), *COLUMNS, "--sensitive", "g", *options]
    assert CliRunner().invoke(main, arguments).exit_code == 1
    script = f"import os, signal, sys\nsys.argv = {['fairlearn-fwh', *arguments]!r}\nimport fairlearn_fwh.cli._predictions as predictions\n"
    script += f"def stop(*a, **k): {end}\npredictions.measure_file = stop\nfrom fairlearn_fwh.cli._entry import main\nmain()"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert result.returncode not in (0, 1, 3)
    for name in names.values():
        assert (
            "The command is still at work, or was stopped before it ended." in (tmp_path / name).read_text()
        )
    assert json.loads((tmp_path / "r.json").read_text())["state"] == "unusable"


@pytest.mark.parametrize("extra", ["matplotlib.figure", "jinja2"])
def test_a_missing_extra_is_a_failure(harm, tmp_path, monkeypatch, extra):
    monkeypatch.setitem(sys.modules, extra, None)
    result = CliRunner().invoke(
        main, ["audit", str(harm), *COLUMNS, "--sensitive", "g", "--html", str(tmp_path / "r.html")]
    )
    assert result.exit_code == 2
    assert "pip install 'fairlearn-fwh[" in result.output
    assert not (tmp_path / "r.html").exists()


@pytest.mark.slow
def test_terminals_that_know_no_accents_stop_nobody(tmp_path):
    (tmp_path / "p.csv").write_text("y,new,old,g\n" + "1,0,1,é\n0,0,0,é\n" * 40)
    result = audit(tmp_path / "p.csv", "--sensitive", "g", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 1
    assert "Harm found" in result.stdout


def make_pipe(path):
    os.mkfifo(path)


def make_link(path):
    path.symlink_to(path.with_name("target"))


def make_link_to_file(path):
    path.with_name("target").write_text("kept")
    make_link(path)


@pytest.mark.parametrize("make", [make_pipe, make_link, make_link_to_file, Path.mkdir])
@pytest.mark.parametrize("option", ["--json", "--html"])
def test_reports_take_the_place_of_no_pipe_link_or_folder(harm, tmp_path, make, option):
    path = tmp_path / "report"
    make(path)
    before = os.lstat(path)
    result = CliRunner().invoke(main, ["audit", str(harm), *COLUMNS, option, str(path)])
    assert result.exit_code == 2
    assert "regular file" in result.output or "is a directory" in result.output
    assert os.lstat(path).st_mode == before.st_mode
    assert os.lstat(path).st_ino == before.st_ino


def test_devices_are_refused():
    with pytest.raises(ValueError, match="/dev/null is a pipe or device; name a regular file"):
        check_outputs([Path("/dev/null")])


def test_permissions_are_kept_and_new_files_get_those_of_the_umask(tmp_path):
    private, new = tmp_path / "private.json", tmp_path / "new.json"
    private.write_text("{}")
    private.chmod(0o600)
    before = os.umask(0o077)
    try:
        write_files({private: "1", new: "2"})
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (private, new)] == [0o600, 0o600]
    private.chmod(0o640)
    write_files({private: "3"})
    assert stat.S_IMODE(private.stat().st_mode) == 0o640
    assert private.read_text() == "3"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.json", "private.json"]


def test_the_json_report_names_its_page(harm, tmp_path):
    import hashlib

    page, report = tmp_path / "r.html", tmp_path / "r.json"
    CliRunner().invoke(
        main, ["audit", str(harm), *COLUMNS, "--sensitive", "g", "--html", str(page), "--json", str(report)]
    )
    assert json.loads(report.read_text())["parts"] == {
        "r.html": hashlib.sha256(page.read_bytes()).hexdigest()
    }


def test_the_json_report_is_written_last(tmp_path, monkeypatch):
    order = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(Path(b).name), replace(a, b)))
    write_files({tmp_path / "r.html": "page", tmp_path / "r.json": "{}"})
    assert order == ["r.html", "r.json"]


def test_names_change_neither_the_terminal_nor_a_log(tmp_path):
    names = ["\x1b[31mred", "::error::no", "##[command]x", "a\u202eb", "tab\there", "\x07bell"]
    rows = [f'{i % 2},{i % 2},{i % 2},"{names[i % len(names)]}"' for i in range(240)]
    path = tmp_path / "::warning::x.csv"
    path.write_text("y,new,old,g\n" + "\n".join(rows))
    result = CliRunner().invoke(
        main,
        [
            "audit",
            str(path),
            *COLUMNS,
            "--sensitive",
            "g",
            "--html",
            str(tmp_path / "r.html"),
            "--json",
            str(tmp_path / "r.json"),
        ],
    )
    assert result.exit_code == 0, result.output
    assert all(character.isprintable() or character == "\n" for character in result.output)
    for line in result.output.splitlines():
        assert not line.lstrip().startswith("::")
        assert "##" not in line
    assert r"\x1b[31mred" in result.output
    page = (tmp_path / "r.html").read_text()
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert {group["group"] for group in json.loads((tmp_path / "r.json").read_text())["groups"]} == set(names)
    error = CliRunner().invoke(main, ["audit", str(path), *COLUMNS[:-1], "\n::error::x"]).output
    assert len(error.strip().splitlines()) == 1


@pytest.mark.long
def test_many_groups_are_capped_worst_first(tmp_path):
    n_groups = 120
    groups = np.repeat(np.arange(n_groups), 20)
    y = np.tile([0, 1], len(groups) // 2)
    # The higher the number, the more people lose.
    worse = (np.arange(len(groups)) % 20) < groups / 10
    pd.DataFrame({"y": y, "new": np.where(worse, 1 - y, y), "old": y, "g": groups}).to_csv(
        tmp_path / "p.csv", index=False
    )
    arguments = ["--sensitive", "g", "--html", str(tmp_path / "r.html"), "--json", str(tmp_path / "r.json")]
    result = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *COLUMNS, *arguments])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[1].startswith("11")
    assert "and 70 more, with higher gains; a report by --json has all." in lines
    page = (tmp_path / "r.html").read_text()
    assert "The 50 groups with the lowest gains are shown, and 70 more are not" in page
    assert page.count("<tr><td>") == 50
    assert len(json.loads((tmp_path / "r.json").read_text())["groups"]) == n_groups


@pytest.mark.long
def test_both_engines_and_formats_write_the_same_json(tmp_path, rng):
    n = 3000
    y = rng.integers(0, 2, n)
    table = pd.DataFrame(
        {
            "y": y, "new": np.where(rng.random(n) < 0.3, 1 - y, y), "old": np.where(rng.random(n) < 0.2, 1 - y, y),
            "g": rng.choice(["a", "b", "é"], n), "code": rng.integers(0, 3, n), "w": rng.random(n),
        }
    )  # fmt: skip
    table.to_csv(tmp_path / "p.csv", index=False)
    table.to_parquet(tmp_path / "p.parquet")
    for more in ([], ["--weight", "w"]):
        texts = set()
        for name in ("p.csv", "p.parquet"):
            for engine in ("duckdb", "polars"):
                out = tmp_path / "r.json"
                arguments = ["--sensitive", "g,code", "--engine", engine, "--json", str(out), *more]
                assert (
                    CliRunner().invoke(main, ["audit", str(tmp_path / name), *COLUMNS, *arguments]).exit_code
                    == 1
                )
                texts.add(out.read_text().replace(name, "p"))
        assert len(texts) == 1


def test_options_of_the_dialect(tmp_path):
    (tmp_path / "p.csv").write_text("y\tnew\told\tg\n" + "1\t1\t1\t'a\tb'\n0\t0\t0\tNA\n" * 40)
    arguments = ["--delimiter", "tab", "--quote", "'", "--sensitive", "g"]
    result = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *COLUMNS, *arguments])
    assert result.exit_code == 0
    assert r"a\tb" in result.output
    missing = CliRunner().invoke(
        main, ["audit", str(tmp_path / "p.csv"), *COLUMNS, *arguments, "--null", "NA"]
    )
    assert missing.exit_code == 2
    assert "line 3, column 'g': 'NA'" in missing.output


def test_labels_that_never_meet_are_status_2_and_labels_settle_it(tmp_path):
    (tmp_path / "p.csv").write_text("y,new,old\n" + ">50K.,>50K,<=50K\n<=50K.,<=50K,<=50K\n" * 40)
    never = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *COLUMNS])
    assert never.exit_code == 2
    assert "--y-true has the label '<=50K.' and --y-pred the label '<=50K'" in never.output
    (tmp_path / "p.csv").write_text("y,new,old\n" + "0,0,0\n1,1,1\n2,5,2\n" * 40)
    warned = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *COLUMNS])
    assert warned.exit_code == 1
    assert "Warning: --y-pred has 5, which --y-true never has" in warned.output
    settled = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *COLUMNS, "--labels", "0,1,2,5"])
    assert settled.exit_code == 1
    assert "Warning" not in settled.output


def test_the_entry_point_is_the_one_that_fails_with_2():
    import importlib.metadata

    (entry,) = [
        point
        for point in importlib.metadata.entry_points(group="console_scripts")
        if point.name == "fairlearn-fwh"
    ]
    assert entry.value == "fairlearn_fwh.cli._entry:main"
    script = textwrap.dedent("""
        import sys
        before = set(sys.modules)
        import fairlearn_fwh.cli._entry
        print(sorted(name for name in set(sys.modules) - before if name.split(".")[0] in ("numpy", "pandas", "click", "narwhals")))
    """)
    assert (
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sensitive", "g", "--sensitive", "h"], "--sensitive is given more than once"),
        (["--sensitive=g", "--sensitive", "h"], "--sensitive is given more than once"),
        (["--y-pred", "old"], "--y-pred is given more than once"),
        (["--sensitive", ""], "a name is empty"),
        (["--sensitive", ","], "a name is empty"),
        (["--weight", ""], "the name is empty"),
        (["--by-group", ""], "a name is empty"),
        (["--sensitive", "g,g"], "--sensitive names column 'g' more than once"),
    ],
)
def test_options_are_given_once_and_name_something(harm, arguments, message):
    result = CliRunner().invoke(main, ["audit", str(harm), *COLUMNS, *arguments])
    assert result.exit_code == 2
    assert message in result.output


def test_names_of_columns_are_as_in_the_header(tmp_path):
    (tmp_path / "p.csv").write_text('y,new,old,sex, sex,"a,b"\n' + "1,1,0,f,x,p\n0,0,0,m,y,q\n" * 40)
    for name, group in (("sex", "f"), (" sex", "x"), ('"a,b"', "p"), ('sex,"a,b"', "f x p")):
        result = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *COLUMNS, "--sensitive", name])
        assert result.exit_code == 0, result.output
        assert any(line.startswith(group) for line in result.output.splitlines())


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    "earlier", ['{"schema_version": 1}', '{"higher_risk_found": false}', '{"score_pooled": "old"}']
)
def test_a_command_line_that_cannot_be_read_leaves_no_earlier_result(harm, tmp_path, earlier):
    path = tmp_path / "result.json"
    path.write_text(earlier)
    assert audit(harm, "--json", path, "--no-such-option").returncode == 2
    assert json.loads(path.read_text())["state"] == "unusable"


@pytest.mark.long
@pytest.mark.slow
def test_a_command_line_that_cannot_be_read_replaces_nothing_else(harm, tmp_path):
    path = tmp_path / "notes.json"
    path.write_text("[1]")
    assert audit(harm, "--json", path, "--no-such-option").returncode == 2
    assert path.read_text() == "[1]"
