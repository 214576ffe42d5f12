"""The state of a monitor as what JSON can hold, and back."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any

from ._core._plain import label_from_plain, label_to_plain
from ._course import Course

if TYPE_CHECKING:
    from ._monitor import PreferenceMonitor

FORMAT, VERSION = "fairlearn_fwh monitor", 4

#: Settings that JSON can hold as they are.
_PLAIN = ("tolerance", "alpha", "harm_margin", "design", "n_looks", "over", "several_releases")


def to_state(monitor: PreferenceMonitor) -> dict[str, Any]:
    """Write settings, sums, history and keyed hashes of units; see `PreferenceMonitor.to_json`."""
    groups = None if monitor.groups is None else [label_to_plain(label) for label in monitor.groups]
    return {
        "format": FORMAT,
        "version": VERSION,
        "settings": {name: getattr(monitor, name) for name in _PLAIN} | {"groups": groups},
        "release": monitor.release_,
        "history": [row | {"group": label_to_plain(row["group"])} for row in monitor._history],
        "courses": {name: course.to_plain() for name, course in monitor._courses.items()},
    }


def from_state(kind: type[PreferenceMonitor], state: Any) -> PreferenceMonitor:
    """Read what `to_state` wrote; see `PreferenceMonitor.from_json`."""
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(
            "This is not a state of a PreferenceMonitor. Give what to_json wrote, or start a new monitor."
        )
    if state.get("version") != VERSION:
        raise ValueError(
            f"This state has version {state.get('version')!r}; this package reads version {VERSION}. Read it with the release that wrote it, or start a new monitor."
        )
    try:
        settings = dict(state["settings"])
        for name in ("groups", "over"):
            if settings[name] is not None:
                settings[name] = [label_from_plain(label) for label in settings[name]]
        monitor = kind(**settings)
        monitor.release_ = state["release"]
        monitor._history = [row | {"group": label_from_plain(row["group"])} for row in state["history"]]
        monitor._courses = {
            name: Course.from_plain(plain, monitor._plan(name)) for name, plain in state["courses"].items()
        }
    except (KeyError, TypeError, AttributeError, IndexError, binascii.Error) as error:
        raise ValueError(f"The state is damaged: {type(error).__name__} {error}.") from error
    return monitor
