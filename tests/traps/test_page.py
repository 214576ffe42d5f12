"""Page, list and tests are one."""

import importlib
import inspect
import pkgutil

import tests.traps as package

from .traps import PAGE, TRAPS, page


def test_the_page_is_made_of_the_list():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.traps"


def test_every_trap_has_a_test_and_every_test_a_row():
    marked = set()
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("test_"):
            continue
        try:
            found = importlib.import_module(f"tests.traps.{module.name}")
        except ImportError as error:  # a package that this environment does not have
            raise AssertionError(f"{module.name} must import its packages in its tests") from error
        for _, function in inspect.getmembers(found, inspect.isfunction):
            marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "trap"]
            marked |= {mark.args[0] for mark in marks}
    names = [trap.name for trap in TRAPS]
    assert len(set(names)) == len(names)
    assert marked == set(names)
