"""The rooms of the package: who may import whom is linted, and the lint sees what breaks it."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fairlearn_fwh

pytest.importorskip("importlinter")

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(fairlearn_fwh.__file__).parent

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
    "contracts"
]


def lint(folder):
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--config",
        str(folder / "pyproject.toml"),
        "--no-cache",
    ]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    return result.returncode, result.stdout


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "fairlearn_fwh", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_contract_is_kept(copied):
    status, text = lint(copied)
    assert status == 0, text


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("metrics/_preference_frame.py", "from ..audit import Audit", "A room imports only from those below it"),
        ("base/_samples.py", "from ..inprocessing import DAFHClassifier", "A room imports only from those below it"),
        ("metrics/_core/_sums.py", "from .._inference import _claims", "Rows become cells"),
        (
            "inprocessing/reweighted/_dro.py",
            "from ..transfer import _report",
            "Families of trained methods share the trainer",
        ),
        ("decoupling/_tree.py", "from . import _tree_pruning", "No circles"),
        ("attic/__init__.py", "", "A room imports only from those below it"),
    ],
)  # fmt: skip
def test_the_lint_sees_what_breaks_a_contract(copied, file, line, contract):
    path = copied / "fairlearn_fwh" / file
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        status, text = lint(copied)
    finally:
        if before is None:
            shutil.rmtree(path.parent)
        else:
            path.write_text(before)
    assert status == 1
    assert re.search(rf"{contract}.* BROKEN", text), text


def test_contributing_has_a_row_for_every_room_in_the_order_of_the_layers():
    layers = [
        room.strip()
        for contract in CONTRACTS
        if contract["id"] == "rooms"
        for layer in reversed(contract["layers"])
        for room in layer.split("|")
    ]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("| room |") :].split("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
    named = [
        name.removesuffix("/").removesuffix(".py") for row in rows for name in re.findall(r"`([\w./]+)`", row)
    ]
    assert [name for name in named if "/" not in name] == layers


def test_no_file_is_longer_than_500_lines_but_the_documentation_of_one_class():
    documented = {"metrics/_preference_frame.py"}
    long = {
        str(path.relative_to(PACKAGE)): n
        for path in PACKAGE.rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert set(long) <= documented, long
