#!/usr/bin/env bash
# DuckDB 2.0.0, read_csv as it comes: rows and fractions of a valid CSV file are gone, without an error.
#
#   ids 0, #1, 2, #3, ...      every row whose first field begins with # is taken for a comment; a group that has such ids vanishes
#   1 in 30,000 rows, then 0.4 the column is an integer by its first 20,480 rows, and 0.4 is read as 0
#
# What follows for us: every guess is off, all columns are read as text and by their role, and rows are counted before the engine counts them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cat > "$folder/see.py" <<'PYTHON'
import pathlib
import sys

import duckdb

path = str(pathlib.Path(sys.argv[1]) / "t.csv")
pathlib.Path(path).write_text("id,grp\n" + "".join(f"{'#' if i % 2 else ''}{i},{'ab'[i % 2]}\n" for i in range(40)))
groups = duckdb.sql(f"select grp, count(*) from read_csv('{path}') group by grp").fetchall()
pathlib.Path(path).write_text("weight\n" + "1\n" * 30_000 + "0.4\n" * 5)
weights = sorted(duckdb.sql(f"select weight, count(*) from read_csv('{path}') group by weight").fetchall())
print(duckdb.__version__, "groups of 20 rows each:", groups, "30,000 weights of 1 and 5 of 0.4:", weights)
assert groups == [("a", 20)]
assert weights == [(0, 5), (1, 30_000)]
PYTHON
"$folder/venv/bin/python" "$folder/see.py" "$folder"
