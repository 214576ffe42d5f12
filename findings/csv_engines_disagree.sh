#!/usr/bin/env bash
# The same CSV file is other data in DuckDB 2.0.0 and polars 2.1.0, with all detection off and every column read as text; neither says anything.
#
#   a short row         DuckDB: an error            polars: a row with a missing value
#   a blank line        DuckDB: no row              polars: a row of missing values
#   a delimiter at the end of every row
#                       DuckDB: it is dropped       polars: an error
#   blanks before a quoted value
#                       DuckDB: they are dropped    polars: blanks and quotes are part of the value
#   "" in quotes        DuckDB: missing             polars: empty text
#
# What follows for us: a file is checked before an engine reads it, and what engines read differently is refused; missing and empty are one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0
cat > "$folder/see.py" <<'PYTHON'
import pathlib
import sys

import duckdb
import polars

path = pathlib.Path(sys.argv[1]) / "t.csv"


def in_duckdb():
    columns = {"a": "VARCHAR", "b": "VARCHAR"}
    return duckdb.read_csv(str(path), auto_detect=False, header=True, columns=columns, strict_mode=True).fetchall()


def in_polars():
    return polars.scan_csv(path, infer_schema=False).collect().rows()


def tried(read):
    try:
        return read()
    except (duckdb.Error, polars.exceptions.PolarsError) as error:
        return type(error).__name__


FILES = {
    "a short row": ("a,b\n1,x\n2\n", "InvalidInputException", [("1", "x"), ("2", None)]),
    "a blank line": ("a,b\n1,x\n\n2,y\n", [("1", "x"), ("2", "y")], [("1", "x"), (None, None), ("2", "y")]),
    "a delimiter at the end": ("a,b\n1,x,\n2,y,\n", [("1", "x"), ("2", "y")], "ComputeError"),
    "blanks before a quote": ('a,b\n1, "x"\n', [("1", "x")], [("1", ' "x"')]),
    "nothing in quotes": ('a,b\n1,""\n', [("1", None)], [("1", "")]),
}
print("duckdb", duckdb.__version__, "polars", polars.__version__)
for name, (text, duck, polar) in FILES.items():
    path.write_text(text)
    seen = tried(in_duckdb), tried(in_polars)
    print(f"{name}: {seen[0]} / {seen[1]}")
    assert seen == (duck, polar), name
PYTHON
"$folder/venv/bin/python" "$folder/see.py" "$folder"
