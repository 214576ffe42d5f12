"""A policy: what is audited and what is asked of it, written down in a TOML file."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics._core._groups import as_tuple
from ..metrics._core._names import group_name

if TYPE_CHECKING:
    from ..metrics import PreferenceFrame

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

    def to_dict(self) -> dict[str, Any]:
        """Return what a report shows of it.

        Returns
        -------
        dict
        """
        shown: dict[str, Any] = {"file": self.file, **self.settings} if self.file else {}
        if self.required_groups:
            shown["required-groups"] = [group_name(group) for group in self.required_groups]
        if self.smallest_sizes:
            shown["smallest-sizes"] = (
                self.smallest_sizes if isinstance(self.smallest_sizes, int) else dict(self.smallest_sizes)
            )
        return shown

    def check_groups(self, frame: PreferenceFrame, min_group_size: int) -> None:
        """Look whether the groups that must be there are there, and large enough.

        Parameters
        ----------
        frame : PreferenceFrame
        min_group_size : int
            Sizes below are not told.

        Raises
        ------
        ValueError
            If one is missing or too small; the sentence says how many people there are.
        """
        n = {group_name(label): int(size) for label, size in frame._people().items()}
        required = [group_name(group) for group in self.required_groups]
        if missing := [group for group in required if not n.get(group)]:
            raise ValueError(
                f"{len(missing)} of {len(required)} groups that {self.file} requires are missing: {missing[:5]!r}; the groups are {list(n)[:10]!r}."
            )
        sizes = self.smallest_sizes
        wanted = (
            dict.fromkeys(n, sizes)
            if isinstance(sizes, int)
            else {group_name(as_tuple(g) if isinstance(g, list) else g): size for g, size in sizes.items()}
        )
        if unknown := [group for group in wanted if group not in n]:
            raise ValueError(
                f"{self.file} has smallest-sizes of {unknown[:5]!r}, which are no groups here; the groups are {list(n)[:10]!r}."
            )
        small = {group: size for group, size in wanted.items() if n[group] < size}
        if small:
            group, size = next(iter(small.items()))
            has = f"{n[group]:,}" if n[group] >= min_group_size else f"fewer than {min_group_size:,}"
            raise ValueError(
                f"{len(small)} of {len(wanted)} groups are smaller than {self.file} asks for: {group!r} has {has} people, and must have {size:,}."
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
        If it is no TOML file, has no such table, or a key is unknown or of the wrong type.

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
    """Read the policy of the project in a folder; an empty one where there is none.

    Parameters
    ----------
    folder : path-like
        Where ``pyproject.toml`` may lie.

    Returns
    -------
    Policy

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
    path = Path(folder) / "pyproject.toml"
    table = policy_table(path) if path.is_file() else None
    return Policy() if table is None else _read_table(table, path.name)


def policy_table(path: Path) -> dict[str, Any] | None:
    """The table about audits in a file, if it has one; a file that is no project is one as a whole."""
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as TOML: {error}.") from error
    table = content
    for name in _TABLE:
        table = table.get(name) if isinstance(table, dict) else None
    if table is None and path.name != "pyproject.toml" and "tool" not in content:
        table = content
    if table is not None and not isinstance(table, dict):
        raise ValueError(f"{path.name}: {'.'.join(_TABLE)} must be a table.")
    return table


def _read_table(table: dict[str, Any], file: str) -> Policy:
    for key, value in table.items():
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            raise ValueError(
                f"{file}: {key!r} is no key of a policy{f'; did you mean {close[0]!r}' if close else ''}. The keys are {', '.join(_KEYS)}."
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
    required = table.get("required-groups", [])
    if not all(
        isinstance(part, str)
        for group in required
        for part in (group if isinstance(group, list) else [group])
    ):
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
