"""F12: kill -9 of weir-worker at each step of a sweep: resumed within 35 s, at most one charge.

The steps are what goes over its two wires: for every piece that the worker sends, and every piece it is answered, one
worker is stopped right there by the proxy and killed, with a dead turn to settle. How several workers share, and what a
dead turn costs, is told by tests/it/engine/test_worker.py.
"""

import os
import random
import signal
import subprocess
import sys
import time
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import PATIENCE_S, Killer, Proxy, bury, kill, live_tasks, prove, scale, script  # noqa: E402
from weirtest import Services, wait_until  # noqa: E402

STEPS_MAX = 200
HOLD, PRICE_CALL = 10, 3


@pytest.fixture(scope="module")
def data():
    with Services() as sv, Proxy(sv) as px:
        sv.px = px
        sv.conf_wired = sv.folder + "/wired.conf"
        sv.write_conf({"database": {"url": px.postgres(sv)}, "redis": {"address": px.redis(sv), "timeout": "5s"}}, sv.conf_wired)
        yield sv


class DeadTurns:
    """Turns of an owner that never was, with something delivered, so that each costs the same."""

    def __init__(self, sv):
        self.sv, self.pg, self.redis = sv, sv.pg(), sv.redis()
        self.user = str(uuid.uuid4())
        self.model = self.pg.one("INSERT INTO llm_models (name, display_name, type, context_tokens, max_output_tokens)"
                                 " VALUES ($1, 'm', 'chat', 1000, 500) RETURNING id", self.user)
        self.pg.query("SELECT model_set_base_price($1, 'call', $2)", self.model, PRICE_CALL)
        self.pg.query("INSERT INTO users (id, email, password_hash) VALUES ($1, $2, 'x')", self.user, self.user + "@example.org")
        self.pg.query("SELECT credits_grant($1, 100000, 'admin_adjustment', 'test', NULL)", self.user)
        self.conversation = str(uuid.uuid4())
        self.pg.query("INSERT INTO conversations (id, user_id) VALUES ($1, $2)", self.conversation, self.user)
        self.count = 0

    def add(self, lease_s=600):
        task = str(uuid.uuid4())
        (row,) = self.pg.dicts(
            "SELECT * FROM turn_open($1, gen_random_uuid(), $2, $3, gen_random_uuid(), gen_random_uuid(), 'asked', '[]', $4, $5,"
            " $6, gen_random_uuid(), NULL, NULL, NULL, 'send', NULL, NULL, NULL, NULL, NULL)",
            task, self.user, self.conversation, self.model, HOLD, lease_s)
        assert row["outcome"] == "ok", row
        self.pg.query("UPDATE tasks SET started_at = now() - interval '30 s', created_at = now() - interval '30 s'"
                      " WHERE id = $1", task)
        self.redis.call("XADD", f"weir:task:{task}:log", "9-0", "k", "t", "o", 0, "t", "delivered")
        self.redis.call("ZADD", f"weir:task:global:{self.user}", int(time.time() * 1000) + 600000, task)
        self.count += 1
        return task

    def proof(self):
        """Every one settled once, at its price."""
        assert self.pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL") == "0"
        rows = self.pg.query("SELECT status, error_code, credits_used, (SELECT count(*) FROM usage u WHERE u.task_id = t.id),"
                             " (SELECT m.content FROM conversation_messages m WHERE m.id = t.message_id)"
                             " FROM tasks t WHERE user_id = $1", self.user)
        assert len(rows) == self.count
        assert {r[:2] + (float(r[2]),) + r[3:] for r in rows} == {("failed", "interrupted", float(PRICE_CALL), "1", "delivered")}
        assert float(self.pg.one("SELECT credits FROM users WHERE id = $1", self.user)) == 100000 - PRICE_CALL * self.count
        assert self.pg.query("SELECT invariant, detail FROM audit_run() WHERE NOT ok") == []
        # the slots were given back with it
        assert self.redis.call("ZCARD", f"weir:task:global:{self.user}") == 0


def worker(sv, conf=None):
    return subprocess.Popen([sv.program("weir-worker"), "-c", conf or sv.conf_wired, "--once"], stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("wire,way", [("pg", "up"), ("pg", "down"), ("redis", "up"), ("redis", "down")])
def test_at_each_step_of_a_sweep(data, wire, way):
    px, turns = data.px, DeadTurns(data)
    steps, ended = 0, False
    while not ended:
        assert steps < STEPS_MAX
        turns.add()
        px("clear pg")
        px("clear redis")
        px(f"set {wire} {way} hold={steps}")
        process = worker(data)
        try:
            wait_until(lambda: process.poll() is not None or px.stat(wire)[f"{way}_stalled"], "the step", PATIENCE_S, 0.003)
            ended = process.poll() is not None  # it never came to this step: all were seen
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        steps += 1
    assert process.returncode == 0 and steps > (10 if wire == "pg" else 3), (steps, process.returncode)
    # a statement that was on its way when its worker died may still be at work: the next sweep has the rest
    px("clear pg")
    px("clear redis")
    began = time.monotonic()

    def swept():
        assert worker(data).wait(PATIENCE_S) == 0
        return live_tasks(data) == 0

    wait_until(swept, "the rest is settled", 35, 0.5)
    assert time.monotonic() - began < 35
    settle_slots(turns)
    turns.proof()


def settle_slots(turns):
    """A worker killed after the settlement and before it gave the slot back leaves it to its lease: let it run out."""
    key = f"weir:task:global:{turns.user}"
    for task in turns.redis.call("ZRANGE", key, 0, -1):
        assert turns.pg.one("SELECT completed_at IS NOT NULL FROM tasks WHERE id = $1", task) == "t"
        turns.redis.call("ZREM", key, task)


def test_expired_holds_at_each_step(data):
    """The last net: holds whose lease ran out, without a journal."""
    px, turns = data.px, DeadTurns(data)
    holds = []
    for steps in range(STEPS_MAX):
        task = str(uuid.uuid4())
        turns.pg.query("SELECT * FROM credits_hold($1, gen_random_uuid(), $2, 5, 'test', -30)", task, turns.user)
        holds.append(task)
        px("clear pg")
        px(f"set pg up hold={steps}")
        process = worker(data)
        wait_until(lambda: process.poll() is not None or px.stat("pg")["up_stalled"], "the step", PATIENCE_S, 0.003)
        ended = process.poll() is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        if ended:
            break
    px("clear pg")
    assert worker(data).wait(PATIENCE_S) == 0
    states = turns.pg.query("SELECT status, count(*) FROM credit_transactions WHERE user_id = $1 GROUP BY status", turns.user)
    assert states == [("expired", str(len(holds)))], states
    assert float(turns.pg.one("SELECT credits FROM users WHERE id = $1", turns.user)) == 100000
    assert turns.pg.query("SELECT invariant, detail FROM audit_run() WHERE NOT ok") == []


def test_random_kills_with_real_turns():
    """Responders die under way, and so do workers, again and again; then one is left alone."""
    dice = random.Random(5)
    with Services() as weir:
        weir.up({"limits": {"slot_lease": "4s"}})
        user = weir.make_user()
        streams = []
        for _ in range(6):
            conversation = weir.conversation(user)
            s = weir.stream(f"/api/conversations/{conversation}/messages/stream",
                            {"content": script("killed", "deltas=400 interval=50"), "model": "demo-fast"}, user, timeout_s=PATIENCE_S)
            s.until("content")
            streams.append(s)
        for pid in weir.responders():
            kill(pid)
        for s in streams:
            s.close()
        wait_until(lambda: weir.get("/healthz").status == 200, "the pool", PATIENCE_S)
        died = time.monotonic()

        def deed():
            pid = weir.daemons.pid("worker")
            if pid is None:
                weir.daemons.children.pop("worker", None)
                weir.daemons.start("worker", [weir.program("weir-worker"), "-c", weir.conf_path])
                return False
            return kill(pid)

        killer = Killer(deed, 0.02, 0.1, dice)
        time.sleep(0.5)
        bury(weir)
        time.sleep(scale(2, 30))
        assert len(killer.stop()) >= 5
        if weir.daemons.pid("worker") is None:
            weir.daemons.children.pop("worker", None)
            weir.daemons.start("worker", [weir.program("weir-worker"), "-c", weir.conf_path])
        alone = time.monotonic()
        wait_until(lambda: live_tasks(weir) == 0, "settled", 35 + 10, 0.1)
        assert time.monotonic() - alone < 35 and died < alone
        prove(weir)
        assert 0 < 1000 - weir.balance(user) < 0.1
