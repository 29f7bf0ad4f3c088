#!/usr/bin/env python3
"""Reads what became of a kind's jobs in MongoDB.

    outcomes.py MONGODB_URL KIND
"""

import sys

import pymongo


def result(db, outcome):
    """The bytes that the command wrote. Above 1 MiB they are in chunks, in a collection of their own."""
    value = outcome["result"]
    if "bytes" in value:
        return value["bytes"]
    return b"".join(
        db.results.find_one(
            {"_id": {"job": outcome["_id"], "assignment": outcome["assignment"], "n": n}})["bytes"]
        for n in range(value["chunks"]))


def main(url, kind):
    # An URL that names no database means `belfry`, as it does for the coordinator.
    db = pymongo.MongoClient(url).get_default_database("belfry")
    for outcome in db.outcomes.find({"kind": kind}).sort("finishedAt"):
        if outcome["state"] == "succeeded":
            said = result(db, outcome).decode()
        else:
            error = outcome.get("error", {})
            said = f"{outcome.get('reason')} {error.get('code')}: {error.get('stderr', '').strip()}"
        print(outcome["_id"][:12], outcome["state"], f"tries {outcome['tries']}", said)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
