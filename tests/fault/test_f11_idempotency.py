"""F11: one Idempotency-Key a hundred times at once, again after a crash, and with another body: one effect."""

import collections
import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import (MANY, bury, code_of, events_of, kill, pool_is_whole, post_bytes, prove,  # noqa: E402
                      script, simultaneous)

TIMES = 100
WEIR_CONF = {**MANY, "server": {"queue": "4096", "workers": "4"}}


def stream_path(conversation):
    return f"/api/conversations/{conversation}/messages/stream"


def ask(weir, path, body, user, key, times=TIMES):
    return simultaneous(weir.port, [post_bytes(path, body, user, {"Idempotency-Key": key})] * times)


def outcome(status, body):
    """What an answer amounts to: task, text and the last event but the balance, which others' charges change."""
    if status != 200:
        return status, code_of(body)
    events = [e for e in events_of(body) if e != "[DONE]"]
    text = "".join(e["data"]["text"] for e in events if e["type"] == "content")
    end = {k: v for k, v in events[-1]["data"].items() if k in ("assistant_message", "credits_consumed", "code", "task_id")}
    return status, events[0]["data"]["task_id"], text, events[-1]["type"], repr(sorted(end.items()))


def effects(weir, conversation):
    with weir.pg() as pg:
        tasks = [r[0] for r in pg.query("SELECT id FROM tasks WHERE conversation_id = $1", conversation)]
        messages = pg.one("SELECT count(*) FROM conversation_messages WHERE conversation_id = $1", conversation)
    return tasks, int(messages)


def test_a_hundred_at_once(weir):
    user = weir.make_user()
    conversation = weir.conversation(user)
    body = {"content": script("once", "deltas=25 interval=40"), "model": "demo-fast"}
    outcomes = {outcome(*a) for a in ask(weir, stream_path(conversation), body, user, "k1")}
    assert len(outcomes) == 1, outcomes
    (only,) = outcomes
    assert only[0] == 200 and only[3] == "done" and only[2]
    # and again when it is over, from PostgreSQL when Redis has forgotten it
    with weir.redis() as redis:
        redis.call("FLUSHALL")
    assert {outcome(*a) for a in ask(weir, stream_path(conversation), body, user, "k1", 5)} == outcomes
    assert effects(weir, conversation) == ([only[1]], 2)
    prove(weir)


def test_again_after_a_crash(weir):
    """The process that ran it is killed: the hundred that ask again are told the same end, and nothing is run twice."""
    user = weir.make_user()
    conversation = weir.conversation(user)
    body = {"content": script("crash", "deltas=400 interval=50"), "model": "demo-fast"}
    with weir.stream(stream_path(conversation), body, user, headers={"Idempotency-Key": "k2"}) as s:
        seen = s.until("content") + [next(s.events()) for _ in range(5)]
        task = seen[0].json["data"]["task_id"]
        for pid in weir.responders():
            kill(pid)
    pool_is_whole(weir, 2)
    bury(weir)
    outcomes = {outcome(*a) for a in ask(weir, stream_path(conversation), body, user, "k2")}
    assert len(outcomes) == 1, outcomes
    (only,) = outcomes
    assert only[:2] == (200, task) and only[3] == "error" and "interrupted" in only[4] and only[2]
    assert effects(weir, conversation) == ([task], 2)
    assert [e["task"] for e in weir.demo_requests() if e.get("task") == task] == [task], "a paid generation is never run again"
    prove(weir)


def test_with_another_body(weir):
    user = weir.make_user()
    conversation, elsewhere = weir.conversation(user), weir.conversation(user)
    one, two = ({"content": script(text, "deltas=5 interval=20"), "model": "demo-fast"} for text in ("one", "two"))
    requests = [post_bytes(stream_path(conversation), body, user, {"Idempotency-Key": "k3"}) for body in (one, two)] * (TIMES // 2)
    seen = collections.Counter(outcome(*a) for a in simultaneous(weir.port, requests))
    assert sorted(seen.values()) == [TIMES // 2] * 2 and (409, "idempotency_mismatch") in seen, seen
    assert effects(weir, conversation)[1] == 2
    seen = {outcome(*a) for a in ask(weir, stream_path(elsewhere), one, user, "k3", 10)}
    assert seen == {(409, "idempotency_mismatch")} and effects(weir, elsewhere) == ([], 0)
    # somebody else's key of the same name is another key
    stranger = weir.make_user()
    theirs = weir.conversation(stranger)
    assert {outcome(*a)[3] for a in ask(weir, stream_path(theirs), one, stranger, "k3", 3)} == {"done"}
    prove(weir)


@pytest.mark.parametrize("redis", ["with", "without"])
def test_calls_that_create(weir, redis):
    """POST /api/conversations, a hundred times at once."""
    user = weir.make_user()
    if redis == "without":
        weir.stop_redis(kill=True)
    try:
        seen = {(status, json.dumps(json.loads(body), sort_keys=True))
                for status, body in ask(weir, "/api/conversations", {"title": "only one"}, user, "k4")}
        assert len(seen) == 1 and next(iter(seen))[0] == 201, list(seen)[:3]
        with weir.pg() as pg:
            assert pg.one("SELECT count(*) FROM conversations WHERE user_id = $1", user.id) == "1"
        other = ask(weir, "/api/conversations", {"title": "another"}, user, "k4", 10)
        assert {(s, code_of(b)) for s, b in other} == {(409, "idempotency_mismatch")}
    finally:
        if redis == "without":
            weir.start_redis()


def test_a_refusal_is_no_effect(weir):
    """A send refused for want of credits does not use up its key."""
    poor = weir.make_user(credits="0")
    conversation = weir.conversation(poor)
    body = {"content": "later", "model": "demo-fast"}
    seen = {outcome(*a) for a in ask(weir, stream_path(conversation), body, poor, "k5", 10)}
    assert seen == {(402, "insufficient_credits")}
    weir.weirctl("credits", "grant", poor.login, "10", "--reason", "test")
    seen = {outcome(*a)[3] for a in ask(weir, stream_path(conversation), body, poor, "k5", 10)}
    assert seen == {"done"}
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM tasks WHERE conversation_id = $1", conversation) == "1"
    prove(weir)
