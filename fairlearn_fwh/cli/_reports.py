"""Where reports go: pages, JSON, JUnit and Markdown, all of them or none."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..audit._audit import Audit
from ..audit._junit import unusable_xml
from ..audit._ranking_report import RankingReport
from ..audit._sample_report import SampleReport
from ..audit._schema import SCHEMA_VERSION
from ..audit._writing import write_files

#: The reason in a report of an input that cannot be used: what is wrong with a row may tell of a person.
_REASON = "The input cannot be used; the command said why."


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

    def write(self, report: Audit | SampleReport | RankingReport, fail_on: str) -> list[Path]:
        """Write what was asked for.

        Raises
        ------
        ValueError
            If a report of two samples, or of scores, is to be written as JUnit or Markdown.
        """
        files = {self.html: report.to_html()} if self.html else {}
        if (self.junit or self.markdown) and not isinstance(report, Audit):
            raise ValueError(
                "--junit and --markdown do not apply to --unpaired and --scores; leave them out."
            )
        if isinstance(report, Audit):
            files |= {self.junit: report.to_junit(fail_on)} if self.junit else {}
            files |= {self.markdown: report.to_markdown()} if self.markdown else {}
        parts = {path.name: text for path, text in files.items()}
        files |= {self.json: report.to_json(parts)} if self.json else {}
        write_files(files)
        return list(files)

    @contextlib.contextmanager
    def unusable_if_it_fails(self) -> Iterator[None]:
        """Write that the input cannot be used in place of an earlier result: who reads a result must not take an old one for this one."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            with contextlib.suppress(OSError, ValueError):
                write_files(self._unusable())
            raise

    def _unusable(self) -> dict[Path, str]:
        files: dict[Path, str] = {}
        if self.junit:
            files[self.junit] = unusable_xml(_REASON)
        if self.markdown:
            files[self.markdown] = f"### No-harm audit\n\n**{_REASON}**\n"
        if self.json:
            report = {
                "schema_version": SCHEMA_VERSION,
                "state": "unusable",
                "package": f"fairlearn_fwh {importlib.metadata.version('fairlearn-fwh')}",
                "reason": _REASON,
                "harm_found": None,
                "certified": None,
            }
            files[self.json] = json.dumps(report, indent=2) + "\n"
        return files


def mark_unusable(arguments: list[str]) -> None:
    """Take an earlier result of an audit away where the command line itself cannot be read, such as with a broken policy.

    Only what is such a result is replaced: what a command line that cannot be read means by its other words is not known.
    """
    if arguments[:1] != ["audit"]:
        return
    given = {}
    for name, value in zip(arguments, [*arguments[1:], ""], strict=True):
        option, _, after = name.partition("=")
        if option in ("--json", "--junit"):
            given[option[2:]] = Path(after or value)
    earlier = {option: path for option, path in given.items() if _is_earlier_result(path)}
    with contextlib.suppress(OSError, ValueError):
        write_files(Outputs(json=earlier.get("json"), junit=earlier.get("junit"))._unusable())


def _is_earlier_result(path: Path) -> bool:
    try:
        beginning = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    keys = ('"schema_version"', '"higher_risk_found"', '"score_pooled"')
    return any(key in beginning for key in keys) or "<testsuites>" in beginning[:100]
