"""The README's examples print what the README says."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_examples_have_their_output(real_data, monkeypatch, capsys):
    monkeypatch.setenv("FAIRLEARN_FWH_DATA", str(real_data))
    text = README.read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 3
    names = {}
    for example, output in examples:
        exec(compile(example, "README.md", "exec"), names)
        assert capsys.readouterr().out.split() == output.split()


def test_the_pictures_are_there():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / path).is_file()
