"""Arrows between folders run one way, and each library has one owner.

	base <- io <- core <- providers, handlers <- server, worker, ctl

weir-demo stands apart: it is the other side of the wire and uses base only.
"""

import re

from checklib import Tap, files, read

BELOW = {
    "base": (),
    "io": ("base",),
    "core": ("base", "io"),
    "providers": ("base", "io", "core"),
    "handlers": ("base", "io", "core"),
    "server": ("base", "io", "core", "providers", "handlers"),
    "worker": ("base", "io", "core", "providers", "handlers"),
    "ctl": ("base", "io", "core", "providers", "handlers"),
    "demo": ("base",),
}

# Headers of a library, and the folders that may include them.
LIBRARIES = {
    r"hiredis/": ("io",),
    r"libpq": ("io",),
    r"curl/": ("io",),
    r"event2/|event\.h|evhttp": ("io", "demo"),
    r"fcgi|fastcgi\.h": ("io",),
    r"argon2\.h|crypt\.h|ini\.h": ("base",),
    r"jwt\.h": ("core",),
    r"openssl/": ("base", "io"),
}


def layer(path):
    return "handlers" if path.startswith("handlers/") else path.split("/")[1]


def target(path, include):
    """The layer an include of `path` leads to."""
    first = include.split("/")[0]
    if first in BELOW and "/" in include:
        return first
    if include == "weir.h":
        return "handlers"
    return layer(path)  # beside the file


def main():
    upward, handlers, owners = [], [], []
    for path in files("src", "handlers", ends=(".c", ".h", ".def")):
        mine = layer(path)
        for number, line in enumerate(read(path).splitlines(), 1):
            where = f"{path}:{number}"
            if m := re.match(r'\s*#\s*include\s*"([^"]+)"', line):
                to = target(path, m.group(1))
                if m.group(1) not in ("config.h",) and to != mine and to not in BELOW[mine]:
                    upward.append(f"{where}: {mine} may not include {m.group(1)}")
                if path.startswith("handlers/") and path.endswith(".c"):
                    if to != "handlers":
                        handlers.append(f'{where}: a handler includes "weir.h" and headers of handlers/ only')
            elif m := re.match(r"\s*#\s*include\s*<([^>]+)>", line):
                for pattern, folders in LIBRARIES.items():
                    if re.match(pattern, m.group(1)) and mine not in folders:
                        owners.append(f"{where}: <{m.group(1)}> belongs to src/{' and src/'.join(folders)}")
    with Tap() as t:
        t.none("includes point downwards", upward)
        t.none("handlers include weir.h only", handlers)
        t.none("each library is included by its owner only", owners)


main()
