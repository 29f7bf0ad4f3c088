#!/usr/bin/env python3
"""The same consumer as a command for Belfry: what is left is the work.

    belfry worker run … --run 'invoice=python3 examples/pika/handler.py'
"""

import json
import os
import sys

NEVER_AGAIN, TRY_AGAIN = 65, 75


def total(order):
    return {"cents": sum(pieces * cents for pieces, cents in order["lines"])}


def main():
    try:
        result = total(json.load(sys.stdin.buffer))
    except (ValueError, KeyError, TypeError) as error:
        print(f"no order: {error}", file=sys.stderr)
        return NEVER_AGAIN
    except OSError as error:  # what may be better in a moment; here it stands for a service that is away
        print(f"{os.environ['BELFRY_JOB_ID']}: {error}", file=sys.stderr)
        return TRY_AGAIN
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
