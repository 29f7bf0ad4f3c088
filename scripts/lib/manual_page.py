"""Usage: manual_page.py BELFRY > belfry.1: the manual page, from the program's own help."""
import json
import subprocess
import sys


def plain(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def body(text):
    """Text of the program's, as it is: its examples hang on their line ends."""
    return ".nf\n" + "\n".join(plain(line) and "\\&" + plain(line) for line in text.split("\n")) + "\n.fi"


def write_command(node, path):
    arguments = [a for a in node.get("arguments", []) if a.get("shouldDisplay", True)]
    places = " ".join(f"<{a['valueName']}>" for a in arguments if a["kind"] == "positional")
    print(f".SS {plain(' '.join(path))} {places}")
    print(plain(node.get("abstract", "")))
    if node.get("discussion"):
        print(".PP\n" + body(node["discussion"]))
    for argument in arguments:
        names = [("-" if n["kind"] == "short" else "--") + n["name"] for n in argument.get("names") or []]
        if not names or names[-1] in ("--help", "--version"):
            continue
        value = f" <{argument['valueName']}>" if argument["kind"] == "option" else ""
        print(f".TP\n.B {plain(', '.join(names) + value)}")
        default = argument.get("defaultValue")
        print(plain((argument.get("abstract", "") + (f" [default: {default}]" if default else "")) or "\\&"))


def write_tree(node, path):
    children = [c for c in node.get("subcommands", []) if c.get("shouldDisplay", True)]
    if path and not children:
        write_command(node, path)
    for child in children:
        if child["commandName"] != "help":
            write_tree(child, path + [child["commandName"]])


def main():
    program = sys.argv[1]

    def ask(option):
        return subprocess.run([program, option], check=True, capture_output=True, text=True).stdout

    root = json.loads(ask("--experimental-dump-help"))["command"]
    print(f'.TH BELFRY 1 "" "belfry {ask("--version").strip()}" "Belfry"')
    print(".SH NAME\nbelfry \\- " + plain(root["abstract"].rstrip(".")))
    print(".SH SYNOPSIS\n.B belfry\n.I command\n[options]")
    print(".SH DESCRIPTION\n" + body(root.get("discussion", "")))
    print(".SH COMMANDS")
    write_tree(root, [])


main()
