"""What the scripts for Python share: one TAP line for each check, and what the server saw of it."""

import json
import os
import threading
import time
import traceback
import urllib.request

# Keys: of a user without credits, for one request a minute, for calls of another kind.
URL_BASE, KEY, POOR_KEY, RARE_KEY, OTHER_KEY = (
    os.environ["WEIR_" + name] for name in ("URL", "KEY", "POOR_KEY", "RARE_KEY", "OTHER_KEY"))
WRONG_KEY = "wk-" + "0" * 33
# A model of each wire: {wire: name}.
WIRES = json.loads(os.environ["WEIR_WIRES"])
# A picture of one pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WORDS = '你好，世界 — здравствуй 👩‍👩‍👧 "quoted" \\ \t \u2028 end'
# A prompt whose answer is a city in JSON, also of a model that does not look at the schema.
CITY = '[[demo echo=1]]{"city":"Berlin","population":3769495}'


class Skip(Exception):
    """Raised within a check: it cannot be made here."""


def check(name, *ways):
    """Decorates a check, which is made at once; with `ways`, once with each as its argument, whose name is said."""
    def make(work):
        for way in ways or [None]:
            full = f"{name} ({way})" if ways else name
            try:
                work(*([way] if ways else []))
                print(f"ok - {full}", flush=True)
            except Skip as e:
                print(f"ok - {full} # SKIP {e}", flush=True)
            except Exception:  # noqa: BLE001 - every fault is one of the check
                print(f"not ok - {full}")
                print("\n".join("# " + line for line in traceback.format_exc().splitlines()), flush=True)
        return work

    return make


def _witness(what):
    with urllib.request.urlopen(f"{os.environ['WEIR_WITNESS']}/{what}", timeout=10) as answer:
        return json.load(answer)


def calls():
    """The usage rows of this user's calls, oldest first."""
    return _witness("calls")


class Requests:
    """with Requests() as r: …   then r.statuses is what the server answered meanwhile."""

    def __enter__(self):
        self.place = _witness("requests")["place"]
        return self

    def __exit__(self, *exc):
        self.statuses = _witness(f"requests?since={self.place}")["statuses"]


def next_call(before):
    """The usage row that follows the `before` first ones; waits for it."""
    for _ in range(100):
        rows = calls()
        if len(rows) > before:
            return rows[before]
        time.sleep(0.05)
    raise AssertionError("the call left no usage row within 5 s")


def failure(work, kind=Exception):
    """What `work` raises; another exception than `kind` is a fault."""
    try:
        work()
    except kind as e:
        return e
    raise AssertionError("it did not fail")


def drain(stream):
    """(all of an iterable, what it raised)"""
    items = []
    try:
        for item in stream:
            items.append(item)
    except Exception as e:  # noqa: BLE001 - it is what is asked for
        return items, e
    return items, None


def after(seconds, work):
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
