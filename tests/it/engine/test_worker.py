"""weir-worker: dead turns are settled once, from their journals; holds expire; rows are pruned.

Most dead turns are made in SQL, with an owner that never was; test_kill.py kills real ones.
"""

import json
import os
import signal
import subprocess
import threading
import time
import uuid
from decimal import Decimal

import pytest

from weirtest import busy, wait_until

PREFIX = "weir:"
PRICE_IN, PRICE_OUT, PRICE_CALL = Decimal(2), Decimal(10), Decimal("0.001")


class Ledger:
    """What the tests put into the database and look for afterwards."""

    def __init__(self, sv):
        self.sv, self.pg, self.redis = sv, sv.pg(), sv.redis()
        self.model = self.pg.one(
            "INSERT INTO llm_models (name, display_name, type, context_tokens, max_output_tokens)"
            " VALUES ('m', 'm', 'chat', 1000, 500) RETURNING id")
        for meter, price in (("input", PRICE_IN * 1000), ("output", PRICE_OUT * 1000), ("call", PRICE_CALL)):
            self.pg.query("SELECT model_set_base_price($1, $2, $3)", self.model, meter, price)

    def user(self, credits=1000):
        user = str(uuid.uuid4())
        self.pg.query("INSERT INTO users (id, email, password_hash, credits) VALUES ($1, $2, 'x', 0)", user, user + "@example.org")
        self.pg.query("SELECT credits_grant($1, $2, 'admin_adjustment', 'test', NULL)", user, credits)
        return user

    def conversation(self, user):
        conversation = str(uuid.uuid4())
        self.pg.query("INSERT INTO conversations (id, user_id) VALUES ($1, $2)", conversation, user)
        return conversation

    def dead_turn(self, user, conversation=None, hold=10, question="abcd" * 10, mode="send", target=None):
        """A running turn of an owner that does not exist, old enough to be dead."""
        conversation = conversation or self.conversation(user)
        task = str(uuid.uuid4())
        row = self.pg.dicts(
            "SELECT * FROM turn_open($1, gen_random_uuid(), $2, $3, gen_random_uuid(), gen_random_uuid(), $4, '[]', $5, $6,"
            " 600, gen_random_uuid(), NULL, NULL, NULL, $7, $8, NULL, NULL, NULL, NULL)",
            task, user, conversation, question, self.model, hold, mode, target)[0]
        assert row["outcome"] == "ok", row
        self.pg.query("UPDATE tasks SET started_at = now() - interval '30 s', created_at = now() - interval '30 s'"
                      " WHERE id = $1", task)
        return task

    def journal(self, task, *pieces):
        """Pieces ("t" or "r", text) as the stream engine writes them; returns the end."""
        end = 0
        for kind, text in pieces:
            start, end = end, end + len(text.encode())
            self.redis.call("XADD", self.log(task), f"{end}-0", "k", kind, "o", start, "t", text)
        return end

    def log(self, task):
        return f"{PREFIX}task:{task}:log"

    def slot(self, user, task):
        key = f"{PREFIX}task:global:{user}"
        self.redis.call("ZADD", key, int(time.time() * 1000) + 600000, task)
        return key

    def task(self, task):
        return self.pg.dicts("SELECT * FROM tasks WHERE id = $1", task)[0]

    def message(self, task):
        return self.pg.dicts("SELECT m.* FROM conversation_messages m JOIN tasks t ON t.message_id = m.id WHERE t.id = $1",
                             task)[0]

    def hold(self, task):
        return self.pg.dicts("SELECT * FROM credit_transactions WHERE task_id = $1", task)[0]

    def balance(self, user):
        return Decimal(self.pg.one("SELECT credits FROM users WHERE id = $1", user))

    def terminal(self, task):
        """The terminal event in the journal, or None."""
        last = self.redis.call("XREVRANGE", self.log(task), "+", "-", "COUNT", 1)
        if not last:
            return None
        fields = dict(zip(last[0][1][::2], last[0][1][1::2]))
        return json.loads(fields["t"]) if fields["k"] == "e" else None

    def audit(self):
        broken = self.pg.query("SELECT invariant, detail FROM audit_run() WHERE NOT ok")
        assert broken == []

    def live(self):
        return int(self.pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL"))


@pytest.fixture(scope="module")
def ledger(data):
    return Ledger(data)


def once(sv, expect=0):
    done = subprocess.run([sv.program("weir-worker"), "-c", sv.conf_path, "--once"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == expect, done.stderr
    return done


def cost(tokens_in, tokens_out):
    return PRICE_CALL + (tokens_in * PRICE_IN + tokens_out * PRICE_OUT) / 1000


# ---- what a dead turn costs ---------------------------------------------------


def test_nothing_delivered_is_refunded(data, ledger):
    user = ledger.user(100)
    task = ledger.dead_turn(user)
    slot = ledger.slot(user, task)
    assert ledger.balance(user) == 90
    once(data)
    assert ledger.balance(user) == 100
    row = ledger.task(task)
    assert (row["status"], row["error_code"], Decimal(row["credits_used"])) == ("failed", "interrupted", 0)
    assert ledger.hold(task)["status"] == "refunded"
    message = ledger.message(task)
    assert (message["status"], message["content"]) == ("error", "")
    assert ledger.redis.call("ZSCORE", slot, task) is None
    end = ledger.terminal(task)
    assert end["type"] == "error" and end["data"]["code"] == "interrupted"
    assert end["data"]["credits_consumed"] == 0 and end["data"]["balance"] == 100
    assert end["data"]["assistant_message"]["status"] == "error"
    assert end["data"]["assistant_message"]["error_display"]
    assert 0 < ledger.redis.call("PTTL", ledger.log(task)) <= 600000
    ledger.audit()


def test_delivered_text_is_charged_by_estimate(data, ledger):
    user = ledger.user(100)
    task = ledger.dead_turn(user)  # 40 bytes: 10 tokens
    end = ledger.journal(task, ("r", "thinking"), ("t", "Hello "), ("t", "世界世界"))  # 2 + (6 Latin, 4 CJK: 5) tokens
    once(data)
    used = cost(10, 7)
    assert ledger.balance(user) == 100 - used
    message = ledger.message(task)
    assert (message["status"], message["content"], message["reasoning"]) == ("error", "Hello 世界世界", "thinking")
    assert Decimal(message["credits_cost"]) == used
    usage = ledger.pg.dicts("SELECT * FROM usage WHERE task_id = $1", task)[0]
    assert (usage["request_tokens"], usage["response_tokens"], usage["estimated"], usage["status"]) == ("10", "7", "t", "failed")
    assert ledger.redis.call("XREVRANGE", ledger.log(task), "+", "-", "COUNT", 1)[0][0] == f"{end}-1"
    assert Decimal(str(ledger.terminal(task)["data"]["credits_consumed"])) == used
    ledger.audit()


def test_by_the_prices_it_was_opened_with(data, ledger):
    """Whatever the model costs by now: half of 3 a call, and 2,000,000 a million tokens beyond 5 of the prompt."""
    user = ledger.user(100)
    task = ledger.dead_turn(user, hold=50)  # 40 bytes: 10 tokens
    ledger.journal(task, ("t", "Hello"))
    ledger.pg.query("UPDATE tasks SET prices = $2 WHERE id = $1", task, json.dumps({"ratio_ppm": 500000, "rows": [
        ["call", 0, 3000000, 1], ["input", 0, 1, 1], ["input", 5, 2000000000000, 1000000], ["output", 0, 0, 1]]}))
    once(data)
    assert ledger.balance(user) == 100 - Decimal(3 + 10 * 2) / 2
    ledger.audit()


def test_the_history_counts_in_the_prompt_up_to_the_context(data, ledger):
    user = ledger.user(100)
    conversation = ledger.conversation(user)
    first = ledger.dead_turn(user, conversation, question="a" * 4000)  # as long as the context
    ledger.pg.query("SELECT turn_settle($1, owner, 'completed', 'success', $2, NULL, NULL, NULL, 0, 0, false, 0, NULL, NULL,"
                    " 1, 1, NULL) FROM tasks WHERE id = $1", first, "b" * 400)
    task = ledger.dead_turn(user, conversation)
    ledger.journal(task, ("t", "four"))
    once(data)
    # the question (10) and the answer before it (100); the first question (1,000) did not fit
    assert ledger.pg.one("SELECT request_tokens FROM usage WHERE task_id = $1", task) == "110"
    ledger.audit()


def test_never_more_than_the_hold(data, ledger):
    user = ledger.user(100)
    task = ledger.dead_turn(user, hold="0.01")
    ledger.journal(task, ("t", "word " * 400))
    once(data)
    assert ledger.balance(user) == Decimal("99.99")
    assert Decimal(ledger.pg.one("SELECT overrun FROM usage WHERE task_id = $1", task)) == cost(10, 500) - Decimal("0.01")
    ledger.audit()


def test_checkpoints_in_postgresql(data, ledger):
    user = ledger.user(100)
    only, longer, shorter = (ledger.dead_turn(user) for _ in range(3))
    for task, pieces in ((only, ["from ", "sql"]), (longer, ["redis has", " less"]), (shorter, ["red"])):
        offset = 0
        for i, text in enumerate(pieces):
            ledger.pg.query("INSERT INTO task_journal (task_id, seq, offset_bytes, text) VALUES ($1, $2, $3, $4)",
                            task, i, offset, text)
            offset += len(text)
    ledger.journal(longer, ("t", "redis has"))
    ledger.journal(shorter, ("t", "redis has more"))
    once(data)
    assert ledger.message(only)["content"] == "from sql"
    assert ledger.message(longer)["content"] == "redis has less"
    assert ledger.message(shorter)["content"] == "redis has more"
    ledger.audit()


def test_long_journals_are_read_whole(data, ledger):
    user = ledger.user(100000)
    task = ledger.dead_turn(user, hold=50000)
    pieces = [("t", f"piece {i} ") for i in range(1500)]
    ledger.journal(task, *pieces)
    once(data)
    assert ledger.message(task)["content"] == "".join(text for _, text in pieces)


@pytest.mark.parametrize("right", ["EXECUTE ON FUNCTION turn_dead", "SELECT ON agents", "EXECUTE ON FUNCTION turns_settle"])
def test_what_cannot_be_found_judged_or_settled_waits(data, ledger, right):
    """Nothing is charged, returned or told before it is in the database; then all of it is, once."""
    user = ledger.user(100)
    task = ledger.dead_turn(user)
    ledger.journal(task, ("t", "delivered"))
    with data.denied(right):
        once(data, expect=1)
    assert ledger.task(task)["status"] == "running" and ledger.balance(user) == 90
    assert ledger.hold(task)["status"] == "pending" and ledger.terminal(task) is None
    once(data)
    assert ledger.task(task)["status"] == "failed" and ledger.balance(user) == 100 - cost(10, 3)
    assert ledger.terminal(task)["data"]["assistant_message"]["content"] == "delivered"
    ledger.audit()


def test_asked_to_cancel_before_the_death(data, ledger):
    user = ledger.user(100)
    some, none = ledger.dead_turn(user), ledger.dead_turn(user)
    ledger.journal(some, ("t", "half an answer"))
    for task in (some, none):
        ledger.pg.query("SELECT task_cancel_request($1, $2)", task, user)
    once(data)
    assert (ledger.task(some)["status"], ledger.message(some)["status"]) == ("cancelled", "success")
    assert ledger.terminal(some)["type"] == "cancelled"
    assert ledger.task(none)["status"] == "cancelled"
    assert ledger.hold(none)["status"] == "refunded"
    ledger.audit()


def test_regenerating_in_place_restores(data, ledger):
    user = ledger.user(100)
    conversation = ledger.conversation(user)
    first = ledger.dead_turn(user, conversation)
    ledger.journal(first, ("t", "the first attempt"))
    once(data)
    message = ledger.message(first)
    again = ledger.dead_turn(user, conversation, mode="regenerate_in_place", target=message["id"])
    ledger.journal(again, ("t", "another"))
    once(data)
    restored = ledger.pg.dicts("SELECT * FROM conversation_messages WHERE id = $1", message["id"])[0]
    assert (restored["content"], restored["status"]) == ("the first attempt", "error")
    assert Decimal(ledger.task(again)["credits_used"]) > 0  # it was delivered all the same
    ledger.audit()


def test_deleted_meanwhile(data, ledger):
    user = ledger.user(100)
    conversation = ledger.conversation(user)
    task = ledger.dead_turn(user, conversation)
    ledger.journal(task, ("t", "text"))
    ledger.pg.query("SELECT * FROM conversation_delete($1, $2)", user, conversation)
    once(data)
    assert ledger.hold(task)["status"] == "confirmed"
    assert ledger.live() == 0
    ledger.audit()


def test_a_living_owner_is_left_alone(data, ledger):
    user = ledger.user(100)
    task = ledger.dead_turn(user)
    owner = ledger.task(task)["owner"]
    ledger.pg.query("SELECT process_heartbeat($1, 'responder', 'h', 1)", owner)
    once(data)
    assert ledger.task(task)["status"] == "running"
    ledger.pg.query("UPDATE processes SET heartbeat_at = now() - interval '19 s' WHERE id = $1", owner)
    once(data)
    assert ledger.task(task)["status"] == "running"
    ledger.pg.query("UPDATE processes SET heartbeat_at = now() - interval '21 s' WHERE id = $1", owner)
    once(data)
    assert ledger.task(task)["status"] == "failed"


def test_the_user_is_told(data, ledger):
    user = ledger.user(100)
    task = ledger.dead_turn(user)
    with data.redis() as listener:
        listener.call("SUBSCRIBE", f"{PREFIX}user:{user}")
        once(data)
        events = [json.loads(listener._reply()[2]) for _ in range(2)]
    assert events[0]["type"] == "task" and events[0]["data"]["id"] == task and events[0]["data"]["status"] == "failed"
    assert events[1] == {"type": "balance", "data": {"balance": 100, "held": 0}}


# ---- Redis away -------------------------------------------------------------------


def test_without_redis(data, ledger):
    user = ledger.user(100)
    empty, kept = ledger.dead_turn(user), ledger.dead_turn(user)
    ledger.pg.query("INSERT INTO task_journal (task_id, seq, offset_bytes, text) VALUES ($1, 0, 0, 'kept text')", kept)
    data.daemons.send("redis", signal.SIGSTOP)
    try:
        began = time.monotonic()
        once(data)
        assert time.monotonic() - began < 8 * busy()
    finally:
        data.daemons.send("redis", signal.SIGCONT)
    assert ledger.hold(empty)["status"] == "refunded"
    assert ledger.message(kept)["content"] == "kept text"
    assert ledger.hold(kept)["status"] == "confirmed"
    ledger.audit()


# ---- many, by many --------------------------------------------------------------------


def test_workers_share_and_may_be_killed(data, ledger):
    """300 dead turns, three workers, one of them killed again and again: each turn is settled once."""
    users = [ledger.user(1000) for _ in range(10)]
    tasks = [ledger.dead_turn(users[i % 10]) for i in range(300)]
    for i, task in enumerate(tasks):
        if i // 10 % 2:
            ledger.journal(task, ("t", "delivered"))
    before = int(ledger.pg.one("SELECT count(*) FROM usage"))
    procs = [subprocess.Popen([data.program("weir-worker"), "-c", data.conf_path], stderr=subprocess.DEVNULL)
             for _ in range(2)]
    stop = threading.Event()

    def suicidal():
        while not stop.is_set():
            victim = subprocess.Popen([data.program("weir-worker"), "-c", data.conf_path], stderr=subprocess.DEVNULL)
            time.sleep(0.15)
            victim.kill()
            victim.wait()

    thread = threading.Thread(target=suicidal)
    thread.start()
    try:
        wait_until(lambda: ledger.live() == 0, "all settled", 30)
    finally:
        stop.set()
        thread.join()
        for p in procs:
            p.terminate()
        codes = [p.wait(10) for p in procs]
    assert codes == [0, 0]
    assert int(ledger.pg.one("SELECT count(*) FROM usage")) - before == 300
    for user in users:
        assert ledger.balance(user) == 1000 - 15 * cost(10, 3)
    ledger.audit()


def test_expired_holds(data, ledger):
    """A hold whose task cannot be settled otherwise: one that never started."""
    user = ledger.user(100)
    task = ledger.dead_turn(user)
    ledger.pg.query("UPDATE tasks SET owner = NULL, status = 'pending' WHERE id = $1", task)
    ledger.pg.query("UPDATE credit_transactions SET expires_at = now() - interval '1 s' WHERE task_id = $1", task)
    once(data)
    assert ledger.hold(task)["status"] == "expired"
    assert ledger.balance(user) == 100
    assert ledger.task(task)["status"] == "failed"
    ledger.audit()


def test_pruning(data, ledger):
    user = ledger.user()
    for i in range(2500):
        ledger.pg.query("INSERT INTO idempotency_keys (user_id, key, route, body_hash, created_at)"
                        " VALUES ($1, $2, 'r', 'x', now() - interval '25 hours')", user, f"k{i}")
    ledger.pg.query("INSERT INTO idempotency_keys (user_id, key, route, body_hash) VALUES ($1, 'new', 'r', 'x')", user)
    ledger.pg.query("INSERT INTO sessions (id, user_id, expires_at) VALUES (gen_random_uuid(), $1, now() - interval '2 days')",
                    user)
    ledger.pg.query("INSERT INTO processes (id, kind, host, pid, heartbeat_at)"
                    " VALUES (gen_random_uuid(), 'responder', 'h', 1, now() - interval '2 hours')")
    once(data)
    assert ledger.pg.query("SELECT key FROM idempotency_keys WHERE user_id = $1", user) == [("new",)]
    assert ledger.pg.one("SELECT count(*) FROM sessions WHERE user_id = $1", user) == "0"
    assert ledger.pg.one("SELECT count(*) FROM processes WHERE heartbeat_at < now() - interval '1 hour'") == "0"


# ---- the program ---------------------------------------------------------------------------


def run(data, *args, timeout=20):
    return subprocess.run([data.program("weir-worker"), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout)


def test_command_line(data, tmp_path):
    assert run(data, "--help").returncode == 0
    assert run(data, "--version").stdout.startswith("weir-worker ")
    assert run(data, "--nonsense").returncode == 2
    assert run(data, "operand").returncode == 2
    bad = tmp_path / "bad.conf"
    bad.write_text("[limits]\nno_such_option = 1\n")
    assert run(data, "-c", str(bad)).returncode == 78


def test_refuses_a_database_that_does_not_fit(data, tmp_path):
    path = str(tmp_path / "empty.conf")
    data.write_conf({"database": {"url": data.dsn("weir", data.empty_database())}}, path)
    done = run(data, "-c", path, "--once")
    assert done.returncode == 78
    assert "migrat" in done.stderr


def test_signals(data, ledger):
    data.start_worker()
    pid = data.daemons.pid("worker")

    def rows():
        return ledger.pg.one("SELECT count(*) FROM processes WHERE kind = 'worker' AND pid = $1", pid)

    wait_until(lambda: rows() == "1", "the worker's row", 5)
    with open(data.conf_path) as f:
        good = f.read()
    try:
        with open(data.conf_path, "w") as f:
            f.write("[nonsense]\n")
        os.kill(pid, signal.SIGHUP)
        time.sleep(0.3)
        assert data.daemons.pid("worker") == pid  # goes on with what it had
    finally:
        with open(data.conf_path, "w") as f:
            f.write(good)
    os.kill(pid, signal.SIGHUP)
    time.sleep(0.3)
    began = time.monotonic()
    assert data.daemons.stop("worker") == 0
    assert time.monotonic() - began < 5 * busy()
    assert rows() == "0"


def test_reloads_and_ends_while_postgresql_is_away(data, ledger, tmp_path):
    """It waits for no database when it is told to end, and comes back with the configuration that works."""
    path = str(tmp_path / "away.conf")
    data.write_conf({}, path)
    with open(path) as f:
        good = f.read()

    def rows(process):
        return ledger.pg.one("SELECT count(*) FROM processes WHERE kind = 'worker' AND pid = $1", process.pid)

    for end in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen([data.program("weir-worker"), "-c", path], stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: rows(process) == "1", "the worker's row", 5)
            data.write_conf({"database": {"url": "host=/nonexistent dbname=none"}}, path)
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: rows(process) == "0", "gone over to the other", 5)
            time.sleep(0.5)
            if end == signal.SIGINT:
                with open(path, "w") as f:
                    f.write(good)
                process.send_signal(signal.SIGHUP)
                wait_until(lambda: rows(process) == "1", "the row, again", 5)
            began = time.monotonic()
            process.send_signal(end)
            assert process.wait(10) == 0
            assert time.monotonic() - began < 3 * busy()
        finally:
            process.kill()
            process.wait()
            with open(path, "w") as f:
                f.write(good)
        assert rows(process) == "0"
