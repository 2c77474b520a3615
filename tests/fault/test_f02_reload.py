"""F2: pool reloads under load with open streams: no failed request, streams complete."""

import os
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import MANY, PATIENCE_S, Load, pool_is_whole, prove, scale, script, send  # noqa: E402
from weirtest import wait_until  # noqa: E402

RELOADS = scale(10, 100)
STREAMS = 8
WEIR_CONF = {"server": {"drain_timeout": "10m"}, **MANY}


def pool(weir):
    import json
    return json.loads(weir.weirctl("status", "--json").stdout)["pool"]


@pytest.fixture(scope="module")
def reloaded(weir):
    user = weir.make_user()
    stop = threading.Event()
    long_turns, streams = [], []

    def keep_streaming(conversation):
        """Turns that last over several reloads, one after the other."""
        while not stop.is_set():
            long_turns.append(send(weir, user, conversation, script("long", "deltas=120 interval=25"), "demo-fast"))

    for _ in range(STREAMS):
        streams.append(threading.Thread(target=keep_streaming, args=(weir.conversation(user),), daemon=True))
        streams[-1].start()
    load = Load(weir, threads=4, question=lambda n: script(f"short {n}", "deltas=3"), pause_s=0.01)
    before = pool(weir)["reloads"]
    first = set(weir.responders())
    for n in range(1, RELOADS + 1):
        weir.reload_pool()
        wait_until(lambda: pool(weir)["reloads"] >= before + n, f"reload {n}", PATIENCE_S, 0.05)
    time.sleep(0.5)
    turns = load.stop()
    stop.set()
    for s in streams:
        s.join(PATIENCE_S)
        assert not s.is_alive()
    return {"turns": turns, "long": long_turns, "first": first}


def test_no_request_fails(reloaded):
    bad = [t for t in reloaded["turns"] if not t.done]
    assert bad == [] and len(reloaded["turns"]) > 10 * 4, bad[:3]


def test_streams_complete(reloaded):
    bad = [t for t in reloaded["long"] if not t.done or not t.text]
    assert bad == [] and len(reloaded["long"]) >= STREAMS, bad[:3]


def test_the_old_processes_are_gone(weir, reloaded):
    pool_is_whole(weir, 2)
    assert not reloaded["first"] & set(weir.responders())


def test_the_ledger_balances(weir, reloaded):
    prove(weir)
