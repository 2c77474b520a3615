"""Tables of a fixed size have room for what the sources fill them with.

Others are sized by what fills them, or assert it where they stand: sweeps (house/sweeps.h), routes (server/router.c).
"""

import re

from checklib import Tap, def_rows, files, read, without_comments


def define(path, name):
    m = re.search(rf"^#define {name} \(?(\d+)", read(path), re.M)
    assert m, f"{path} does not define {name}"
    return int(m.group(1))


def statements():
    """An upper estimate of the texts that may be prepared on one connection: calls, and texts with a name of their own."""
    n = 0
    for path in files("src", "handlers"):
        text = without_comments(read(path))
        n += len(re.findall(r"\b(?:pg_query|pg_query_again|PG_CALL)\s*\(", text)) + len(re.findall(r"\w+_sql\[\]", text))
        n += 2 * len(re.findall(r"\bstatic const struct list \w+ =", text))  # older and newer
    return n


def main():
    with Tap() as t:
        # the table starts over when half of it is full
        for name, used, room in (
            ("prepared statements", statements(), define("src/io/pg.c", "STATEMENTS_MAX") // 2),
            ("routes on the scoreboard", len(def_rows("handlers/routes.def", "ROUTE")),
             define("src/score/board.h", "SCORE_ROUTES_MAX")),
        ):
            t.ok(0 < used <= room, f"{name}: {used} of {room}", [f"{used} do not fit into {room}"] if used > room else [])
            t.none(f"{name}: a quarter is left",
                   [f"{used} of {room}: make the table larger now"] if used > room * 3 // 4 else [])


main()
