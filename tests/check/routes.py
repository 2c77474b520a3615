"""Routes: each row of routes.def has its handler, in a file that says so, and a test that asks for its path."""

import re

from checklib import Tap, def_rows, files, read

# What a test line looks like that sends a method.
SENDS = {
    "GET": r'\bget\(|"GET"|stream\(|fetch\(',
    "POST": r'\bpost\(|"POST"|stream\(|chat\(|sign_in\(',
    "PATCH": r'\bpatch\(|"PATCH"',
    "PUT": r'\bput\(|"PUT"',
    "DELETE": r'\bdelete\(|"DELETE"',
}


def pattern(path):
    """A path of the table as a regular expression over test sources: a parameter is anything without a slash."""
    parts = re.split(r"\{\w+\}", path)
    return re.compile(r"(?:\{[^/\n]*?\}|[^/\"'\s{}]+)".join(re.escape(p) for p in parts) + r"""(?=["'?\s`]|\{[^/]*\}["'])""")


def main():
    rows = def_rows("handlers/routes.def", "ROUTE")
    handlers = {p: read(p) for p in files("handlers", ends=(".c",))}
    tests = {p: read(p).splitlines() for p in files("tests/it", "tests/lib", ends=(".py",))}
    with Tap() as t:
        t.ok(len(rows) > 0, "routes.def has rows", [f"{len(rows)} rows read"])
        t.none("no route stands in the table twice", sorted(
            {f"{r[0]} {r[1]}: of several rows only the first is found" for r in rows if [q[:2] for q in rows].count(r[:2]) > 1}))
        t.none("what opens a call of the relay takes its place with the rates", [
            f"{r[0]} {r[1]}: wants ROUTE_CALL, or Redis is asked twice" for r in rows for text in handlers.values()
            if re.search(rf"^{r[2]}\(struct request", text, re.M) and "relay_begin(" in text and "ROUTE_CALL" not in r[7]])
        t.none("every handler is defined once", [
            f"{r[2]} ({r[0]} {r[1]}): defined {n} times" for r in rows
            if (n := sum(bool(re.search(rf"^{r[2]}\(struct request", text, re.M)) for text in handlers.values())) != 1])
        t.none("every handler file opens with its method and path", [
            f"{r[0]} {r[1]}: {p} does not open with '{r[0]} {r[1]} --'" for r in rows for p, text in handlers.items()
            if re.search(rf"^{r[2]}\(struct request", text, re.M)
            and not re.search(rf"^/?\s\*\s+{r[0]}(\|\w+)* {re.escape(r[1])} ", text, re.M)
            and not re.search(rf"^/?\s\*\s+\w+(\|\w+)*\|{r[0]}(\|\w+)* {re.escape(r[1])} ", text, re.M)])
        t.none("every handler file is in the table", [
            p for p, text in handlers.items() for name in re.findall(r"^(h_\w+)\(struct request", text, re.M)
            if name not in [r[2] for r in rows]])
        for method, path in sorted({(r[0], r[1]) for r in rows}):
            want, sends = pattern(path), re.compile(SENDS.get(method, method))
            found = any(want.search(line) and any(sends.search(near) for near in lines[max(0, i - 2):i + 1])
                        for lines in tests.values() for i, line in enumerate(lines))
            t.ok(found, f"{method} {path} has a test", [] if found else ["name the path in a file of tests/it"])


main()
