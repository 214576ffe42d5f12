"""A policy: what is audited and what is asked of it, written down in a TOML file."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics._core._names import group_name
from ._words import plain_name

if TYPE_CHECKING:
    from ..metrics import PreferenceFrame, RankingFrame

#: What each key holds. Those of the command line have the names of its options.
_KEYS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ["y-true", "y-pred", "pooled", "weight", "engine", "delimiter", "quote", "fail-on"], (str,)
    ),
    **dict.fromkeys(
        ["by-group", "groups", "sensitive", "unit", "loss", "pos-label", "labels", "null", "on"], (str, list)
    ),
    **dict.fromkeys(["tolerance", "harm-margin", "alpha", "loss-limit"], (float, int)),
    "cost": (list,),
    "margins": (bool,),
    "min-group-size": (int,),
    "required-groups": (list,),
    "smallest-sizes": (int, dict),
}

#: Keys that are about the groups that a file must have; the command line has no options for them.
ABOUT_GROUPS = ("required-groups", "smallest-sizes")

#: Keys whose lists hold texts alone.
_OF_TEXTS = ("by-group", "groups", "sensitive", "unit", "loss", "pos-label", "labels", "null", "on")

#: Groups that a message names.
_MOST_NAMED = 10

_TABLE = ("tool", "fairlearn-fwh", "audit")


@dataclass(frozen=True)
class Policy:
    """What a file says about audits.

    Attributes
    ----------
    file : str
        Where it was read.
    settings : dict
        Options of ``fairlearn-fwh audit`` by their names, without the two dashes.
    required_groups : tuple
        Groups that must be there; an intersection is a tuple.
    smallest_sizes : int, or dict from group to int
        How many people each group, or each of some groups, must have.
    overridden : tuple of str
        Settings of the file in whose place others were given.

    Examples
    --------
    >>> from fairlearn_fwh.audit import Policy
    >>> Policy("policy.toml", {"tolerance": 0.02}, required_groups=("a", "b")).to_dict()
    {'file': 'policy.toml', 'tolerance': 0.02, 'required-groups': ['a', 'b']}
    """

    file: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    required_groups: tuple[Any, ...] = ()
    smallest_sizes: int | Mapping[str, int] = 0
    overridden: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what a report shows of it.

        Returns
        -------
        dict
        """
        shown: dict[str, Any] = {"file": self.file, **self.settings} if self.file else {}
        if self.overridden:
            shown["overridden"] = list(self.overridden)
        if self.required_groups:
            shown["required-groups"] = [group_name(group) for group in self.required_groups]
        if self.smallest_sizes:
            sizes = self.smallest_sizes
            shown["smallest-sizes"] = sizes if isinstance(sizes, int) else dict(sizes)
        return shown

    def without(self, keys: Collection[str]) -> Policy:
        """Leave out settings that the command line overrides.

        Parameters
        ----------
        keys : collection of str
            Names of settings.

        Returns
        -------
        Policy
        """
        kept = {key: value for key, value in self.settings.items() if key not in keys}
        return replace(self, settings=kept, overridden=tuple(key for key in self.settings if key in keys))

    def check_groups(self, frame: PreferenceFrame | RankingFrame, min_group_size: int) -> None:
        """Look whether the groups that must be there are there, and large enough.

        Parameters
        ----------
        frame : PreferenceFrame or RankingFrame
            With margins if they are audited, too.
        min_group_size : int
            Groups with fewer people are not named, and their sizes are not told: any size that is asked of them is this one.

        Raises
        ------
        ValueError
            If one is missing or too small.
        """
        people = {plain_name(label): int(size) for label, size in frame._people().items()}
        known = [name for name, n in people.items() if n >= min_group_size][:_MOST_NAMED]
        required = [plain_name(group) for group in self.required_groups]
        if missing := [group for group in required if not people.get(group)]:
            raise ValueError(
                f"{len(missing)} of {len(required)} groups that {self.file} requires are missing: {missing[:5]!r}; there are {known!r}."
            )
        sizes = self.smallest_sizes
        wanted = (
            dict.fromkeys(people, sizes)
            if isinstance(sizes, int)
            else {plain_name(g): size for g, size in sizes.items()}
        )
        if unknown := [group for group in wanted if group not in people]:
            raise ValueError(
                f"{self.file} has smallest-sizes of {unknown[:5]!r}, which are not groups here; there are {known!r}."
            )
        least = {group: max(size, min_group_size) if size > 1 else size for group, size in wanted.items()}
        if small := [group for group, size in least.items() if people[group] < size]:
            first = small[0]
            is_shown = people[first] >= min_group_size
            who = repr(first) if is_shown or not isinstance(sizes, int) else "one"
            has = f"{people[first]:,}" if is_shown else f"fewer than {min_group_size:,}"
            raise ValueError(
                f"{len(small)} of {len(wanted)} groups are smaller than {self.file} asks for: {who} has {has} people, and must have {least[first]:,}."
            )


def read_policy(path: str | Path) -> Policy:
    r"""Read a policy.

    Parameters
    ----------
    path : path-like
        A TOML file: ``pyproject.toml`` with a table ``[tool.fairlearn-fwh.audit]``, or any other with that table or with its keys alone.

    Returns
    -------
    Policy

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a TOML file, has no such table, or a key is unknown or of the wrong type.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fairlearn_fwh.audit import read_policy
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "policy.toml"
    >>> _ = path.write_text('sensitive = ["race", "sex"]\ntolerance = 0.02')
    >>> read_policy(path).settings
    {'sensitive': ['race', 'sex'], 'tolerance': 0.02}
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no policy {path}.")
    table = policy_table(path)
    if table is None:
        raise ValueError(f"{path.name} has no table [{'.'.join(_TABLE)}].")
    return _read_table(table, path.name)


def find_policy(folder: str | Path = ".") -> Policy:
    """Read the policy of the project that a folder belongs to; an empty one where there is none.

    Parameters
    ----------
    folder : path-like
        Where ``pyproject.toml`` may lie, or in a folder above it, up to the root of the repository.

    Returns
    -------
    Policy
        That of the nearest file with a table ``[tool.fairlearn-fwh.audit]``.

    Raises
    ------
    ValueError
        As for `read_policy`.

    Examples
    --------
    >>> import tempfile
    >>> from fairlearn_fwh.audit import find_policy
    >>> find_policy(tempfile.mkdtemp()).settings
    {}
    """
    start = Path(folder).absolute()
    for above in _folders_of_project(start):
        path = above / "pyproject.toml"
        table = policy_table(path) if path.is_file() else None
        if table is not None:
            return _read_table(table, Path(os.path.relpath(path, start)).as_posix())
    return Policy()


def _folders_of_project(folder: Path) -> list[Path]:
    """A folder and those above it, up to the root of the repository; outside a repository, that folder alone."""
    folders = [folder, *folder.parents]
    roots = [i for i, path in enumerate(folders) if (path / ".git").exists()]
    return folders[: roots[0] + 1 if roots else 1]


def policy_table(path: Path) -> dict[str, Any] | None:
    """The table about audits in a file, if it has one; a file that is not a project is one as a whole."""
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as TOML: {error}.") from error
    _refuse_near_misses(content, path.name)
    table = content
    for name in _TABLE:
        table = table.get(name) if isinstance(table, dict) else None
    if table is None and path.name != "pyproject.toml" and "tool" not in content:
        table = content
    if table is not None and not isinstance(table, dict):
        raise ValueError(f"{path.name}: {'.'.join(_TABLE)} must be a table.")
    return table


def _refuse_near_misses(content: dict[str, Any], file: str) -> None:
    """Raise ValueError for a table that would be taken for a policy by whoever wrote it, and by nobody else."""
    tool = content.get("tool")
    tables = tool if isinstance(tool, dict) else {}
    near = [
        name
        for name in tables
        if name != _TABLE[1] and re.sub("[-_. ]", "", name).casefold() == "fairlearnfwh"
    ]
    own = tables.get(_TABLE[1])
    other = [name for name in own if name != _TABLE[2]] if isinstance(own, dict) else []
    if near or other:
        found = f"tool.{near[0]}" if near else f"{'.'.join(_TABLE[:2])}.{other[0]}"
        raise ValueError(f"{file} has {found}; a policy is the table [{'.'.join(_TABLE)}].")


def _read_table(table: dict[str, Any], file: str) -> Policy:
    for key, value in table.items():
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            raise ValueError(
                f"{file}: {key!r} is not a key of a policy{f'; did you mean {close[0]!r}' if close else ''}. The keys are {', '.join(_KEYS)}."
            )
        kinds = _KEYS[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            kinds = (float,) if kinds == (float, int) else kinds
            names = " or ".join(
                {
                    str: "text",
                    list: "a list",
                    float: "a number",
                    int: "a whole number",
                    bool: "true or false",
                    dict: "a table",
                }[k]
                for k in kinds
            )
            raise ValueError(f"{file}: {key} must be {names}; got {value!r}.")
    for key, value in table.items():
        if (
            key in _OF_TEXTS
            and isinstance(value, list)
            and not (value and all(isinstance(part, str) for part in value))
        ):
            raise ValueError(f"{file}: {key} must be a list of texts; got {value!r}.")
    for cost in table.get("cost", []):
        is_number = (
            isinstance(cost, list)
            and len(cost) == 3
            and isinstance(cost[2], int | float)
            and not isinstance(cost[2], bool)
        )
        if not is_number or not all(isinstance(label, str) for label in cost[:2]):
            raise ValueError(
                f"{file}: cost must be a list of [truth, predicted, cost], two texts and a number; got {cost!r}."
            )
    required = table.get("required-groups", [])
    if not all(group and all(isinstance(part, str) for part in _parts(group)) for group in required):
        raise ValueError(
            f"{file}: required-groups must be a list of groups as text; an intersection is a list of texts."
        )
    sizes = table.get("smallest-sizes", 0)
    every = sizes.values() if isinstance(sizes, dict) else [sizes]
    if any(isinstance(size, bool) or not isinstance(size, int) or size < 0 for size in every):
        raise ValueError(f"{file}: smallest-sizes must be whole numbers of at least 0; got {sizes!r}.")
    return Policy(
        file,
        {key: value for key, value in table.items() if key not in ABOUT_GROUPS},
        tuple(tuple(group) if isinstance(group, list) else group for group in required),
        sizes,
    )


def _parts(group: Any) -> list[Any]:
    return group if isinstance(group, list) else [group]
