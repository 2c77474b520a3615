"""Documents: links resolve, what they name exists, and package lists agree."""

import os
import re

from checklib import SRC, Tap, def_rows, files, program, read, run

PAPERS = ["README.md", "HACKING.md", "SECURITY.md", "CHANGELOG.md"]
# What debian/control calls otherwise.
PROVIDED_BY = {"debhelper-compat": "debhelper", "dh-sequence-installsysusers": "debhelper", "dh-apache2": "apache2-dev"}


def papers():
    return [p for p in PAPERS + files("docs", ends=(".md",)) if os.path.exists(os.path.join(SRC, p))]


def anchors(text):
    """The names GitHub and its like give to headings."""
    heads = re.findall(r"^#+ +(.*?) *$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*\[\]]", "", h).lower()).replace(" ", "-") for h in heads}


def broken_links():
    for path in papers():
        text = read(path)
        targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)", text, re.M)
        for target in targets:
            if re.match(r"https?://", target):
                continue
            file, _, name = target.partition("#")
            there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            if not os.path.exists(os.path.join(SRC, there)):
                yield f"{path}: {target} is not there"
            elif name and name not in anchors(read(there)):
                yield f"{path}: {target}: no such heading"


def missing_paths():
    """Paths below our folders that a document names, without placeholders."""
    for path in papers():
        for named in re.findall(r"`((?:src|handlers|migrations|tests|conf|docs|man)/[\w./-]*\w)`", read(path)):
            if re.search(r"[A-Z]{3,}", named):  # handlers/AREA/VERB.c
                continue
            if not os.path.exists(os.path.join(SRC, named)):
                yield f"{path}: {named} is not there"


def missing_functions(code):
    for path in ("HACKING.md", "SECURITY.md"):
        for name in sorted(set(re.findall(r"`(\w+)\(\)`", read(path)))):
            if name not in ("h_area_verb", "module_verb") and not re.search(rf"\b{name}\b", code):
                yield f"{path}: {name}() is nowhere in the sources"


def missing_sources(text):
    """File names in the picture of HACKING.md: folder/file.c below src or handlers."""
    picture = text.split("## The path of a request")[1].split("##")[0]
    for named in re.findall(r"\b((?:io|server|core|providers|handlers|worker)/[a-z_/]+\.(?:c|h|def))\b", picture):
        if not any(os.path.exists(os.path.join(SRC, root, named)) for root in ("src", "")):
            yield f"HACKING.md: {named} is not there"


# ---- commands


def subcommands(help_text):
    """{group: {subcommand, …}} of weirctl --help; no subcommands: the group stands alone."""
    groups = {}
    for group, rest in re.findall(r"^  ([a-z]+)  +(.*)$", help_text, re.M):
        rest = re.sub(r"\[[^]]*\]|\b[A-Z]+\b", "", rest.split(":")[0])
        words = [w.strip() for w in rest.split("|")]
        groups[group] = {w for w in words if re.fullmatch(r"[a-z]+", w)}
    return groups


def plain(page):
    """A manual page's text without its roff and without what is said to others."""
    text = re.sub(r"\\f[BIRP]", "", read(page)).replace("\\-", "-")
    text = re.sub(r"^.*systemctl.*$", "", text, flags=re.M)
    return re.sub(r'^\.[A-Z]+ |["]', "", text, flags=re.M)


def unknown_commands(groups, options, dev_commands):
    """Commands and options in documents that the programs do not have."""
    for path in papers():
        text = read(path)
        for line in re.findall(r"(?:^|[`;(] *|-- )((?:weirctl|\./dev ctl) [^`\n|]*)", text, re.M):
            words = re.sub(r" +#.*", "", line).split()[1:]
            words = words[1:] if words and words[0] == "ctl" else words
            while words and words[0].startswith("-"):
                words = words[2:] if words[0] in ("-u", "-c", "--migrations") else words[1:]
            if not words or not re.fullmatch(r"[a-z]+", words[0]):
                continue
            if words[0] not in groups:
                yield f"{path}: weirctl {words[0]}: no such command"
            elif groups[words[0]] and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]) \
                    and words[1] not in groups[words[0]]:
                yield f"{path}: weirctl {words[0]} {words[1]}: no such subcommand"
            yield from (f"{path}: weirctl … {w}: no such option" for w in words
                        if re.fullmatch(r"--[a-z-]+", w) and w not in options)
        for word in re.findall(r"\./dev ([a-z]+)", text):
            if word not in dev_commands:
                yield f"{path}: ./dev {word}: no such command"


# ---- packages


def dev_packages():
    """What ./dev installs: to run, and on top to check and to measure coverage."""
    text = read("dev")
    run_list, *check_lists = (set(re.search(rf"^{name}=\(([^)]*)\)", text, re.M).group(1).split())
                              for name in ("packages_run", "packages_check", "packages_trixie", "packages_coverage"))
    return run_list, set().union(*check_lists)


def readme_packages():
    """The three tables of README's list: services, to build, to check."""
    part = read("README.md").split("## What it depends on")[1].split("\n## ")[0]
    tables = re.findall(r"\| Debian package \| why \|\n\|---\|---\|\n((?:\|.*\n)+)", part)
    return [{name for row in t.splitlines() for name in row.split("|")[1].replace(",", " ").split()} for t in tables]


def control_field(name):
    text = re.search(rf"^{name}:((?:.*\n)(?: .*\n)*)", read("debian/control"), re.M).group(1)
    text = re.sub(r"\([^)]*\)|<[^>]*>|\$\{[^}]*\}|:any", "", text)
    return {PROVIDED_BY.get(w, w) for w in re.findall(r"[a-z][a-z0-9.+-]+", text)}


def compare_packages(t):
    run_list, check_list = dev_packages()
    tables = readme_packages()
    if not t.ok(len(tables) == 3, "README lists packages in three tables", [f"{len(tables)} found"]):
        return
    services, to_build, to_check = tables
    t.none("README and dev agree on what a build and ./dev run need",
           [f"{p}: in README only" for p in sorted((services | to_build) - run_list)]
           + [f"{p}: in dev only" for p in sorted(run_list - services - to_build)])
    t.none("README and dev agree on what ./dev check and ./dev coverage need",
           [f"{p}: in README only" for p in sorted(to_check - check_list)]
           + [f"{p}: in dev only" for p in sorted(check_list - to_check)])
    if not os.path.exists(os.path.join(SRC, "debian/control")):
        return  # a release tarball: packaging lives in the repository
    needs = control_field("Build-Depends")
    t.none("dev installs what debian/control builds with", sorted(needs - run_list - check_list))
    t.none("debian/control builds with every library dev installs",
           sorted(p for p in run_list - needs - services if p.startswith("lib")))
    t.none("the package recommends or suggests each service of README's list",
           sorted(services - control_field("Recommends") - control_field("Suggests")))


def main():
    weirctl = program("weirctl")
    groups = subcommands(run(weirctl, "--help").stdout)
    page = plain("man/weirctl.8")
    helps = run(weirctl, "--help").stdout + "".join(run(weirctl, g, "--help").stdout for g in groups)
    options = set(re.findall(r"--[a-z][a-z-]+", helps + page))
    dev_commands = set(re.findall(r"^([a-z]+(?: \| [a-z]+)*)\)", read("dev"), re.M))
    dev_commands = {w for c in dev_commands for w in c.split(" | ")} | {"help"}
    code = "".join(read(p) for p in files("src", "handlers", "migrations", "tests", ends=(".c", ".h", ".def", ".sql", ".py")))
    with Tap() as t:
        t.none("the documents are there", [p for p in PAPERS if p not in papers()])
        t.none("links lead somewhere", broken_links())
        t.none("paths in documents exist", missing_paths())
        t.none("functions in documents exist", missing_functions(code))
        t.none("the picture of a request names files that exist", missing_sources(read("HACKING.md")))
        t.ok(sum(len(s) for s in groups.values()) > 20, "weirctl --help lists its subcommands", groups)
        t.none("every subcommand of weirctl is in its page",
               [f"{g} {s}" for g, subs in groups.items() for s in subs if not re.search(rf"\b{g} {s}\b", page)])
        t.none("weirctl(8) names no option that weirctl lacks",
               sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) - set(re.findall(r"--[a-z][a-z-]+", helps))))
        for name, section in (("weir-fcgi", 8), ("weir-worker", 8)):
            has = set(re.findall(r"--[a-z][a-z-]+", run(program(name), "--help").stdout))
            t.none(f"{name}({section}) names no option that {name} lacks",
                   sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", plain(f"man/{name}.{section}"))) - has))
        t.none("documents use commands and options that exist", unknown_commands(groups, options, dev_commands))
        sections = {r[0] for r in def_rows("src/base/config.def", "SECTION")}
        names = {r[1] for r in def_rows("src/base/config.def", "OPTION")}
        set_in_docs = {m for p in papers() for block in re.findall(r"^```\n(.*?)^```", read(p), re.S | re.M)
                       if re.search(rf"^\[({'|'.join(sections)})\]$", block, re.M)
                       for m in re.findall(r"^(\w+) = ", block, re.M)}
        t.none("configuration in documents has options that exist", sorted(set_in_docs - names))
        compare_packages(t)


main()
