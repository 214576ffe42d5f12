"""Where reports go: pages, JSON, JUnit and Markdown, all of them or none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ..audit._audit import Audit
from ..audit._monitor_report import MonitorReport
from ..audit._ranking_report import RankingReport
from ..audit._sample_report import SampleReport
from ..audit._unusable import CANNOT_BE_USED, HTML_MARK, MARKDOWN_MARK, NOT_ENDED, unusable_reports
from ..audit._writing import write_files
from ._columns import check_paths

Report = Audit | SampleReport | RankingReport | MonitorReport

#: By what a file is known to be an earlier result, by the option that names it.
_MARKS = {
    "--json": ('"schema_version"', '"higher_risk_found"', '"score_pooled"', '"n_looks_planned"'),
    "--junit": ('<testsuite name="no-harm audit',),
    "--html": (HTML_MARK,),
    "--markdown": (MARKDOWN_MARK,),
}


@dataclass(frozen=True)
class Outputs:
    """Files that a command writes.

    Attributes
    ----------
    html, json, junit, markdown : Path or None
    """

    html: Path | None = None
    json: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """All of them."""
        return (self.html, self.json, self.junit, self.markdown)

    def texts(self, report: Report, fail_on: str = "harm") -> dict[Path, str]:
        """Make what was asked for; the JSON comes last, and has the checksums of the others.

        Raises
        ------
        ValueError
            If another report than an audit is to be written as JUnit or Markdown.
        """
        if (self.junit or self.markdown) and not isinstance(report, Audit):
            raise ValueError(
                "--junit and --markdown do not apply to --unpaired and --scores; leave them out."
            )
        files = {self.html: report.to_html()} if self.html else {}
        if isinstance(report, Audit):
            files |= {self.junit: report.to_junit(fail_on)} if self.junit else {}
            files |= {self.markdown: report.to_markdown()} if self.markdown else {}
        parts = {path.name: text for path, text in files.items()}
        return files | ({self.json: report.to_json(parts)} if self.json else {})

    def write(self, report: Report, fail_on: str) -> list[Path]:
        """Write what was asked for; see `texts`."""
        files = self.texts(report, fail_on)
        write_files(files)
        return list(files)

    def check(self, *inputs: Path | None) -> None:
        """Raise ValueError rather than write one file over another; earlier results go, as with every failure.

        Raises
        ------
        ValueError
            If two files are one, or a report cannot be written.
        """
        try:
            check_paths(*inputs, outputs=self.paths)
        except ValueError:
            _replace_earlier(self._named)
            raise

    @contextlib.contextmanager
    def unusable_if_it_fails(self) -> Iterator[None]:
        """Write that the input cannot be used in place of an earlier result: who reads a result must not take an old one for this one.

        Earlier results go before anything is measured: a command that is killed cannot take them away.
        """
        _replace_earlier(self._named, NOT_ENDED)
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            with contextlib.suppress(OSError, ValueError):
                write_files(self._unusable())
            raise

    @property
    def _named(self) -> dict[str, Path | None]:
        """By the options that name them."""
        return {f"--{field.name}": getattr(self, field.name) for field in fields(self)}

    def _unusable(self, reason: str = CANNOT_BE_USED) -> dict[Path, str]:
        return unusable_reports(
            html=self.html, json_file=self.json, junit=self.junit, markdown=self.markdown, reason=reason
        )


def mark_unusable(arguments: list[str]) -> None:
    """Take an earlier result away where the command line itself cannot be read, such as with a broken policy.

    Only what is such a result is replaced: what a command line that cannot be read means by its other words is not known.
    """
    if arguments[:1] not in (["audit"], ["monitor"]):
        return
    named = {}
    for name, value in zip(arguments, [*arguments[1:], ""], strict=True):
        option, _, after = name.partition("=")
        if option in _MARKS:
            named[option] = Path(after or value)
    _replace_earlier(named)


def _replace_earlier(named: Mapping[str, Path | None], reason: str = CANNOT_BE_USED) -> None:
    """Replace each of these files that is an earlier result. Links stay, and a pipe is never opened: it would wait for a writer."""
    for option, path in named.items():
        if path is None or path.is_symlink() or not path.is_file():
            continue
        if not _is_earlier_result(path, _MARKS[option]):
            continue
        with contextlib.suppress(OSError, ValueError):
            write_files(Outputs(**{option[2:]: path})._unusable(reason))


def _is_earlier_result(path: Path, marks: tuple[str, ...]) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return any(mark in text for mark in marks)
