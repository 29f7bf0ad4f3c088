"""The help of a script is the comment block at its top, as in the shell scripts."""

import itertools
import sys
from pathlib import Path


def print_usage(script, file=None):
    lines = Path(script).read_text().splitlines()[1:]
    block = itertools.takewhile(lambda line: line.startswith("#"), lines)
    print("\n".join(line[2:] for line in block), file=file or sys.stdout)
