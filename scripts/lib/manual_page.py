"""Usage: manual_page.py BELFRY FOLDER: the manual pages, from the program's own tree: belfry(1), one
page for each of its commands, such as belfry-job(1), and belfry.yaml(5) from its settings."""
import json
import pathlib
import re
import subprocess
import sys


def plain(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def lines(text):
    """Text of the program's: paragraphs, a line each, are filled; examples, which are indented, are as they are."""
    def roff(line):
        if not line or line[0] == " ":
            return "\\&" + plain(line) if line else ""
        return ".fi\n\\&" + plain(line) + "\n.nf"
    return ".nf\n" + "\n".join(map(roff, text.split("\n"))) + "\n.fi"


def shown(nodes):
    return [n for n in nodes or [] if n.get("shouldDisplay", True) and n.get("commandName") != "help"]


class Page:
    def __init__(self, program):
        def ask(*words):
            return subprocess.run([program, *words], check=True, capture_output=True, text=True).stdout

        self.root = json.loads(ask("--experimental-dump-help"))["command"]
        self.settings = json.loads(ask("config", "explain", "-o", "json"))["items"]
        self.codes = json.loads(ask("explain", "-o", "json"))["items"]
        self.version = ask("--version").strip()

    def head(self, name, section, about):
        yield f'.TH {plain(name.upper())} {section} "" "belfry {self.version}" "Belfry"'
        yield f".SH NAME\n{plain(name)} \\- {plain(about.rstrip('.'))}"

    def options(self, node):
        for argument in shown(node.get("arguments")):
            names = [("-" if n["kind"] == "short" else "--") + n["name"] for n in argument.get("names") or []]
            if "--help" in names or "--version" in names:
                continue
            value = f" <{argument['valueName']}>" if argument["kind"] != "flag" else ""
            yield f".TP\n.B {plain((', '.join(names) + value).strip())}"
            default = argument.get("defaultValue")
            about = argument.get("abstract", "") + (f" [default: {default}]" if default else "")
            yield plain(about) or "\\&"

    def leaves(self, node, path):
        children = shown(node.get("subcommands"))
        if not children:
            yield node, path
        for child in children:
            yield from self.leaves(child, path + [child["commandName"]])

    def command(self, node):
        """The page of one command, with all that are below it."""
        name = node["commandName"]
        yield from self.head(f"belfry-{name}", 1, node.get("abstract", ""))
        leaves = list(self.leaves(node, ["belfry", name]))
        yield ".SH SYNOPSIS"
        for leaf, path in leaves:
            places = [a for a in shown(leaf.get("arguments")) if a["kind"] == "positional"]
            words = [("[{}]" if a["isOptional"] else "<{}>").format(a["valueName"]) for a in places]
            yield f".B {plain(' '.join(path))}\n{plain(' '.join(words + ['[options]']))}\n.br"
        if node.get("discussion"):
            yield ".SH DESCRIPTION\n" + lines(node["discussion"])
        yield ".SH COMMANDS" if len(leaves) > 1 else ".SH OPTIONS"
        for leaf, path in leaves:
            if leaf is not node:
                yield f".SS {plain(' '.join(path))}\n{plain(leaf.get('abstract', ''))}"
                if leaf.get("discussion"):
                    yield ".PP\n" + lines(leaf["discussion"])
            yield from self.options(leaf)
        yield ".SH SEE ALSO\n.BR belfry (1),\n.BR belfry.yaml (5)"

    def whole(self):
        yield from self.head("belfry", 1, self.root["abstract"])
        yield ".SH SYNOPSIS\n.B belfry\n.I command\n[options]"
        yield ".SH DESCRIPTION\n" + lines(self.root.get("discussion", ""))
        yield ".SH COMMANDS"
        for node in shown(self.root["subcommands"]):
            for leaf, path in self.leaves(node, ["belfry", node["commandName"]]):
                yield f".TP\n.B {plain(' '.join(path))}\n{plain(leaf.get('abstract', ''))}"
        yield ".SH EXIT STATUS"
        meanings = {c["exit"]: c["exitMeaning"] for c in self.codes}
        meanings |= {0: "done, and the answer is good", 1: "done, and the answer is bad",
                     2: "done, and some of the answer is bad"}
        for status, meaning in sorted(meanings.items()):
            yield f".TP\n.B {status}\n{plain(meaning)}"
        yield ".PP\n" + plain("belfry explain lists the codes of errors, belfry explain CODE says what mends one.")
        pages = ", ".join(f"belfry-{n['commandName']}(1)" for n in shown(self.root["subcommands"]))
        yield ".SH SEE ALSO\n" + plain(pages + ", belfry.yaml(5)")

    def file(self):
        yield from self.head("belfry.yaml", 5, "settings of belfry: files, environment, credentials")
        yield ".SH DESCRIPTION\n" + plain(
            "Options go before the environment, that before credentials ($CREDENTIALS_DIRECTORY and /run/secrets,"
            " one file each), those before files, those before defaults. Files are /etc/belfry/belfry.yaml,"
            " ~/.config/belfry/config.yaml, and the one that --config names. A key is two words: the first names"
            " a mapping, the second a value in it; a key of one word is a value by itself.")
        yield ".SH SETTINGS"
        for setting in self.settings:
            yield f".TP\n.B {plain(setting['key'])}\n{plain(setting['about'])}\n.br\n{plain(setting['form'].capitalize())}."
            facts = [f"Default: {setting['default']}."] if setting["default"] else []
            facts += [f"Option {setting['option']}."] if setting["option"] else []
            facts += ["Environment: " + ", ".join(setting["variables"]) + "."]
            facts += [f"Credential: {setting['credential']}."]
            facts += ["Takes effect at SIGHUP."] if setting["live"] else []
            yield plain(" ".join(facts)) + f"\n.br\nExample: {plain(setting['example'])}"
        yield ".SH SEE ALSO\n.BR belfry (1),\n.BR belfry-config (1)"

    def pages(self):
        yield "belfry.1", self.whole()
        for node in shown(self.root["subcommands"]):
            yield f"belfry-{node['commandName']}.1", self.command(node)
        yield "belfry.yaml.5", self.file()


def main():
    program, folder = sys.argv[1:]
    for name, text in Page(program).pages():
        text = re.sub(r"\n{2,}", "\n.sp\n", "\n".join(text))
        (pathlib.Path(folder) / name).write_text(text + "\n")


main()
