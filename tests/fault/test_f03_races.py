"""F3: a balance for N and a thousand simultaneous sends; 15 and 5 slots and a thousand simultaneous sends."""

import collections
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import (MANY, PATIENCE_S, code_of, events_of, post_bytes, prove, quiesce, renew_pool, scale, script,  # noqa: E402
                      simultaneous)

CROWD = scale(300, 1000)
WEIR_CONF = {**MANY, "server": {"queue": "4096", "workers": "4"}}


@pytest.fixture(scope="module", autouse=True)
def priced(weir):
    """A model that costs exactly one credit a call."""
    weir.weirctl("model", "add", "one-credit", "--input", "0", "--output", "0", "--call", "1", "--context", "8000", "--max-output", "1000")
    weir.weirctl("channel", "add", "priced", "--provider", "openai", "--url", weir.demo_url, "--key-stdin",
                 "--allow-private", "--model", "one-credit=demo-fast", input="demo\n")


def crowd(weir, user, conversations, n, words, model):
    requests = [post_bytes(f"/api/conversations/{conversations[i % len(conversations)]}/messages/stream",
                           {"content": script(f"crowd {i}", words), "model": model}, user) for i in range(n)]
    return simultaneous(weir.port, requests)


@pytest.mark.parametrize("affordable", scale([0, 7], [0, 1, 7, 100]))
def test_a_balance_for_n(weir, affordable):
    user = weir.make_user(credits=str(affordable))
    conversations = [weir.conversation(user) for _ in range(20)]
    answers = crowd(weir, user, conversations, CROWD, "deltas=2", "one-credit")
    assert collections.Counter(status for status, _ in answers) == collections.Counter(
        {k: v for k, v in {200: affordable, 402: CROWD - affordable}.items() if v})
    for status, body in answers:
        if status == 200:
            events = events_of(body)
            assert events[-1] == "[DONE]" and events[-2]["type"] == "done" and events[-2]["data"]["credits_consumed"] == 1
        else:
            assert code_of(body) == "insufficient_credits"
    quiesce(weir)
    assert weir.get("/api/me/credits", user).json == {"balance": 0, "held": 0}
    prove(weir)


@pytest.fixture(scope="module")
def limited(weir):
    """The same with the limits as they are by default."""
    renew_pool(weir, {"server": WEIR_CONF["server"]})


@pytest.mark.parametrize("redis", ["with", "without"])
def test_slots(weir, limited, redis):
    """Never more than 15 of a user and 5 of a conversation, counted in Redis or in PostgreSQL."""
    if redis == "without":
        weir.stop_redis(kill=True)
    try:
        for conversations, most in ((6, 15), (1, 5)):
            user = weir.make_user(credits="100000")
            ids = [weir.conversation(user) for _ in range(conversations)]
            answers = crowd(weir, user, ids, CROWD, "first=4000 deltas=2", "demo-fast")
            statuses = collections.Counter(status for status, _ in answers)
            # The first may have ended before the last were looked at, on a slow machine: never more at once is what counts.
            with weir.pg() as pg:
                spans = [(float(a), float(b)) for a, b in pg.query(
                    "SELECT extract(epoch FROM started_at), extract(epoch FROM completed_at) FROM tasks"
                    " WHERE user_id = $1 AND completed_at IS NOT NULL", user.id)]
            assert statuses[200] == len(spans) and set(statuses) <= {200, 429}, statuses
            assert statuses[200] >= most
            # a slot is given back after the settlement is committed, so a task that ends frees it for one that starts later
            assert max(sum(a <= at < b for a, b in spans) for at, _ in spans) == most
            assert {code_of(body) for status, body in answers if status == 429} <= {
                "task_queue_full", "conversation_queue_full"}
    finally:
        if redis == "without":
            weir.start_redis()
    quiesce(weir, PATIENCE_S)
    prove(weir)
