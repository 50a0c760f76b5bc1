"""Splits the commands that a demo printed as a shell would, and runs their queries in DuckDB."""

import shlex
import sys
from pathlib import Path

import duckdb

from checking import Faults

faults = Faults()
commands = [line for line in Path(sys.argv[1]).read_text().splitlines() if line.startswith("duckdb -c ")]
faults.check(len(commands) == 2, "two queries are printed:", commands)
for command in commands:
    words = shlex.split(command)
    faults.check(len(words) == 3, "one word is the query:", words)
    faults.check(duckdb.connect().execute(words[-1]).fetchall(), "a query finds rows:", words[-1])
faults.end()
