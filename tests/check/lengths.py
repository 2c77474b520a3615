#!/usr/bin/python3
"""lengths.py [DIR] -- the longest functions and files, to look at; fails nothing.

Guidance: a function of 40 lines, look again at 75; a file of 600, look again at 1,000.
"""

import os
import re
import sys

if len(sys.argv) > 1:
    os.environ["srcdir"] = sys.argv[1]
from checklib import files, read  # noqa: E402


def functions(path):
    """(length, file:line, name) of each function: from its name in column 0 to its closing brace."""
    name, start = None, 0
    for number, line in enumerate(read(path).splitlines(), 1):
        if m := re.match(r"([a-z_]\w*)\(", line):
            name, start = m.group(1), number
        elif line == "}" and name:
            yield number - start + 1, f"{path}:{start}", name
            name = None


def main():
    paths = files("src", "handlers", ends=(".c",))
    found = sorted((f for p in paths for f in functions(p)), reverse=True)
    sizes = sorted(((read(p).count("\n"), p) for p in files("src", "handlers")), reverse=True)
    lengths = sorted(f[0] for f in found)
    if lengths:
        print(f"{len(lengths)} functions: median {lengths[len(lengths) // 2]}, "
              f"p90 {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]} lines")
    for length, where, name in found[:15]:
        print(f"  {length:4} {name:32} {where}{'   look again' if length > 75 else ''}")
    print(f"{len(sizes)} files: {sum(s for s, _ in sizes)} lines")
    for length, path in sizes[:8]:
        print(f"  {length:4} {path}{'   look again' if length > 1000 else ''}")


main()
