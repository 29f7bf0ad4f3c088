"""What `belfry` can be told, read from the program itself: which commands, options and variables
there are. Files that name one which is not there are thereby found."""
import json
import re
import shlex
import subprocess

# Variables that the deployment files themselves define, and no program reads.
OWN_VARIABLES = {"BELFRY_OPTIONS", "BELFRY_IMAGE"}


class CommandTree:
    def __init__(self, program):
        def ask(*words):
            return subprocess.run(
                [program, *words], check=True, capture_output=True, text=True).stdout

        self.root = json.loads(ask("--experimental-dump-help"))["command"]
        settings = json.loads(ask("config", "explain", "-o", "json"))["items"]
        self.variables = OWN_VARIABLES.union(*(setting["variables"] for setting in settings))

    def problems(self, words):
        """What is wrong with `belfry WORDS...`; a word that begins with $ may be any words."""
        node, path, rest = self.root, ["belfry"], list(words)
        while rest and (child := self._child(node, rest[0])):
            node, path, rest = child, path + [child["commandName"]], rest[1:]
        name = " ".join(path)
        if node.get("subcommands") and not (rest and rest[0] in ("--help", "--version", "-h")):
            return [f"{name}: there is no command {rest[0]!r}" if rest else f"{name}: which command?"]
        return [f"{name}: {problem}" for problem in self._arguments(node, rest)]

    @staticmethod
    def _child(node, word):
        return next((c for c in node.get("subcommands", []) if c["commandName"] == word), None)

    @staticmethod
    def _arguments(node, rest):
        options = {}
        places = []
        for argument in node.get("arguments", []):
            if argument["kind"] == "positional":
                places.append(argument)
            for known in argument.get("names") or []:
                options[("-" if known["kind"] == "short" else "--") + known["name"]] = argument
        given = 0
        while rest:
            word = rest.pop(0)
            if word.startswith("$"):
                continue
            if not word.startswith("-") or word == "-":
                given += 1
                continue
            option, has_value, _ = word.partition("=")
            if option not in options:
                yield f"there is no option {option}"
            elif options[option]["kind"] == "option" and not has_value:
                if not rest:
                    yield f"{option} lacks its value"
                else:
                    rest.pop(0)
        if given > len(places) and not any(p["isRepeating"] for p in places):
            yield f"{given} arguments were given, {len(places)} are known"
        elif given < sum(not p["isOptional"] for p in places):
            yield "an argument is missing"

    def shell_problems(self, text):
        """The same for all lines of shell that begin with belfry, perhaps by way of sudo."""
        for line in text.replace("\\\n", " ").splitlines():
            try:
                words = shlex.split(line, comments=True)
            except ValueError:
                continue  # a line of something else
            if words[:1] == ["sudo"]:
                words = words[1:]
                while words and words[0].startswith("-"):
                    words = words[2:] if words[0] in ("-u", "-g") else words[1:]
            if words[:1] != ["belfry"]:
                continue
            ends = [i for i, w in enumerate(words) if re.fullmatch(r"[|&;]+|\d?>.*|<", w)]
            yield from self.problems(words[1:ends[0]] if ends else words[1:])
