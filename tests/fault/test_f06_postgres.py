"""F6: PostgreSQL restarts at once, backends are terminated, answers are lost on the way.

Whoever got no answer asks again with his Idempotency-Key: one effect per key. Recovery within 5 s.
"""

import os
import random
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import MANY, PATIENCE_S, SLOWER, Killer, Load, Proxy, prove, scale, script, seed, send  # noqa: E402
from weirtest import Services, wait_until  # noqa: E402

RECOVERS_WITHIN_S = 5 * SLOWER
RESTARTS = scale(4, 50)


@pytest.fixture(scope="module")
def wired():
    """A Weir with a PostgreSQL of its own, behind the proxy."""
    sv = Services()
    sv.shared = None
    with sv as weir, Proxy(weir) as px:
        weir.up({"database": {"url": px.postgres(weir)}, **MANY})
        yield weir, px


class KeyedLoad(Load):
    """Each send has a key and is repeated with it until it has come to an end."""

    def _run(self, i, user, conversation):
        n = 0
        while self.going:
            n += 1
            key, question = f"key-{i}-{n}-{id(self)}", self.question(n)
            for _ in range(200):
                turn = send(self.weir, user, conversation, question, self.model, key)
                self.turns[i].append(turn)
                if turn.final and not turn.cut:
                    break
                assert turn.code != "idempotency_mismatch", turn
                time.sleep(0.1)


def one_effect_per_key(weir):
    with weir.pg() as pg:
        twice = pg.query("SELECT user_id, idempotency_key, count(*) FROM tasks WHERE idempotency_key IS NOT NULL"
                         " GROUP BY 1, 2 HAVING count(*) <> 1")
        questions = pg.query("SELECT conversation_id, content, count(*) FROM conversation_messages WHERE role = 'user'"
                             " AND content LIKE 'keyed %' GROUP BY 1, 2 HAVING count(*) <> 1")
    assert twice == [] and questions == []


def what_failed_was_typed(turns):
    """Sends that failed before their stream began did so with the documented answer."""
    odd = [t for t in turns if t.status not in (None, 200) and (t.status, t.code) != (503, "unavailable")]
    assert odd == [], odd[:3]


def test_immediate_restarts(wired):
    weir, _ = wired
    load = KeyedLoad(weir, threads=4, question=lambda n: script(f"keyed {n}", "deltas=6 interval=20"))
    late = []
    for _ in range(RESTARTS):
        time.sleep(0.7)
        weir.restart_postgres(immediate=True)
        back = time.monotonic()
        served = len([t for t in load.all() if t.done])
        wait_until(lambda: len([t for t in load.all() if t.done]) > served, "turns succeed again", PATIENCE_S)
        late.append(time.monotonic() - back)
    turns = load.stop()
    assert max(late) <= RECOVERS_WITHIN_S, late
    what_failed_was_typed(turns)
    one_effect_per_key(weir)
    prove(weir)


def test_terminated_backends(wired):
    weir, _ = wired
    dice = random.Random(seed())
    load = KeyedLoad(weir, threads=4, question=lambda n: script(f"keyed t{n}", "deltas=4 interval=10"))

    def deed():
        with weir.pg() as pg:
            pids = [r[0] for r in pg.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'weir%'"
                                          " AND datname = current_database()")]
            return bool(pids) and pg.one("SELECT pg_terminate_backend($1)", dice.choice(pids)) == "t"

    killer = Killer(deed, 0.02, 0.15, dice)
    time.sleep(scale(4, 60))
    times = killer.stop()
    turns = load.stop()
    assert len(times) >= 10 and sum(t.done for t in turns) > 20
    what_failed_was_typed(turns)
    one_effect_per_key(weir)
    prove(weir)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("answer_kept", [False, True], ids=["opening", "settling"])
def test_a_lost_answer(wired, when, answer_kept):
    """The connection ends just before the statement reaches PostgreSQL, or just after it was committed."""
    weir, px = wired
    user = weir.make_user()
    conversation = weir.conversation(user)
    mark = f"mark-{when}-{answer_kept}"
    trapped = px.stat("pg")["trapped"]
    path = f"/api/conversations/{conversation}/messages/stream"
    if not answer_kept:
        px(f"trap pg {when} {mark}")
        turn = send(weir, user, conversation, mark)
        assert turn.done, turn
    else:
        with weir.stream(path, {"content": script(mark, "echo=1 first=700"), "model": "demo-fast"}, user, timeout_s=PATIENCE_S) as s:
            s.until("start")
            px(f"trap pg {when} {mark}")
            events = [e.json for e in s.events() if e.json]
        assert events[-1]["type"] == "done", events[-1]
    assert px.stat("pg")["trapped"] == trapped + 1, "the trap was sprung"
    items = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"]
    assert [m["role"] for m in items] == ["user", "assistant"] and items[1]["status"] == "success"
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM tasks WHERE conversation_id = $1", conversation) == "1"
        assert pg.one("SELECT count(*) FROM usage u JOIN tasks t ON t.id = u.task_id WHERE t.conversation_id = $1",
                      conversation) == "1"
    prove(weir)


def test_a_lost_answer_of_a_call_with_a_key(wired):
    """POST /api/conversations with an Idempotency-Key: the client may ask again whatever it was told."""
    weir, px = wired
    user = weir.make_user()
    for when in ("before", "after"):
        key = f"conversation-{when}"
        px(f"trap pg {when} {key}")
        statuses = []
        for _ in range(20):
            answer = weir.post("/api/conversations", {"title": key}, user, headers={"Idempotency-Key": key})
            statuses.append(answer.status)
            if answer.status == 201:
                break
            assert (answer.status, answer.code) == (503, "unavailable"), answer
            time.sleep(0.1)
        assert statuses[-1] == 201 and len(statuses) <= 5, statuses
    with weir.pg() as pg:
        titles = pg.query("SELECT title FROM conversations WHERE user_id = $1 ORDER BY title", user.id)
    assert titles == [("conversation-after",), ("conversation-before",)]


def test_a_silent_database(wired):
    """The network is gone without a word for a moment: requests wait or fail typed, and all goes on by itself."""
    weir, px = wired
    user = weir.make_user()
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": script("silence", "deltas=20 interval=50"), "model": "demo-fast"}, user, timeout_s=PATIENCE_S) as s:
        s.until("content")
        px("set pg both stall=1")
        time.sleep(scale(2, 15))
        px("clear pg")
        events = [e.json for e in s.events() if e.json]
    assert events[-1]["type"] == "done"
    began = time.monotonic()
    wait_until(lambda: send(weir, user, conversation, "again").done, "served", PATIENCE_S)
    assert time.monotonic() - began <= RECOVERS_WITHIN_S
    prove(weir)
