#!/usr/bin/env python3
"""The same task as a command for Belfry. Arguments are an object of JSON, and so is the result.

    belfry worker run … --run 'thumbnail=python3 examples/celery/thumbnail.py'
"""

import json
import sys
import traceback

NEVER_AGAIN, TRY_AGAIN = 65, 75


def thumbnail(width, height, box=128):
    scale = min(box / width, box / height, 1)
    return {"width": round(width * scale), "height": round(height * scale)}


def main():
    try:
        result = thumbnail(**json.load(sys.stdin.buffer))
    except OSError:  # what autoretry_for named
        traceback.print_exc()
        return TRY_AGAIN
    except Exception:  # whatever else: the task has failed, as it had before
        traceback.print_exc()
        return NEVER_AGAIN
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
