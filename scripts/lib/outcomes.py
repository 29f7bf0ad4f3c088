"""Counts outcomes from outside: with pymongo, with none of Belfry's own code.

The promise checked is DESIGN.md's: every accepted job reaches exactly one recorded outcome. An
outcome's `_id` is its job's id, so a job with an id of its own has one outcome or none; a foreign
message got its id from Belfry, so of those the number tells: one too many is a job that was made
twice, one too few a job lost.
"""

from collections import Counter

import pymongo


def database(url, **options):
    """The database that Belfry uses for this URL: the one it names, else `belfry`."""
    client = pymongo.MongoClient(url, **options)
    return client.get_default_database(default="belfry")


def each(db):
    """All outcomes as a majority of the store holds them, one after the other."""
    outcomes = db.get_collection(
        "outcomes", read_concern=pymongo.read_concern.ReadConcern("majority"))
    return outcomes.find()


def snapshot(db):
    return list(each(db))


def problems(documents, ids, foreign, kind=None, foreign_kind=None, state="succeeded"):
    """What is wrong with `documents`, as sentences; nothing if all is well.

    `ids` are the jobs that have ids of their own, `foreign` is how many came without one.
    """
    found = []
    ids = list(ids)
    repeated = [id for id, n in Counter(ids).items() if n > 1]
    if repeated:
        found.append(f"{len(repeated)} ids were given out twice: {shown(repeated)}")
    by_id = Counter(document["_id"] for document in documents)
    missing = [id for id in ids if by_id[id] == 0]
    if missing:
        found.append(f"{len(missing)} of {len(ids)} jobs with ids have no outcome: {shown(missing)}")
    double = [id for id, n in by_id.items() if n > 1]
    if double:
        found.append(f"{len(double)} jobs have more than one outcome: {shown(double)}")
    known = set(ids)
    others = [document for document in documents if document["_id"] not in known]
    if len(others) != foreign:
        found.append(f"{len(others)} outcomes of foreign messages, but {foreign} were published")
    if state:
        wrong = [document for document in documents if document.get("state") != state]
        for document in wrong[:5]:
            found.append(f"job {document['_id']} is {document.get('state')}, not {state}: "
                         f"{document.get('reason')} {document.get('error')}")
        if len(wrong) > 5:
            found.append(f"… and {len(wrong) - 5} more that are not {state}")
    for group, wanted in ((others, foreign_kind), ([d for d in documents if d["_id"] in known], kind)):
        kinds = Counter(document.get("kind") for document in group)
        if wanted and set(kinds) - {wanted}:
            found.append(f"kinds {dict(kinds)}, but {wanted} was expected")
    return found


def shown(ids):
    return ", ".join(ids[:5]) + (", …" if len(ids) > 5 else "")
