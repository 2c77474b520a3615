"""Every file is listed in its folder's Makefile.inc, so that the tarball is whole."""

import os
import re

from checklib import SRC, Tap, files, read


def fragment_words():
    """Paths named by the fragments and Makefile.am, with %D% resolved."""
    words = set()
    for path in files("src", "handlers", "tests", "migrations", "conf", "man", "web", "docs", "bench",
                      ends=("Makefile.inc",)) + ["Makefile.am"]:
        folder = os.path.dirname(path)
        for word in re.findall(r"[^\s=\\:]+", re.sub(r"#.*", "", read(path))):
            words.add(os.path.normpath(word.replace("%D%", folder).removeprefix("$(srcdir)/")))
    return words


def broken_lists():
    """Lines of a list that make never reads, for the line before has no backslash."""
    broken = []
    for path in files("src", "handlers", "tests", "migrations", "conf", "man", "web", "docs", "bench", ends=("Makefile.inc",)):
        before = ""
        for number, line in enumerate(read(path).split("\n"), 1):
            if re.match(r"\t(%D%|\w+/)\S+( %D%/\S+)*( \\)?$", line) and not before.endswith("\\"):
                broken.append(f"{path}:{number}")
            before = line
    return broken


def main():
    words = fragment_words()
    words |= {f"{w}.c" for w in words if re.fullmatch(r"tests/unit/\w+/test_\w+", w)}  # a program stands for its file
    with Tap() as t:
        for name, roots, ends in (
            ("C files", ("src", "handlers", "tests"), (".c", ".h", ".def")),
            ("migrations", ("migrations",), (".sql",)),
            ("tests", ("tests",), (".py", ".test", ".sh")),
            ("configuration files", ("conf",), (".conf", ".in", ".sysusers", ".sql")),
            ("manual pages", ("man",), (".1", ".5", ".8")),
            ("documents", ("docs",), (".md",)),
        ):
            t.none(f"{name} are listed", [p for p in files(*roots, ends=ends) if p not in words])
        gone = [w for w in words if re.fullmatch(r"(src|handlers|tests|migrations|man|conf)/[\w./-]+\.(c|h|def|py|test|sql|8|1)", w)
                and not os.path.exists(os.path.join(SRC, w))]
        t.none("nothing is listed that is not there", gone)
        t.none("lists go on to their end", broken_lists())


main()
