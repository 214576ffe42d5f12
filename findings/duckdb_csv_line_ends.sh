#!/usr/bin/env bash
# DuckDB 2.0.0, read_csv without detection: naming the line ends of a file can leave no rows at all, without an error.
#
# A file of two rows that end in CRLF is read with strict_mode = true. With the line ends left to DuckDB there are two rows; with new_line = '\r\n', which is
# what the file has, there are none, and nothing is said. A file with both kinds of line ends is an error in strict mode and two rows in the other.
#
# Seen with 1.3.0 and 2.0.0. What follows for us: line ends are never named, strict mode is off, and rows are counted before the engine counts them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cat > "$folder/see.py" <<'PYTHON'
import pathlib
import sys

import duckdb

folder = pathlib.Path(sys.argv[1])
(folder / "crlf.csv").write_bytes(b"a,b\r\n1,2\r\n3,4\r\n")
(folder / "both.csv").write_bytes(b"a,b\r\n1,2\n3,4\r\n")


def rows(name, options):
    columns = "columns = {'a': 'VARCHAR', 'b': 'VARCHAR'}"
    query = f"from read_csv('{folder / name}', auto_detect = false, header = true, {columns}, {options})"
    try:
        return len(duckdb.sql(query).fetchall())
    except duckdb.Error as error:
        return type(error).__name__


seen = {
    "line ends not named": rows("crlf.csv", "strict_mode = true"),
    "line ends named, strict": rows("crlf.csv", r"strict_mode = true, new_line = '\r\n'"),
    "line ends named, not strict": rows("crlf.csv", r"strict_mode = false, new_line = '\r\n'"),
    "both kinds, strict": rows("both.csv", "strict_mode = true"),
    "both kinds, not strict": rows("both.csv", "strict_mode = false"),
}
print(duckdb.__version__, seen)
assert seen == {
    "line ends not named": 2,
    "line ends named, strict": 0,
    "line ends named, not strict": 2,
    "both kinds, strict": "InvalidInputException",
    "both kinds, not strict": 2,
}
PYTHON
"$folder/venv/bin/python" "$folder/see.py" "$folder"
