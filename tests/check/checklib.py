"""What the static checks share: where files are, and one TAP line per finding's subject."""

import os
import re
import subprocess
import sys

SRC = os.environ.get("srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SRC = os.path.abspath(SRC)
BUILD = os.path.abspath(os.environ.get("builddir") or os.path.join(SRC, "build"))


class Tap:
    """with Tap() as t: t.ok(passed, name, problems)"""

    def __init__(self):
        self.number = 0

    def ok(self, passed, name, problems=()):
        self.number += 1
        print(f"{'ok' if passed else 'not ok'} {self.number} - {name}")
        for p in problems:
            for line in str(p).splitlines():
                print(f"# {line}")
        return passed

    def none(self, name, problems):
        """Passes when there are no problems."""
        problems = list(problems)
        return self.ok(not problems, name, problems)

    def skip(self, name, why):
        self.number += 1
        print(f"ok {self.number} - {name} # SKIP {why}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        print(f"1..{self.number}")


def read(path):
    with open(os.path.join(SRC, path), encoding="utf-8") as f:
        return f.read()


def files(*roots, ends=(".c", ".h")):
    """Paths below SRC, relative and sorted, that end as asked."""
    found = []
    for root in roots:
        for folder, dirs, names in os.walk(os.path.join(SRC, root)):
            dirs[:] = [d for d in dirs if d not in ("__pycache__", "node_modules")]
            found += [os.path.relpath(os.path.join(folder, n), SRC) for n in names if n.endswith(tuple(ends))]
    return sorted(found)


def without_comments(text):
    """C source with comments and string contents blanked; line numbers stay."""
    def blank(m):
        s = m.group(0)
        if s.startswith("/"):
            return re.sub(r"[^\n]", " ", s)
        return s[0] + " " * (len(s) - 2) + s[-1]

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def def_rows(path, macro):
    """The argument lists of macro(...) rows in a .def file and those it includes, split at top-level commas."""
    text = re.sub(r"^#include \"(.+)\"$", lambda m: read(os.path.join(os.path.dirname(path), m.group(1))), read(path),
                  flags=re.M)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    rows = []
    for m in re.finditer(rf"^{macro}\(", text, re.M):
        depth, quoted, args, arg, i = 1, False, [], "", m.end()
        while depth:
            c = text[i]
            if quoted:
                if c == "\\":
                    arg, i = arg + c, i + 1
                    c = text[i]
                elif c == '"':
                    quoted = False
            elif c == '"':
                quoted = True
            elif c in "({":
                depth += 1
            elif c in ")}":
                depth -= 1
            if depth == 1 and c == "," and not quoted:
                args.append(arg.strip())
                arg = ""
            elif depth:
                arg += c
            i += 1
        args.append(arg.strip())
        rows.append([a[1:-1] if a.startswith('"') else a for a in args])
    return rows


def run(*argv, **more):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


def program(name):
    path = os.path.join(BUILD, name)
    if not os.path.exists(path):
        print(f"Bail out! {path} is not built", flush=True)
        sys.exit(1)
    return path
