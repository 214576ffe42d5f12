"""Pictures of preference frames. Colours are Okabe and Ito's, and shapes tell apart what colours do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..exceptions import MissingExtraError
from ..metrics._compare import worst_gain_bounds
from ..metrics._core._names import group_name
from ..metrics._core._units import Unit
from ._verdict import counted

if TYPE_CHECKING:
    from ..metrics._preference_frame import PreferenceFrame

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = "osD^vP"

#: Most groups that are drawn.
MAX_DRAWN = 40

#: Entries of a heat map are written into it up to this many groups.
_MAX_ANNOTATED = 12


def new_axes(ax: Any, width: float, height: float) -> Any:
    """Return `ax`, or the axes of a new figure."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError.for_extra("Drawing", "plot") from error
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def new_panels(n_rows: int, n_columns: int, figsize: tuple[float, float], **shared: Any) -> tuple[Any, Any]:
    """Make a new figure of several axes, shape (n_rows, n_columns); `shared` says which axes are (``sharex``, ``sharey``)."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError.for_extra("Drawing", "plot") from error
    return plt.subplots(n_rows, n_columns, figsize=figsize, layout="constrained", squeeze=False, **shared)


def style(i: int) -> dict[str, str]:
    """Colour and marker of the i-th of several things; no pair of them comes twice before the 36th."""
    return {"color": COLOURS[i % len(COLOURS)], "fmt": MARKERS[(i + i // len(COLOURS)) % len(MARKERS)]}


def label_text(label: Any) -> str:
    """Name of a group or model as matplotlib shows it: dollars are not a formula, an underscore does not hide it."""
    name = group_name(label).replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name


def _scale(frame: PreferenceFrame) -> tuple[float, str]:
    """Factor and unit in which gains are shown."""
    unit = Unit(frame.loss_name)
    return unit.factor, unit.name


def _shown(frame: PreferenceFrame, min_group_size: int) -> np.ndarray:
    """Rows of the audit groups that are drawn: of very many those with the lowest gains."""
    table = frame.by_group
    rows = np.flatnonzero(~frame._hidden(max(min_group_size, 1)).to_numpy())
    if len(rows) > MAX_DRAWN:
        gains = table["rationality_gain"].to_numpy()[rows]
        rows = np.sort(rows[np.argsort(gains, kind="stable")[:MAX_DRAWN]])
    return rows


def _say_what_is_shown(ax: Any, frame: PreferenceFrame) -> None:
    if (n := len(frame.by_group)) > MAX_DRAWN:
        ax.set_title(f"the {MAX_DRAWN} of {n:,} groups with the lowest gains", fontsize=10)


def _confidence(frame: PreferenceFrame) -> str:
    return f"{100 * (max(frame.ci_quantiles) - min(frame.ci_quantiles)):g} % intervals"


def plot_gains(frame: PreferenceFrame, axes: Any, min_group_size: int) -> Any:
    """Plot the gains in every loss, one panel below the other, with the same groups in the same places."""
    rows = np.flatnonzero(~frame._hidden(max(min_group_size, 1)).to_numpy())
    if len(rows) > MAX_DRAWN:
        lowest = np.nanmin(
            [
                Unit(frame[loss].loss_name).factor * frame[loss].gains.to_numpy()[rows, 0]
                for loss in frame.losses
            ],
            axis=0,
        )
        rows = np.sort(rows[np.argsort(lowest, kind="stable")[:MAX_DRAWN]])
    n = len(frame.losses)
    if axes is None:
        axes = new_panels(n, 1, (8.0, n * (1.3 + 0.45 * len(rows))))[1][:, 0]
    axes = np.ravel(axes)
    if len(axes) != n:
        raise ValueError(f"ax must be one axes for each of the {n} losses {frame.losses}; got {len(axes)}.")
    for loss, ax in zip(frame.losses, axes, strict=True):
        _plot_gain(frame[loss], ax, rows)
        ax.set_title(label_text(loss), loc="left", fontsize=11)
    return axes


def plot_gain(frame: PreferenceFrame, ax: Any, min_group_size: int) -> Any:
    """Plot the rationality gain of every audit group with its interval and the line of no harm."""
    return _plot_gain(frame, ax, _shown(frame, min_group_size))


def _plot_gain(frame: PreferenceFrame, ax: Any, rows: np.ndarray) -> Any:
    ax = new_axes(ax, 8.0, 1.3 + 0.45 * len(rows))
    factor, unit = _scale(frame)
    table = frame.by_group.iloc[rows]
    gain = factor * table["rationality_gain"].to_numpy()
    low, high = (
        factor * frame.by_group_ci[pick(frame.ci_quantiles)]["rationality_gain"].to_numpy()[rows]
        for pick in (min, max)
    )
    position = np.arange(len(rows))[::-1]
    # Harmed, better, not sure: the interval is left of, right of, or across the line.
    kinds = np.where(high < 0, 0, np.where(low > 0, 1, 2))
    for kind, (colour, marker, label) in enumerate(
        [(VERMILION, "v", "loses"), (BLUE, "^", "gains"), ("#555555", "o", "not sure")]
    ):
        mine = kinds == kind
        if mine.any():
            errors = [
                np.nan_to_num((gain - low)[mine], posinf=0.0),
                np.nan_to_num((high - gain)[mine], posinf=0.0),
            ]
            ax.errorbar(
                gain[mine], position[mine], xerr=np.maximum(errors, 0.0), fmt=marker, color=colour,
                markersize=7, capsize=3, linewidth=1.6, label=label,
            )  # fmt: skip
    ax.axvline(0, color="black", linewidth=1)
    names = [
        f"{label_text(label)}\n({n:,} {counted(frame)})"
        for label, n in zip(table.index, table["n"], strict=True)
    ]
    ax.set_yticks(position, names)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    _say_what_is_shown(ax, frame)
    ax.set_xlabel(f"gain over the pooled classifier,\n{unit} ({_confidence(frame)}); left of 0 is harm")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax


def plot_envy(frame: PreferenceFrame, ax: Any, min_group_size: int) -> Any:
    """Plot the envy matrix as a heat map: how much each group gains by not having another's classifier."""
    levels = frame._measured.levels.assigned
    rows = np.flatnonzero(levels.n >= max(min_group_size, 1))
    if not frame.has_envy:
        raise ValueError("kind='envy' needs y_pred_by_group: envy compares with every group's classifier.")
    factor, unit = _scale(frame)
    values = factor * frame.envy_matrix.to_numpy()[rows]
    ax = new_axes(ax, 3.2 + 0.75 * values.shape[1], 1.8 + 0.5 * len(rows))
    limit = max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-12)
    image = ax.imshow(values, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
    ax.set_xticks(range(values.shape[1]), [label_text(label) for label in frame.envy_matrix.columns])
    ax.set_yticks(range(len(rows)), [label_text(label) for label in frame.envy_matrix.index[rows]])
    ax.tick_params(axis="x", labelrotation=45 if values.shape[1] > 4 else 0)
    if max(values.shape) <= _MAX_ANNOTATED:
        own = frame._layout.own_column[rows]
        for (i, j), value in np.ndenumerate(values):
            text = "own" if own[i] == j else Unit(frame.loss_name).gain(value / factor, 1)
            dark = abs(value) > 0.6 * limit
            ax.text(j, i, text, ha="center", va="center", color="white" if dark else "black", fontsize=9)
    ax.set_xlabel("classifier of")
    ax.set_ylabel("group")
    bar = ax.figure.colorbar(image, ax=ax)
    bar.set_label(f"envy gain, {unit};\nnegative: the group envies")
    return ax


def plot_flips(frame: PreferenceFrame, ax: Any, min_group_size: int) -> Any:
    """Plot for how many people of each audit group the answer became wrong, to the left, and right, to the right; the group that loses most comes first."""
    rows = _shown(frame, min_group_size)
    table = frame.by_group.iloc[rows]
    table = table.iloc[np.argsort(table["rationality_gain"].to_numpy(), kind="stable")]
    ax = new_axes(ax, 6.0, 1.9 + 0.5 * len(rows))
    position = np.arange(len(table))[::-1]
    worse, better = (
        100 * table[f"{kind}_flip_rate"].to_numpy(dtype=float) for kind in ("negative", "positive")
    )
    ax.barh(
        position,
        -worse,
        color=VERMILION,
        hatch="///",
        edgecolor="white",
        linewidth=0,
        height=0.6,
        label="now wrong, right before",
    )
    ax.barh(position, better, color=BLUE, height=0.6, label="now right, wrong before")
    limit = 1.35 * max(float(np.nanmax(np.concatenate([worse, better, [0.1]]))), 0.1)
    for row, left, right in zip(position, worse, better, strict=True):
        if left == right == 0:
            ax.text(0.02 * limit, row, "no change", ha="left", va="center", fontsize=10)
            continue
        for size, side, align in ((left, -1, "right"), (right, 1, "left")):
            ax.text(side * (size + 0.02 * limit), row, f"{size:.1f}", ha=align, va="center", fontsize=10)
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(position, [folded(label_text(label)) for label in table.index], fontsize=11)
    ax.set_xlim(-limit, limit)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.set_xticks([])
    ax.set_xlabel(f"% of the {counted(frame)} of each group", fontsize=11)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    _say_what_is_shown(ax, frame)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.35 / (0.5 * len(rows) + 0.5)),
        ncols=1,
        frameon=False,
        fontsize=11,
    )
    return ax


def folded(name: str, width: int = 18) -> str:
    """A long name on two lines; what does not fit there is cut."""
    if len(name) <= width:
        return name
    cut = name.rfind(" ", 0, width) if " " in name[:width] else width
    rest = name[cut:].strip()
    return f"{name[:cut]}\n{rest if len(rest) <= width else rest[: width - 1] + '…'}"


def plot_tradeoff(frames: Mapping[str, PreferenceFrame], ax: Any) -> Any:
    """Plot models by the gain of the worst-off group against the change of disparity."""
    if any(frame._layout.control_names for frame in frames.values()):
        raise ValueError("kind='tradeoff' does not apply to a frame with control features.")
    ax = new_axes(ax, 7.6, 5.0)
    first = next(iter(frames.values()))
    factor, unit = _scale(first)
    for i, (name, frame) in enumerate(frames.items()):
        bounds = worst_gain_bounds(frame)
        gain, low, high = (
            factor * value for value in (bounds["worst_gain"], bounds["lower"], bounds["upper"])
        )
        ax.errorbar(
            gain, factor * frame.overall["disparity_change"], xerr=[[max(gain - low, 0.0)], [max(high - gain, 0.0)]],
            **style(i), markersize=8, capsize=3, label=label_text(name),
        )  # fmt: skip
    ax.axvline(0, color="black", linewidth=1)
    ax.axhline(0, color="black", linewidth=1, linestyle=":")
    ax.set_xlabel(f"gain of the worst-off group, {unit}\n(bounds for all groups together); left of 0 is harm")
    ax.set_ylabel(f"change of disparity, {unit}; below 0 is more equal")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax


#: Pictures of one frame.
PLOTS = {"gain": plot_gain, "envy": plot_envy, "flips": plot_flips}


def plot(frame: PreferenceFrame, kind: str, ax: Any, min_group_size: int) -> Any:
    """Plot a frame; see `PreferenceFrame.plot`."""
    if frame.has_several_losses:
        if kind != "gain":
            raise ValueError(
                f"kind={kind!r} is for one loss; choose one: frame[{frame.losses[0]!r}].plot({kind!r})."
            )
        return plot_gains(frame, ax, min_group_size)
    if kind == "tradeoff":
        return plot_tradeoff({"this model": frame}, ax)
    if kind not in PLOTS:
        raise ValueError(f"kind must be one of {[*PLOTS, 'tradeoff']}; got {kind!r}.")
    return PLOTS[kind](frame, ax, min_group_size)
