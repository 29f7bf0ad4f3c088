"""How the scripts that break things begin: with servers of their own, and the Python that has pika."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
LOGS = ROOT / ".build" / "crash-logs"


def is_inside():
    return os.environ.get("BELFRY_CRASH") == "inside"


def enter_services():
    """Servers of our own around us, whatever runs already: some faults kill them."""
    if not is_inside():
        services = str(ROOT / "scripts" / "with-services")
        os.environ["BELFRY_CRASH"] = "inside"
        os.execv(services, [services, *sys.argv])
    python = os.environ["BELFRY_TEST_PYTHON"]
    if sys.executable != python:
        os.execv(python, [python, *sys.argv])


def belfry():
    return Path(os.environ["BELFRY_TEST_BIN"]) / "belfry"
