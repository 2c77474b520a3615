"""F13: kill -9 at each step of every kind of task: exactly one charge or one return.

TO ADD A KIND: a row in KINDS, and what it delivers becomes money or nothing as everywhere.
"""

import http.client
import json
import os
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import MANY, kill, pool_is_whole, post_bytes, prove, quiesce, scale, script, simultaneous  # noqa: E402

WEIR_CONF = {"limits": {**MANY["limits"], "rate_relay": "100000/1m", "rate_address": "100000/1m"}}
WORDS = "first=600 deltas=40 interval=25"  # content from 0.6 s to 1.6 s
WHOLE_WORDS = "first=1600 deltas=40"  # of a provider that is asked for one piece: at 1.6 s
CALLS = scale(4, 40)


def chat(weir, user, content):
    return f"/api/conversations/{weir.conversation(user)}/messages/stream", {"content": content, "model": "demo-fast"}


def openai(streamed):
    return lambda weir, user, content: ("/v1/chat/completions", {
        "model": "demo-fast", "stream": streamed, "messages": [{"role": "user", "content": content}]})


KINDS = {"chat": chat, "relay openai streamed": openai(True), "relay openai whole": openai(False)}
WHOLE = ("relay openai whole",)
# When everything is killed, and whether anything was delivered by then.
STEPS = {"before the first content": (0.3, False), "within the answer": (1.1, True), "about the end": (1.62, None)}


class Call(threading.Thread):
    """One call, however it ends."""

    def __init__(self, weir, user, path, body):
        super().__init__(daemon=True)
        self.port, self.path, self.body, self.token, self.got = weir.port, path, body, user.token, b""
        self.start()

    def run(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            conn.request("POST", self.path, json.dumps(self.body),
                         {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"})
            answer = conn.getresponse()
            while chunk := answer.read1(65536):
                self.got += chunk
        except (OSError, http.client.HTTPException):
            pass
        finally:
            conn.close()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", KINDS)
def test_killed(weir, kind, step):
    after_s, delivered = STEPS[step]
    users = [weir.make_user() for _ in range(CALLS)]
    asked = [KINDS[kind](weir, user, script(f"{kind} {n}", WHOLE_WORDS if kind in WHOLE else WORDS)) for n, user in enumerate(users)]
    began = time.monotonic()
    calls = [Call(weir, user, *what) for user, what in zip(users, asked)]
    time.sleep(after_s)
    for pid in weir.responders():
        kill(pid)
    if time.monotonic() - began > after_s + 0.3:
        delivered = None  # who knows what was: the machine was slow
    for call in calls:
        call.join(70)
        assert not call.is_alive()
    pool_is_whole(weir, 2)
    quiesce(weir)
    with weir.pg() as pg:
        rows = pg.query("SELECT t.user_id, t.status, count(u.id), coalesce(sum(u.cost), 0), coalesce(sum(u.response_tokens), 0),"
                        " (SELECT count(*) FROM credit_transactions c WHERE c.task_id = t.id AND c.status = 'pending')"
                        " FROM tasks t LEFT JOIN usage u ON u.task_id = t.id WHERE t.user_id = ANY ($1::uuid[])"
                        " GROUP BY t.id, t.user_id, t.status", "{" + ",".join(u.id for u in users) + "}")
    assert len(rows) == CALLS, "each was opened, none twice"
    if kind in WHOLE and delivered:
        delivered = False  # it would have been, at the end
    for _, status, settled, cost, tokens, pending in rows:
        assert int(settled) == 1 and int(pending) == 0 and status in ("completed", "failed"), (status, settled, pending)
        assert (float(cost) > 0) == (int(tokens) > 0)
        assert delivered is None or (int(tokens) > 0) == delivered, (kind, step, tokens)
    prove(weir)


# ---- the same for calls that took from an allowance: they stand in the flight record ------


def text_of(dialect, content):
    words = {"messages": [{"role": "user", "content": content}]}
    return {"openai": {"model": "demo-fast", **words}, "anthropic": {"model": "demo-fast", "max_tokens": 500, **words},
            "gemini": {"contents": [{"parts": [{"text": content}]}]}}[dialect]


PATHS = {("openai", True): "/v1/chat/completions", ("openai", False): "/v1/chat/completions",
         ("anthropic", True): "/v1/messages", ("anthropic", False): "/v1/messages",
         ("gemini", True): "/v1beta/models/demo-fast:streamGenerateContent?alt=sse",
         ("gemini", False): "/v1beta/models/demo-fast:generateContent"}


def ask(dialect, streamed, content):
    more = {} if dialect == "gemini" else {"stream": streamed}
    return PATHS[dialect, streamed], {**text_of(dialect, content), **more}


class Key:
    def __init__(self, weir, user):
        self.made = weir.post("/api/keys", {"name": "f13"}, user).json
        self.id, self.token = self.made["id"], self.made["key"]


def fill_allowances(weir, user, key):
    """Calls until a responder holds an allowance of the account; often one gets all connections."""
    for _ in range(50):
        crowd = [post_bytes(*ask("openai", False, script("warm", "deltas=2 first=100")), key) for _ in range(40)]
        assert {status for status, _ in simultaneous(weir.port, crowd)} == {200}
        with weir.pg() as pg:
            if int(pg.one("SELECT count(DISTINCT owner) FROM allowances WHERE user_id = $1 AND ended_at IS NULL", user.id)) > 0:
                return
    raise AssertionError("no allowances")


@pytest.mark.parametrize("step", STEPS)
def test_killed_on_an_allowance(weir, step):
    after_s, delivered = STEPS[step]
    user = weir.make_user(credits="100000")
    keys = {kind: Key(weir, user) for kind in PATHS}
    each = scale(2, 8)
    fill_allowances(weir, user, Key(weir, user))
    calls = [Call(weir, keys[kind], *ask(*kind, script(f"{kind[0]} {n}", WHOLE_WORDS if kind == ("openai", False) else WORDS))) for kind in PATHS for n in range(each)]
    time.sleep(after_s)
    for pid in weir.responders():
        kill(pid)
    for call in calls:
        call.join(70)
        assert not call.is_alive()
    pool_is_whole(weir, 2)
    quiesce(weir)
    by_allowance = 0
    for kind, key in keys.items():
        with weir.pg() as pg:
            rows = pg.query("SELECT task_id, status, cost, response_tokens, allowance_id IS NOT NULL FROM usage WHERE key_id = $1", key.id)
            spent = float(pg.one("SELECT spent FROM api_keys WHERE id = $1", key.id))
        assert len({row[0] for row in rows}) == len(rows) == each, (kind, "each was opened and is on record once")
        by_allowance += sum(row[4] == "t" for row in rows)
        assert spent == pytest.approx(sum(float(row[2]) for row in rows))
        due = delivered and kind[1]  # a whole answer would have been delivered at its end
        for _, status, cost, tokens, _ in rows:
            assert status in ("completed", "failed") and (float(cost) > 0) == (int(tokens) > 0), (kind, rows)
            assert delivered is None or (int(tokens) > 0) == due, (kind, step, rows)
    prove(weir)
    assert by_allowance > 0, "some may have met an allowance that was just being filled, or the other responder"
    left = os.listdir(weir.folder + "/scoreboard.flights")
    assert len(left) == 2, "the records of the living, and no others"
