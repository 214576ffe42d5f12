"""The README's example prints what the README says."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_example_has_its_output(real_data, monkeypatch, capsys):
    monkeypatch.setenv("FAIRLEARN_FWH_DATA", str(real_data))
    text = README.read_text(encoding="utf-8")
    example, output = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.DOTALL).groups()
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.split() == output.split()
