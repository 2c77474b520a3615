"""F9: the client leaves at each frame of a stream, and in the middle of frames, through nginx.

The provider is stopped as the policy says; never charged nothing after a delivered token, never charged for none.
"""

import contextlib
import os
import socket
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import MANY, PATIENCE_S, post_bytes, prove, quiesce, renew_pool, scale, script  # noqa: E402
from weirtest import wait_until  # noqa: E402

DELTAS, INTERVAL_MS = 12, 80
WEIR_CONF = {**MANY, "stream": {"disconnect_grace": "0"}}


class Drop(threading.Thread):
    """Reads a stream until `enough(bytes so far)`, then closes the connection, with a reset or without."""

    def __init__(self, weir, user, conversation, enough, reset=False):
        super().__init__(daemon=True)
        self.weir, self.user, self.conversation, self.enough, self.reset = weir, user, conversation, enough, reset
        self.seen, self.error = b"", None
        self.start()

    def run(self):
        body = {"content": script("leaving", f"deltas={DELTAS} interval={INTERVAL_MS}"), "model": "demo-fast"}
        with socket.create_connection(("127.0.0.1", self.weir.port), PATIENCE_S) as s:
            s.sendall(post_bytes(f"/api/conversations/{self.conversation}/messages/stream", body, self.user))
            with contextlib.suppress(OSError):
                while not self.enough(self.seen):
                    got = s.recv(1 if len(self.seen) < 3000 else 4096)
                    if not got:
                        break
                    self.seen += got
            if self.reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    @property
    def tokens(self):
        return self.seen.count(b'"type":"content"')


def frames(n):
    """So many whole events; the comment of the beginning counts as one."""
    return lambda seen: seen.count(b"\n\n") >= n


def drop_all(weir, user, plans):
    """One stream per plan, all at once; returns [(drop, its task or None)]."""
    drops = [Drop(weir, user, weir.conversation(user), *plan) for plan in plans]
    for d in drops:
        d.join(PATIENCE_S)
        assert not d.is_alive()
    quiesce(weir, PATIENCE_S)
    with weir.pg() as pg:
        return [(d, next(iter(pg.dicts(
            "SELECT t.id, t.status, t.credits_used::float8 AS used, m.content FROM tasks t"
            " JOIN conversation_messages m ON m.id = t.message_id WHERE t.conversation_id = $1", d.conversation)), None))
            for d in drops]


def provider_log(weir, task):
    entries = []

    def there():
        entries[:] = [e for e in weir.demo_requests() if e.get("task") == task]
        return entries

    wait_until(there, "the provider's log", 20)
    return entries


EACH_FRAME = [(frames(n), reset) for n in range(DELTAS + 3) for reset in (False, True)]


def test_upstream_stops_at_once(weir):
    """disconnect_grace = 0."""
    user = weir.make_user()
    for drop, task in drop_all(weir, user, EACH_FRAME):
        if task is None:
            assert drop.tokens == 0, "who saw a token has a task"
            continue
        assert (float(task["used"]) > 0) == (task["content"] != ""), task
        if drop.tokens:
            assert float(task["used"]) > 0, (drop.tokens, task)
        if task["status"] != "completed" and float(task["used"]) > 0:
            assert task["status"] == "cancelled", task
            (entry,) = provider_log(weir, task["id"])
            assert entry["end"] != "complete" and entry["deltas_flushed"] < DELTAS, entry
            # what was on its way when the client left, and no more
            assert entry["deltas_flushed"] <= drop.tokens + scale(6, 4), (drop.tokens, entry)
    prove(weir)


def test_in_the_middle_of_frames(weir):
    user = weir.make_user()
    plans = [(lambda seen, n=n: len(seen) >= n, n % 2 == 0) for n in range(1, 2600, scale(131, 17))]
    for drop, task in drop_all(weir, user, plans):
        assert task is not None or drop.tokens == 0
        if task is not None:
            assert (float(task["used"]) > 0) == (task["content"] != "")
            assert float(task["used"]) > 0 or drop.tokens == 0
    prove(weir)


def test_within_the_grace_the_answer_goes_on(weir):
    """disconnect_grace = 1 m: whoever comes back finds all of it, and pays for all of it."""
    renew_pool(weir, {**WEIR_CONF, "stream": {"disconnect_grace": "1m"}})
    user = weir.make_user()
    done = 0
    for drop, task in drop_all(weir, user, EACH_FRAME[::scale(3, 1)]):
        if task is None:  # gone before the turn was opened
            assert drop.tokens == 0
            continue
        (entry,) = provider_log(weir, task["id"])
        assert task["status"] == "completed" and entry["end"] == "complete" and entry["deltas_flushed"] == DELTAS
        assert float(task["used"]) > 0
        done += 1
    assert done >= DELTAS // 3
    prove(weir)


def test_a_client_that_leaves_the_queue_costs_nothing(weir):
    """Gone before a worker looked at it: nothing is asked upstream, nothing charged."""
    renew_pool(weir, {**WEIR_CONF, "server": {"workers": "1"}})
    user = weir.make_user()
    conversations = [weir.conversation(user) for _ in range(60)]
    before = len(weir.demo_requests())
    sockets = []
    for c in conversations:
        s = socket.create_connection(("127.0.0.1", weir.port), PATIENCE_S)
        s.sendall(post_bytes(f"/api/conversations/{c}/messages/stream", {"content": "never mind", "model": "demo-slow"}, user))
        sockets.append(s)
    for s in sockets:
        s.close()
    wait_until(lambda: weir.get("/healthz").status == 200, "the queue is empty", PATIENCE_S)
    time.sleep(0.5)
    quiesce(weir, PATIENCE_S)
    with weir.pg() as pg:
        charged = pg.one("SELECT count(*) FROM tasks WHERE user_id = $1 AND credits_used > 0", user.id)
    assert int(charged) <= len(weir.demo_requests()) - before
    prove(weir)
