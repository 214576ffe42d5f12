"""Reads a table, asks, and prints what was said as one line of JSON; with the standard library alone beside pandas."""

import json
import sys
import time
import warnings

import pandas as pd

warnings.simplefilter("ignore")


def answer(ask):
    """Ask about the file that the command line names: `ask` gives sentences, and the groups that are named as losing."""
    table = pd.read_csv(sys.argv[1], dtype={"group": str})
    begun = time.perf_counter()
    says, named = ask(table)
    seconds = time.perf_counter() - begun
    peak = _peak()
    print(json.dumps({"says": says, "named": [str(n) for n in named], "seconds": seconds, "megabytes": peak}))


def _peak():
    """Most memory of this program, in megabytes; Linux counts it from its start, while ``ru_maxrss`` knows that of who started it."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
