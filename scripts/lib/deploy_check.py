"""Checks the deployment files; scripts/deploy-check runs it."""
import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))
from command_tree import CommandTree  # noqa: E402

# Tools of PyPI are beside the Python that runs this.
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
KUBERNETES = "1.34.0"
# What `systemd-analyze security` may say at most, in tenths; 12 and 14 when these were written.
EXPOSURE = {"belfry-coordinator.service": 13, "belfry-worker.service": 15}
VARIABLE = re.compile(r"\bBELFRY_[A-Z_]*[A-Z]")


class Tools:
    """Other people's checkers; none of them is run when only commands are looked at."""
    are_run = True

    @classmethod
    def ask(cls, *words):
        """The status, and what was said."""
        if not cls.are_run:
            return 0, ""
        try:
            done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            return 127, f"{words[0]} is not installed: make deploycheck installs it"
        return done.returncode, (done.stdout + done.stderr).strip()

    @classmethod
    def problems(cls, *words):
        status, said = cls.ask(*words)
        return [said or f"{words[0]}: status {status}"] if status else []


def unknown_variables(tree, text):
    return [f"no program reads {name}" for name in sorted(set(VARIABLE.findall(text)) - tree.variables)]


def check_units(deploy, tree):
    for unit in sorted((deploy / "systemd").glob("*.service")):
        text = unit.read_text()
        role = unit.stem.removeprefix("belfry-")
        settings = (deploy / "systemd" / f"{role}.env").read_text()
        more = re.search(r"^#?BELFRY_OPTIONS=(.*)$", settings, re.M)
        for command in re.findall(r"^Exec\w+=(.*)$", text, re.M):
            words = shlex.split(command)
            options = shlex.split(more[1]) if more else []
            words = [o for w in words[1:] for o in (options if w == "$BELFRY_OPTIONS" else [w])]
            yield from tree.problems(words)
        yield from unknown_variables(tree, text + settings)
        with tempfile.TemporaryDirectory() as folder:
            # The program need not be installed here.
            copy = pathlib.Path(folder) / unit.name
            copy.write_text(text.replace("/usr/bin/belfry ", "/bin/true "))
            # What it cannot read it only mentions.
            status, said = Tools.ask("systemd-analyze", "verify", str(copy))
            if status or str(copy) in said:
                yield said
        yield from Tools.problems(
            "systemd-analyze", "security", "--offline=true", "--no-pager",
            f"--threshold={EXPOSURE[unit.name]}", str(unit))


def commands_in(node):
    """Lists of words and lines of shell in a YAML document, wherever they stand."""
    if isinstance(node, dict):
        for value in node.values():
            yield from commands_in(value)
    elif isinstance(node, list):
        if all(isinstance(word, str) for word in node):
            yield node
        for value in node:
            yield from commands_in(value)


def yaml_problems(tree, text):
    # By itself a list is known for a command of ours when it names one, or says `belfry`.
    names = {c["commandName"] for c in tree.root["subcommands"]}
    for document in yaml.safe_load_all(text):
        for words in commands_in(document):
            if words[:1] and words[0] in ("belfry", "/usr/bin/belfry"):
                yield from tree.problems(words[1:])
            elif words[:2] == ["CMD", "belfry"]:
                yield from tree.problems(words[2:])
            elif len(words) > 1 and words[0] in names:
                yield from tree.problems(words)
            for word in words:
                if " " in word:
                    yield from tree.shell_problems(word)
    yield from unknown_variables(tree, text)


def check_container(deploy, tree):
    folder = deploy / "container"
    yield from Tools.problems("hadolint", str(folder / "Containerfile"))
    compose = folder / "compose.yaml"
    yield from Tools.problems(
        "check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(compose))
    yield from yaml_problems(tree, compose.read_text())


def check_kubernetes(deploy, tree):
    base = deploy / "kubernetes"
    for file in sorted(base.glob("*.yaml")):
        text = file.read_text()
        yield from yaml_problems(tree, text)
        if file.name != "kustomization.yaml":
            yield from Tools.problems("kubernetes-validate", "--strict", "-k", KUBERNETES, str(file))
    status, said = Tools.ask("kubectl", "kustomize", str(base))
    if status:
        yield said
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as made:
        made.write(said)
        made.flush()
        yield from Tools.problems("kubernetes-validate", "--strict", "-k", KUBERNETES, made.name)


def check_documents(deploy, tree):
    text = (deploy.parent / "docs" / "operating.md").read_text()
    for block in re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.M | re.S):
        yield from tree.shell_problems(block)
    yield from unknown_variables(tree, text)


def dashboard_queries(folder):
    """What a Grafana dashboard asks, its variables put in, as rules for promtool to parse."""
    variables = {"$__rate_interval": "5m", "$lane": ".*"}
    for panel in json.loads((folder / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            query = target["expr"]
            for name, value in variables.items():
                query = query.replace(name, value)
            yield {"record": f"panel_{panel['id']}_{target['refId']}", "expr": query}


def check_dashboard(folder):
    rules = {"groups": [{"name": "dashboard", "rules": list(dashboard_queries(folder))}]}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as made:
        yaml.safe_dump(rules, made)
        made.flush()
        yield from Tools.problems("promtool", "check", "rules", made.name)


def check_prometheus(deploy, tree):
    folder = deploy / "prometheus"
    yield from check_dashboard(folder)
    yield from Tools.problems("promtool", "check", "rules", str(folder / "rules.yaml"))
    yield from Tools.problems("promtool", "test", "rules", str(folder / "rules-test.yaml"))
    for text in re.findall(r'\\?"(belfry [^"\\]*)', (folder / "rules.yaml").read_text()):
        yield from tree.shell_problems(text)


CHECKS = {
    "systemd": check_units, "container": check_container, "kubernetes": check_kubernetes,
    "prometheus": check_prometheus, "docs": check_documents,
}

# One mistake each: where, what stands there, what it becomes, and a part of what must be said. Those
# in the first list are found without other people's tools.
COMMAND_MISTAKES = [
    ("systemd/belfry-worker.service", "worker run", "worker rum", "no command 'rum'"),
    ("systemd/coordinator.env", "--keep-outcomes", "--keep-outcome", "no option --keep-outcome"),
    ("systemd/worker.env", "#BELFRY_SLOTS", "#BELFRY_SLOT", "reads BELFRY_SLOT"),
    ("container/compose.yaml", "--drain", "--dran", "no option --dran"),
    ("container/compose.yaml", "--host coordinator", "--hots coordinator", "no option --hots"),
    ("container/compose.yaml", "BELFRY_STORE_URL", "BELFRY_STOREURL", "reads BELFRY_STOREURL"),
    ("kubernetes/worker.yaml", "- --drain", "- --dran", "no option --dran"),
    ("prometheus/rules.yaml", "belfry lane list", "belfry lane lists", "no command 'lists'"),
    ("../docs/operating.md", "belfry cert issue", "belfry cert issues", "no command 'issues'"),
]
MISTAKES = COMMAND_MISTAKES + [
    ("systemd/belfry-worker.service", "KillMode=mixed", "KillMode=mixes", "kill mode"),
    ("systemd/belfry-coordinator.service", "ProtectSystem=strict", "ProtectSystem=no", "xposure"),
    ("container/Containerfile", "WORKDIR /source", "WORKDIR source", "DL3000"),
    ("container/compose.yaml", "ports:", "prots:", "prots"),
    ("kubernetes/worker.yaml", "imagePullPolicy", "imagePullPolcy", "imagePullPolcy"),
    ("prometheus/rules.yaml", "belfry_lane_paused) == 0", "belfry_lane_paused) == 1", "stuck"),
    ("prometheus/dashboard.json", "sum by (lane) (rate", "sum by (lane) rate", "panel_7"),
    ("kubernetes/kustomization.yaml", "worker.yaml", "workers.yaml", "workers.yaml"),
]


def all_problems(deploy, tree):
    for name, check in CHECKS.items():
        for problem in check(deploy, tree):
            yield f"{name}: {problem}"


def control(tree, mistakes):
    """A check that finds nothing must not be one that cannot find anything."""
    missed = []
    for path, good, bad, said in mistakes:
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "deploy"
            shutil.copytree(ROOT / "deploy", copy)
            (copy.parent / "docs").mkdir()
            shutil.copy(ROOT / "docs" / "operating.md", copy.parent / "docs")
            file = copy / path
            text = file.read_text()
            if good not in text:
                missed.append(f"{path}: there is no {good!r} to spoil")
                continue
            file.write_text(text.replace(good, bad, 1))
            name = "docs" if path.startswith("..") else path.split("/")[0]
            if not any(said in problem for problem in CHECKS[name](copy, tree)):
                missed.append(f"{path}: {bad!r} was not found")
    return missed


def main():
    parser = argparse.ArgumentParser(prog="scripts/deploy-check")
    parser.add_argument("--binary", default=str(ROOT / ".build" / "debug" / "belfry"))
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--commands", action="store_true")
    options = parser.parse_args()
    Tools.are_run = not options.commands
    mistakes = COMMAND_MISTAKES if options.commands else MISTAKES
    tree = CommandTree(options.binary)
    problems = control(tree, mistakes) if options.control else list(all_problems(ROOT / "deploy", tree))
    for problem in problems:
        print(f"deploy-check: {problem}", file=sys.stderr)
    if not problems:
        print(
            f"deploy-check: {len(mistakes)} planted mistakes, all found" if options.control
            else "deploy-check: nothing is wrong")
    sys.exit(1 if problems else 0)


main()
