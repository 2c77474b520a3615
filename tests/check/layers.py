"""Arrows between rooms run one way, and each library has one owner.

	base <- io <- score <- core <- ledger, jobs <- account; limits on core; store on core and jobs, files and account on store
	base <- wire; base <- search
	catalog, engine above them; features above those; house knows all rooms;
	handlers know all rooms but house; server, worker and ctl know everything.

weir-demo stands apart: it is the other side of the wire and uses base only.  So does parse, the program that reads
documents: knowledge uses the headers that say how they talk.
"""

import re

from checklib import Tap, files, read

# A room, and the rooms it stands on; with them it may use what they stand on, but wire and features only by name.
ARROWS = {
    "base": (),
    "io": ("base",),
    "wire": ("base",),
    "search": ("base",),
    "score": ("base", "io"),
    "core": ("base", "io", "score"),
    "account": ("core", "jobs", "ledger", "limits", "store"),
    "ledger": ("core",),
    "limits": ("core",),
    "store": ("core", "jobs"),
    "files": ("core", "store"),
    "jobs": ("core",),
    "bridge": ("core",),
    "catalog": ("core", "ledger", "wire"),
    "engine": ("core", "account", "ledger", "limits", "catalog", "wire"),
    "chat": ("engine", "files", "knowledge", "mcp"),
    "mcp": ("core",),
    "relay": ("engine",),
    "media": ("engine", "files", "jobs"),
    "parse": ("base",),
    "knowledge": ("engine", "files", "jobs", "media", "parse", "search", "wire"),
    "ops": ("core",),
    "push": ("jobs", "media"),
}
ROOMS = tuple(ARROWS)
PROGRAMS = {
    "house": ROOMS,
    "handlers": tuple(r for r in ROOMS if r not in ("io", "wire")),
    "server": ROOMS + ("house", "handlers"),
    "worker": ROOMS + ("house",),
    "ctl": ROOMS + ("house", "handlers"),
    "demo": ("base",),
    "lens": ("base",),
}


def below(room):
    """Everything a room may include."""
    if room in PROGRAMS:
        return set(PROGRAMS[room])
    found = set()
    for r in ARROWS[room]:
        found |= {r} | below(r)
    return found


# Headers of a library, and the folders that may include them.
LIBRARIES = {
    r"hiredis/": ("io",),
    r"rabbitmq-c/|amqp": ("io",),
    r"libpq": ("io",),
    r"curl/": ("io",),
    r"event2/|event\.h|evhttp": ("io", "demo"),
    r"fcgi|fastcgi\.h": ("io",),
    r"argon2\.h|crypt\.h|ini\.h": ("base",),
    r"jwt\.h": ("account",),
    r"openssl/": ("base", "io"),
    r"zlib\.h": ("base", "lens"),
    r"libstemmer\.h": ("search",),
    r"poppler|glib|libxml/|zip\.h|uchardet": ("parse",),
    r"seccomp\.h|linux/landlock": ("lens", "parse"),
}


def room_of(path):
    return "handlers" if path.startswith("handlers/") else path.split("/")[1]


def target(path, include):
    """The room an include of `path` leads to."""
    first = include.split("/")[0]
    if path.startswith("handlers/") and include.endswith(".def"):
        return "handlers"
    if (first in ARROWS or first in PROGRAMS) and "/" in include:
        return first
    if include == "weir.h":
        return "handlers"
    return room_of(path)  # beside the file


def main():
    upward, handlers, owners = [], [], []
    for path in files("src", "handlers", ends=(".c", ".h", ".def")):
        mine = room_of(path)
        for number, line in enumerate(read(path).splitlines(), 1):
            where = f"{path}:{number}"
            if m := re.match(r'\s*#\s*include\s*"([^"]+)"', line):
                to = target(path, m.group(1))
                if m.group(1) not in ("config.h",) and to != mine and to not in below(mine):
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
