"""What is planted. Numbers and names 1 to 50 are those of the list that the protocol's model was
measured by; from 51 on they are the ways in which earlier versions of the protocol broke."""

from dataclasses import dataclass

CORE = "Sources/BelfryCore"


@dataclass
class Plant:
    number: int
    name: str
    edits: list  # (file, text that must be there once, what takes its place)
    test: str = ""  # the tests that must go red; empty: the simulator
    harmless: str = ""  # why nothing can catch it

    @property
    def title(self):
        return f"{self.number:2} {self.name}"


def plant(number, name, file, old, new, **more):
    return Plant(number, name, [(file, old, new)], **more)


def core(number, name, file, old, new, **more):
    return plant(number, name, f"{CORE}/{file}", old, new, **more)


def also(base, file, old, new, harmless=""):
    """The same bug needs a second place: two guards stand one behind the other."""
    base.harmless = harmless
    base.edits.append((f"{CORE}/{file}", old, new))
    return base
