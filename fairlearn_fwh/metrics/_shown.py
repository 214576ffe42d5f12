"""What frames show of themselves. Reports rest on metrics, so this one file reaches up to them, when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._calibration import CalibrationFrame
    from ._monitor import PreferenceMonitor
    from ._partial_groups import PartialGains
    from ._preference_frame import PreferenceFrame


def plot(frame: PreferenceFrame, kind: str, ax: Any, min_group_size: int) -> Any:
    """Plot a frame; see `PreferenceFrame.plot`."""
    from ..audit import _plots

    return _plots.plot(frame, kind, ax, min_group_size)


def plot_models(frames: Mapping[str, PreferenceFrame], ax: Any) -> Any:
    """Plot several models; see `FrameComparison.plot`."""
    from ..audit import _plots

    return _plots.plot_tradeoff(frames, ax)


def model_card(frame: PreferenceFrame, **settings: Any) -> str:
    """Write a section of a model card; see `PreferenceFrame.to_model_card`."""
    from ..audit._findings import Findings
    from ..audit._model_card import model_card
    from ..audit._subject import Subject

    return model_card(Findings(frame, subject=Subject(own="the model", pooled="the baseline"), **settings))


def plot_course(monitor: PreferenceMonitor, ax: Any, against: str, min_group_size: int) -> Any:
    """Plot the course of a monitor; see `PreferenceMonitor.plot`."""
    from ..audit._course_plot import plot_course as plotted

    return plotted(monitor, ax, against, min_group_size)


def plot_partial(partial: PartialGains, ax: Any, min_group_size: int) -> Any:
    """Plot bounds of gains; see `PartialGains.plot`."""
    from ..audit._partial_plot import plot_partial as plotted

    return plotted(partial, ax, min_group_size)


def plot_calibration(frame: CalibrationFrame, min_group_size: int) -> Any:
    """Plot reliability diagrams; see `CalibrationFrame.plot`."""
    from ..audit._calibration_plot import plot_calibration as plotted

    return plotted(frame, min_group_size)
