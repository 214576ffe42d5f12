"""Looking again and again: a monitor of data that accumulate, week by week, release by release."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from . import _shown
from ._core._groupings import regroup
from ._core._losses import Loss
from ._core._measurement import Measurement
from ._core._unit_hashes import UnitHashes, read_key
from ._course import Course, Plan
from ._engines._columns import check_names
from ._engines._seen_units import check_units, without_seen
from ._engines._unit_names import hint_at_people
from ._inference._checks import check_alpha, check_margin, check_test
from ._inference._looks import DESIGNS
from ._monitor_checks import as_table, check_label, check_numbers, check_same_people
from ._monitor_state import from_state, to_state
from ._monitor_words import verdict_of
from ._preference_frame import PreferenceFrame

BASELINE, REFERENCE = "baseline", "reference"

#: Columns of `history_` that say what is known after a look.
_SAID = ["group", "n", "gain", "lower", "upper"]


class PreferenceMonitor:
    """Judge data that accumulate: found harm and certificates keep their error probability however many looks there are.

    At each look a frame of *new* people is added. What is judged is the mean gain over all looks so far, in which every person counts alike. Both error
    probabilities hold for all looks together: that harm is found at *some* look although the mean gain so far is above minus the margin, and that a
    loss of more than the tolerance is ruled out at *some* look although there is one. A certificate is withdrawn when later people no longer bear it out.

    Parameters
    ----------
    tolerance : float
        Largest loss that counts as none in certificates, in units of the loss.
    alpha : float
        Error probability: for all groups and all looks together, once for harm and once for certificates.
    harm_margin : float
        Loss that is not yet called harm, in units of the loss.
    design : {"anytime", "group_sequential"}
        "anytime" bets (Waudby-Smith and Ramdas 2024): as many looks as anybody likes, whenever they like. "group_sequential" spends alpha as O'Brien and
        Fleming's boundaries do (Lan and DeMets 1983): `n_looks` looks that are planned beforehand, with nearly the power of a single test at the last one.
    n_looks : int, optional
        Number of planned looks, for "group_sequential".
    groups : list of labels, optional
        All groups that there will be, among which alpha is divided evenly (without `over`); others are refused. By default those of the first look have nine tenths of alpha, and the i-th group that
        appears later a share of ``1 / (10 i (i + 1))``.
    over : list of str or of tuples of str, optional
        Groupings that are judged together, as in `PreferenceFrame.over`; alpha is divided among all their groups.
    several_releases : bool
        Whether there will be new releases (`reset`), of which the k-th then has ``alpha / (k (k + 1))``, so that alpha covers all of them.

    Attributes
    ----------
    history_ : DataFrame
        One row per look, comparison and group: `release`, `look`, `label`, `against` ("baseline" or "reference"), `group`, `n_new` rows of this look,
        `left_out` rows of units that had been seen before, `n` rows so far, `gain` over all looks so far with bounds `lower` and `upper` (one-sided, for all groups and looks
        together), `harmed`, `certified`; `people` (units so far where there are any, else `n`); and of the design `information` and `level`.
    n_looks_ : int
        Looks so far.
    release_ : int
        Number of the release, from 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Notes
    -----
    Each look needs different people: a model that errs on a person keeps erring on that person. With units and a `unit_key` this is checked; `update_from_frame` leaves out rows of units
    that were seen before. A look with the counts of an earlier one in every group is refused, or warned of where other people might well have them, too.
    The state has sums per group and, if there are units, keyed hashes of them; never rows, and not the key.

    With weights, or rows that belong together, evidence is asymptotic: nothing is said of a group of fewer than 30 people (in Kish's effective size) or units.

    Examples
    --------
    >>> import numpy as np
    >>> from fairlearn_fwh.metrics import PreferenceFrame, PreferenceMonitor
    >>> rng = np.random.default_rng(0)
    >>> def week():
    ...     group, old_is_right = rng.choice(["a", "b"], 500), rng.random(500) < 0.9
    ...     new_is_right = np.where((group == "a") & (rng.random(500) < 0.1), False, old_is_right)
    ...     return PreferenceFrame(y_true=np.ones(500, int), y_pred=new_is_right.astype(int),
    ...                            y_pred_pooled=old_is_right.astype(int), sensitive_features=group)
    >>> monitor = PreferenceMonitor(tolerance=0.02)
    >>> for _ in range(6):
    ...     monitor = monitor.update(week())
    >>> monitor.violations()["group"].tolist(), monitor.certify()["certified"].tolist()
    (['a'], [False, True])
    """

    def __init__(
        self,
        *,
        tolerance: float = 0.01,
        alpha: float = 0.05,
        harm_margin: float = 0.0,
        design: str = "anytime",
        n_looks: int | None = None,
        groups: Sequence[Any] | None = None,
        over: Sequence[str | Sequence[str]] | None = None,
        several_releases: bool = False,
    ) -> None:
        check_alpha(alpha)
        check_numbers(tolerance=tolerance, harm_margin=harm_margin)
        if design not in DESIGNS:
            raise ValueError(f"design must be one of {list(DESIGNS)}; got {design!r}.")
        is_number = isinstance(n_looks, int | np.integer) and not isinstance(n_looks, bool)
        if design == "anytime" and n_looks is not None:
            raise ValueError(
                "n_looks is for design='group_sequential'; design='anytime' has as many looks as you like."
            )
        if design != "anytime" and not (is_number and n_looks is not None and n_looks >= 2):
            raise ValueError(
                f"design='group_sequential' needs n_looks, the number of looks that are planned, at least 2; got {n_looks!r}."
            )
        if groups is not None and (
            isinstance(groups, str) or not len(groups) or len(set(groups)) < len(groups)
        ):
            raise ValueError(f"groups must be a list of different labels; got {groups!r}.")
        self.tolerance, self.alpha, self.harm_margin = float(tolerance), float(alpha), float(harm_margin)
        self.design, self.n_looks = design, None if n_looks is None else int(n_looks)
        self.groups, self.over = groups, over
        self.several_releases = bool(several_releases)
        self.release_ = 1
        self._courses: dict[str, Course] = {}
        self._history: list[dict[str, Any]] = []

    @property
    def n_looks_(self) -> int:
        """Looks so far."""
        return self._history[-1]["look"] if self._history else 0

    @property
    def history_(self) -> pd.DataFrame:
        """What was said at each look."""
        return as_table(self._history)

    def update(
        self,
        frame: PreferenceFrame,
        *,
        reference: PreferenceFrame | None = None,
        label: str | None = None,
    ) -> PreferenceMonitor:
        """Add the people of one look.

        Parameters
        ----------
        frame : PreferenceFrame
            New people: what they got against what the baseline would have given them.
        reference : PreferenceFrame, optional
            The same people against a fixed reference, such as the first release; at every look or at none. It is judged over all releases, with an alpha
            of its own and as often as there are looks: a baseline that moves with every release does not show many small losses.
        label : str, optional
            Name of the look, such as a week; no two looks have the same.

        Returns
        -------
        PreferenceMonitor
            Itself.

        Raises
        ------
        TypeError
            If `frame` or `reference` is not a frame.
        ValueError
            If the look was added before (in any order of its rows), a unit was seen before, the planned looks are over, a group is none of `groups`, the frame was measured otherwise
            than those before, or its loss has no limits. Nothing is added then.
        """
        return self._update(frame, reference, label, {})

    def update_from_frame(
        self,
        frame: Any,
        *,
        y_true: str,
        y_pred: str,
        y_pred_pooled: str,
        sensitive_features: str | Sequence[str] | None = None,
        reference: str | None = None,
        sample_weight: str | None = None,
        units: str | None = None,
        unit_key: str | bytes | None = None,
        label: str | None = None,
        **settings: Any,
    ) -> PreferenceMonitor:
        """Add the people of a data frame; rows of units that were seen before are left out, and counted.

        Parameters
        ----------
        frame : pandas, polars, pyarrow, DuckDB, Dask or PySpark frame
            People of this look; any frame that narwhals knows.
        y_true, y_pred, y_pred_pooled, sensitive_features : str, or for groups a list of str
            Columns, as for `PreferenceFrame.from_frame`.
        reference : str, optional
            Column with the predictions of a fixed reference; see `update`.
        sample_weight : str, optional
            Column with weights.
        units : str, optional
            Column that says whose rows belong together.
        unit_key : str or bytes, optional
            The secret with which units are hashed; needed with `units`.
        label : str, optional
            As for `update`.
        **settings : dict
            As for `PreferenceFrame.from_frame`: `loss`, `loss_limit`, `labels`, `max_cells`.

        Returns
        -------
        PreferenceMonitor
            Itself.

        Raises
        ------
        ValueError
            As for `update` and `PreferenceFrame.from_frame`, or if all rows are of units that were seen before.
        """
        if (units is None) != (unit_key is None):
            raise ValueError(
                "units and unit_key belong together: without the key nobody can tell who was seen before."
            )
        columns: dict[str, Any] = {
            "y_true": y_true,
            "y_pred": y_pred,
            "sensitive_features": sensitive_features,
        }
        columns |= {"sample_weight": sample_weight, "units": units, "unit_key": unit_key}
        against = {BASELINE: y_pred_pooled} | ({} if reference is None else {REFERENCE: reference})
        frames, left_out = {}, {}
        for name, column in against.items():
            rows, left_out[name] = self._new_rows(frame, units, unit_key, name)
            frames[name] = PreferenceFrame.from_frame(rows, y_pred_pooled=column, **columns, **settings)
        if units is None:
            hint_at_people(frame, [*columns.values(), *against.values()], stacklevel=4)
        return self._update(frames[BASELINE], frames.get(REFERENCE), label, left_out)

    def _new_rows(self, frame: Any, units: str | None, unit_key: Any, against: str) -> tuple[Any, int]:
        seen = self.seen_units(against)
        if units is None:
            return frame, 0
        check_names(frame)
        table = nw.from_native(frame)
        check_units(table, units)
        if seen is None:
            return frame, 0
        rows, n_left_out = without_seen(table, units, read_key(unit_key), seen)
        return rows.to_native(), n_left_out

    def seen_units(self, against: str = BASELINE) -> UnitHashes | None:
        """Return keyed hashes of the units that a comparison has seen.

        Parameters
        ----------
        against : {"baseline", "reference"}
            The comparison.

        Returns
        -------
        UnitHashes or None
            None before there are any.
        """
        course = self._courses.get(against)
        return None if course is None else course.measured.unit_hashes

    def _update(
        self,
        frame: PreferenceFrame,
        reference: PreferenceFrame | None,
        label: str | None,
        left_out: dict[str, int],
    ) -> PreferenceMonitor:
        look = self.n_looks_ + 1
        label = f"look {look}" if label is None else label
        check_label(label)
        if any(row["label"] == label for row in self._history):
            raise ValueError(f"label {label!r} was added before; a look counts once.")
        if self._history and (reference is not None) != (REFERENCE in self._courses):
            raise ValueError("reference must be given at every look, or at none.")
        if reference is not None and not left_out:
            check_same_people(frame, reference)
        given = {BASELINE: frame} | ({} if reference is None else {REFERENCE: reference})
        courses, rows = dict(self._courses), []
        for against, part in given.items():
            new = self._read(part, "frame" if against == BASELINE else "reference")
            course = courses.get(against, Course(self._plan(against)))
            courses[against], said = course.look(new, label)
            head = {"release": self.release_, "look": look, "label": label, "against": against}
            rows += [head | {"left_out": left_out.get(against, 0)} | row for row in said]
        self._courses, self._history = courses, self._history + rows
        return self

    def _read(self, frame: PreferenceFrame, name: str) -> Measurement:
        if not isinstance(frame, PreferenceFrame):
            raise TypeError(f"{name} must be a PreferenceFrame; got {type(frame).__name__}.")
        measured = frame._measured.of_audit_groups()
        self._check_settings(measured.loss)
        if self.over is not None:
            regroup(measured, self.over)
        if self.groups is not None and (unknown := set(measured.layout.audit) - set(self.groups)):
            raise ValueError(
                f"{name} has the group(s) {sorted(map(str, unknown))}, which groups does not name."
            )
        return measured

    def _check_settings(self, loss: Loss) -> None:
        check_test(self.tolerance, self.alpha, "tango", None, loss, weighted=False)
        check_margin(self.harm_margin, loss, "harm_margin")

    def _plan(self, against: str) -> Plan:
        is_reference = against == REFERENCE
        k = self.release_
        share = 1.0 if is_reference or not self.several_releases else 1 / (k * (k + 1))
        return Plan(
            alpha=self.alpha * share,
            tolerance=self.tolerance,
            margin=self.harm_margin,
            n_looks=None if is_reference else self.n_looks,
            groups=None if self.groups is None else list(self.groups),
            over=self.over,
        )

    def reset(self) -> PreferenceMonitor:
        """Begin with a new release: looks, people and bounds start anew; the fixed reference goes on.

        Returns
        -------
        PreferenceMonitor
            Itself.

        Raises
        ------
        ValueError
            If the monitor is not for several releases, or this release has no look yet.
        """
        if not self.several_releases:
            raise ValueError(
                "reset needs several_releases=True from the beginning: alpha of this monitor is for one release."
            )
        if BASELINE not in self._courses:
            raise ValueError(f"Release {self.release_} has no look yet.")
        self._courses = {name: course for name, course in self._courses.items() if name != BASELINE}
        self.release_ += 1
        return self

    def _last(self) -> pd.DataFrame:
        """What is said of each group after the last look."""
        self._check_looks()
        look = self.n_looks_
        return as_table([row for row in self._history if row["look"] == look])

    def violations(self) -> pd.DataFrame:
        """List the groups that are harmed, by what is known after the last look.

        Returns
        -------
        DataFrame
            Columns `against`, `group`, `n`, `gain`, `lower`, `upper`, and the look at which harm was first found, `since`.

        Raises
        ------
        ValueError
            If there is no look yet.
        """
        last = self._last()
        found = last[last["harmed"]].reset_index(drop=True)
        since = [
            next(
                row["look"]
                for row in self._history
                if row["harmed"] and row["group"] == group and row["against"] == against
                and (against == REFERENCE or row["release"] == self.release_)
            )
            for group, against in zip(found["group"], found["against"], strict=True)
        ]  # fmt: skip
        return found[["against", *_SAID]].assign(since=since)

    def certify(self) -> pd.DataFrame:
        """Say of each group whether a loss of more than the tolerance is ruled out, by what is known after the last look.

        Returns
        -------
        DataFrame
            Columns `against`, `group`, `n`, `gain`, `lower`, `upper`, `certified`.

        Raises
        ------
        ValueError
            If there is no look yet.
        """
        return self._last()[["against", *_SAID, "certified"]]

    @property
    def harm_found(self) -> bool:
        """Whether some group is harmed, by what is known after the last look."""
        return bool(self._last()["harmed"].any())

    @property
    def certified(self) -> bool:
        """Whether a loss of more than the tolerance is ruled out for every group."""
        return bool(self._last()["certified"].all())

    @property
    def verdict(self) -> str:
        """What is known after the last look, in one sentence."""
        return verdict_of(self)

    @property
    def loss_name(self) -> str:
        """Name of the loss, and where it is cut off."""
        return self._first_course.measured.loss.title

    @property
    def counted(self) -> str:
        """What `people` counts: units where rows belong together."""
        return "people" if self._first_course.measured.units is None else "units"

    @property
    def _first_course(self) -> Course:
        self._check_looks()
        return self._courses[BASELINE]

    def _check_looks(self) -> None:
        if BASELINE not in self._courses:
            what = f"Release {self.release_}" if self._history else "The monitor"
            raise ValueError(f"{what} has no look yet; update it.")

    def plot(self, *, ax: Any = None, against: str = BASELINE, min_group_size: int = 1) -> Any:
        """Plot the course of the gain of each group of this release, with its bounds.

        Parameters
        ----------
        ax : array of matplotlib Axes, optional
            One per group; by default those of a new figure.
        against : {"baseline", "reference"}
            The comparison.
        min_group_size : int
            Groups with fewer people are not drawn.

        Returns
        -------
        array of matplotlib Axes

        Raises
        ------
        ValueError
            If there is no look yet, or no such comparison.
        MissingExtraError
            If matplotlib is not installed.
        """
        return _shown.plot_course(self, ax, against, min_group_size)

    def to_json(self) -> str:
        """Write the state: settings, sums, history and keyed hashes of units; no rows, and not the key.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            If the loss is a function, or a group is neither text, a number nor a boolean.
        """
        return json.dumps(to_state(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> PreferenceMonitor:
        """Read a state that `to_json` wrote.

        Parameters
        ----------
        text : str

        Returns
        -------
        PreferenceMonitor

        Raises
        ------
        ValueError
            If the text is not a state of a monitor, or one of another version.
        """
        try:
            state = json.loads(text)
        except ValueError as error:
            raise ValueError("This is not a state of a PreferenceMonitor.") from error
        return from_state(cls, state)
