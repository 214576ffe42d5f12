"""Reports of an input that cannot be used: they take the place of earlier results, which nobody may take for this one's."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

from ._junit import unusable_xml
from ._schema import SCHEMA_VERSION

#: What is wrong with a row may tell of a person, so that no report says it.
CANNOT_BE_USED = "The input cannot be used; the command said why."

#: Said of an earlier result before a command measures anything: nobody may read it if the command is stopped.
NOT_ENDED = "The command is still at work, or was stopped before it ended."

#: By which pages and summaries of ours are known again.
HTML_MARK = '<meta name="generator" content="fairlearn_fwh">'
MARKDOWN_MARK = "<!-- fairlearn_fwh: no-harm audit -->"

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{mark}
<title>No verdict</title>
</head>
<body>
<h1>No verdict</h1>
<p>{reason} An earlier page stood here.</p>
</body>
</html>
"""


def unusable_reports(
    *,
    html: Path | None,
    json_file: Path | None,
    junit: Path | None = None,
    markdown: Path | None = None,
    reason: str = CANNOT_BE_USED,
) -> dict[Path, str]:
    """Say in every file that was asked for that there is no verdict.

    Parameters
    ----------
    html : Path or None
        A page, which is replaced if it is there, and not made.
    json_file, junit, markdown : Path or None
    reason : str
        Why.

    Returns
    -------
    dict from Path to str
    """
    texts: dict[Path, str] = {}
    if html and html.exists():
        texts[html] = _PAGE.format(mark=HTML_MARK, reason=reason)
    if junit:
        texts[junit] = unusable_xml(reason)
    if markdown:
        texts[markdown] = f"### No-harm audit\n\n**{reason}**\n\n{MARKDOWN_MARK}\n"
    if json_file:
        texts[json_file] = json.dumps(_report(reason), indent=2) + "\n"
    return texts


def _report(reason: str) -> dict[str, object]:
    return {
        "schema_version": SCHEMA_VERSION,
        "state": "unusable",
        "package": f"fairlearn_fwh {importlib.metadata.version('fairlearn-fwh')}",
        "reason": reason,
        "harm_found": None,
        "certified": None,
    }
