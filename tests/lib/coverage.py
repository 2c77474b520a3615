"""coverage.py SUMMARY -- tables of gcovr's JSON summary; status 1 when a threshold is missed.

Where a mistake costs money, breaks a stream or lets a stranger in, branches
count: nine of ten in each group. Everywhere else lines do: four of five in each
folder. What is no group's is "the rest".
"""

import json
import os
import sys

GROUPS = {
    # what is held, charged and returned
    "money": "src/base/money.c src/base/tokens.c src/core/idempotency.c src/ledger src/engine/settle.c src/engine/reap.c src/chat/turn.c",
    # who may run how much, and for how long it is theirs
    "slots": "src/limits src/score/seats.c",
    # the way of an answer from the provider to its readers
    "stream": "src/engine src/core/sink.c src/core/feed.c src/chat/wire.c",
    # what reads bytes that somebody else chose
    "foreign bytes": """
        src/wire src/mcp/rpc.c src/base/conf.c src/base/fields.c src/base/media.c src/base/multipart.c src/base/scan.c src/base/sse.c src/base/trace.c
        src/search src/base/utf8.c src/account/jwt.c src/account/key_text.c src/core/page.c
        src/server/router.c src/server/stage_body.c src/server/stage_identify.c
    """,
}
BRANCHES_MIN = 90  # of each group
LINES_MIN = 80  # of each folder of the rest


class Sum:
    """Lines and branches of some files."""

    def __init__(self, files):
        self.lines = sum(f["line_covered"] for f in files), sum(f["line_total"] for f in files)
        self.branches = sum(f["branch_covered"] for f in files), sum(f["branch_total"] for f in files)

    def __str__(self):
        return f"{share(self.lines)} {share(self.branches)}"


def percent(part):
    covered, total = part
    return 100 * covered / total if total else 100.0


def share(part):
    covered, total = part
    return f"{percent(part):6.1f} % {covered:5}/{total:<5}" if total else f"{'-':>8} {'':11}"


def group_of(files):
    """{file: group}: the first group that names it, or a folder above it."""
    groups = {}
    for group, places in GROUPS.items():
        for place in places.split():
            found = [f["filename"] for f in files if f["filename"] == place or f["filename"].startswith(place + "/")]
            if not found:
                sys.exit(f"not ok  {place} is of group {group}, and was not counted")
            for name in found:
                groups.setdefault(name, group)
    return groups


def folder_of(path):
    """src/core, or handlers for all of them."""
    return "handlers" if path.startswith("handlers/") else os.path.dirname(path)


def print_folder(folder, files, groups):
    print(f"\n{folder:32} {Sum(files)}")
    for f in files:
        name = os.path.relpath(f["filename"], folder)
        print(f"  {name:30} {Sum([f])} {groups.get(f['filename'], '')}".rstrip())


def judge(name, part, least, what):
    """One line of the verdict; 1 when it misses."""
    ok = percent(part) >= least
    print(f"{'ok    ' if ok else 'not ok'}  {name:24} {share(part)} of {what}, wanted {least} %")
    return not ok


def main():
    with open(sys.argv[1]) as f:
        files = sorted(json.load(f)["files"], key=lambda f: f["filename"])
    groups = group_of(files)
    folders = sorted({folder_of(f["filename"]) for f in files})
    print(f"{'':32} {'lines':20} branches")
    for folder in folders:
        print_folder(folder, [f for f in files if folder_of(f["filename"]) == folder], groups)
    print(f"\n{'all':32} {Sum(files)}\n")
    missed = 0
    for group in GROUPS:
        missed += judge(group, Sum([f for f in files if groups.get(f["filename"]) == group]).branches,
                        BRANCHES_MIN, "branches")
    for folder in folders:
        rest = [f for f in files if folder_of(f["filename"]) == folder and f["filename"] not in groups]
        missed += judge(f"the rest of {folder}", Sum(rest).lines, LINES_MIN, "lines")
    sys.exit(missed > 0)


main()
