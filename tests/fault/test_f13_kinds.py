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
from faultlib import MANY, kill, pool_is_whole, prove, quiesce, scale, script  # noqa: E402

WEIR_CONF = {**MANY}
WORDS = "first=600 deltas=40 interval=25"  # content from 0.6 s to 1.6 s
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
    asked = [KINDS[kind](weir, user, script(f"{kind} {n}", WORDS)) for n, user in enumerate(users)]
    calls = [Call(weir, user, *what) for user, what in zip(users, asked)]
    time.sleep(after_s)
    for pid in weir.responders():
        kill(pid)
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
