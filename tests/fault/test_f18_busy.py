"""F18: a responder that is busy with silent providers, slow mail and slow statements.

Its workers are all taken for longer than a process may be silent. Its turns stay alive all the same: nobody takes it
for dead, every answer arrives whole and is paid whole. What waits for a provider, a mail server or the end of a turn
holds no worker at all.
"""

import contextlib
import os
import socket
import sys
import threading
import time
import uuid

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import LONG, PATIENCE_S, SLOWER, prove, script, send  # noqa: E402
from weirtest import Fcgi, Services, wait_until  # noqa: E402

WORKERS = 2
DEAD_AFTER_S = 20
# The short form makes the heartbeat older by this, so that the process has so much less time to be busy in.
OLDER_S = 0 if LONG else 12
ANSWER_S = 75 if LONG else 17
AT_ONCE_S = 2 * SLOWER  # no worker is held: an answer comes


class Silent:
    """Accepts and says nothing, for as long as it lives."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.sock.getsockname()[1]
        self.taken = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(self.sock.accept()[0])

    def close(self):
        self.sock.close()
        for conn in self.taken:
            conn.close()


@pytest.fixture(scope="module")
def silent():
    s = Silent()
    yield s
    s.close()


@pytest.fixture(scope="module")
def weir(silent):
    with Services() as sv:
        sv.up({"mail": {"smtp_url": f"smtp://127.0.0.1:{silent.port}", "spool": ""}}, processes=1)
        yield sv


@pytest.fixture(scope="module")
def channel(weir, silent):
    admin = weir.make_user(admin=True)
    made = weir.post("/api/admin/channels", {
        "name": "silent", "provider": "openai", "base_url": f"http://127.0.0.1:{silent.port}/v1", "allow_private": True,
        "enabled": False, "models": [{"model": "demo", "upstream_name": "demo"}]}, admin).json
    return admin, f"/api/admin/channels/{made['id']}/test"


class Crowd:
    """Requests at the same time, each on a thread of its own."""

    def __init__(self):
        self.threads, self.answers = [], []

    def add(self, work):
        def run():
            began = time.monotonic()
            answer = work()
            self.answers.append((answer, time.monotonic() - began))

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def join(self):
        for t in self.threads:
            t.join(PATIENCE_S)
        assert len(self.answers) == len(self.threads)
        return self.answers


def lost(weir, pg):
    """What of the tests is on record, and what the log says became of the others."""
    with open(weir.daemons.log("pool")) as log:
        return pg.query("SELECT action, result, details::text FROM audit_log"), [line for line in log if '"audit_lost"' in line]


@contextlib.contextmanager
def probes(weir, channel):
    admin, path = channel
    crowd = Crowd()
    for _ in range(8 if LONG else 4):
        crowd.add(lambda: weir.post(path, {}, admin, timeout_s=PATIENCE_S * 2))
    time.sleep(0.3)
    yield
    for answer, took_s in crowd.join():
        assert answer.status == 200, answer
        assert (answer.json["ok"], answer.json["error"], answer.json["http_status"]) == (False, "upstream_timeout", 0)
        assert 19 < took_s < 25 * SLOWER, "each as long as a provider may be silent, none for another's silence"
    with weir.pg() as pg:
        wait_until(lambda: pg.one("SELECT count(*) FROM audit_log WHERE action = 'channel.test' AND result = 'upstream_timeout'"
                                  " AND details->>'model' = 'demo'") == str(len(crowd.threads)), lambda: lost(weir, pg))


@contextlib.contextmanager
def mails(weir):
    for login in [weir.make_user().login for _ in range(16 if LONG else 6)]:
        answer = weir.post("/api/auth/forgot", {"email": login})
        assert answer.status == 202 and answer.json == {}, answer
    time.sleep(0.3)
    yield


@contextlib.contextmanager
def statements(weir):
    """Each waits for the row of its account, until the database's patience ends."""
    user, crowd = weir.make_user(), Crowd()
    with weir.pg() as pg:
        pg.query("BEGIN")
        pg.query("SELECT FROM users WHERE id = $1 FOR UPDATE", user.id)
        for _ in range(10 if LONG else 4):
            crowd.add(lambda: weir.patch("/api/me", {"nickname": "slow"}, user, timeout_s=PATIENCE_S * 2))
        time.sleep(0.3)
        yield
        pg.query("ROLLBACK")
    assert {answer.status for answer, _ in crowd.join()} <= {200, 503}


@pytest.mark.parametrize("busy_with", ["probes", "mails", "statements"])
def test_its_turns_stay_alive(weir, channel, busy_with):
    user, turns = weir.make_user(), Crowd()
    conversation = weir.conversation(user)
    deltas = ANSWER_S * 10
    with weir.pg() as pg:
        turns.add(lambda: send(weir, user, conversation, script("long", f"deltas={deltas} interval=100"),
                               timeout_s=PATIENCE_S * 2))
        wait_until(lambda: pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL") == "1", "under way", 10, 0.05)
        with {"probes": lambda: probes(weir, channel), "mails": lambda: mails(weir),
              "statements": lambda: statements(weir)}[busy_with]():
            if OLDER_S:
                pg.query("UPDATE processes SET heartbeat_at = now() - make_interval(secs => $1) WHERE kind = 'responder'",
                         OLDER_S)
            if busy_with != "statements":
                began = time.monotonic()
                assert weir.get("/api/me", user).status == 200
                assert time.monotonic() - began < AT_ONCE_S, "no worker waits"
            ((turn, took_s),) = turns.join()
        assert turn.done and not turn.cut, turn
        assert took_s > ANSWER_S - 1 and took_s > DEAD_AFTER_S - OLDER_S
        (row,) = pg.dicts("SELECT t.status, t.credits_used::float8 AS used, m.status AS message, m.content,"
                          " u.response_tokens AS tokens, u.estimated FROM tasks t"
                          " JOIN conversation_messages m ON m.id = t.message_id JOIN usage u ON u.task_id = t.id"
                          " WHERE t.id = $1", turn.task)
    assert (row["status"], row["message"], row["estimated"]) == ("completed", "success", "f")
    assert row["content"] == turn.text and int(row["tokens"]) == deltas
    assert float(row["used"]) == float(turn.credits) > 0
    assert "taken_for_dead" not in open(weir.daemons.log("pool")).read()
    prove(weir)


def test_aborts_hold_no_worker(weir):
    """Of a task whose owner does not stop it: each abort waits its two seconds, all of them at the same time."""
    user, crowd, task, owner = weir.make_user(), Crowd(), str(uuid.uuid4()), str(uuid.uuid4())
    with weir.pg() as pg:
        pg.query("INSERT INTO processes (id, kind, host, pid) VALUES ($1, 'responder', 'elsewhere', 1)", owner)
        pg.query("INSERT INTO tasks (id, user_id, type, status, owner, started_at)"
                 " VALUES ($1, $2, 'chat', 'running', $3, now())", task, user.id, owner)
        for _ in range(5 * WORKERS):
            crowd.add(lambda: weir.post(f"/api/tasks/{task}/abort", None, user))
        time.sleep(0.3)
        began = time.monotonic()
        assert weir.get("/api/me", user).status == 200
        assert time.monotonic() - began < AT_ONCE_S
        for answer, took_s in crowd.join():
            assert (answer.status, answer.json["id"], answer.json["status"]) == (200, task, "running"), answer
            assert 1.9 < took_s < 2.5 * SLOWER + 0.5
        pg.query("DELETE FROM tasks WHERE id = $1", task)
        pg.query("DELETE FROM processes WHERE id = $1", owner)


def test_text_is_checkpointed_meanwhile(weir):
    """Redis is away and the workers wait for a lock: what was delivered reaches PostgreSQL all the same."""
    user, turns = weir.make_user(), Crowd()
    conversation = weir.conversation(user)
    weir.stop_redis(kill=True)
    try:
        turns.add(lambda: send(weir, user, conversation, script("kept", "deltas=200 interval=100")))
        with weir.pg() as pg:
            wait_until(lambda: pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL") == "1", "under way", 10, 0.05)
            with statements(weir):
                wait_until(lambda: int(pg.one("SELECT count(*) FROM task_journal")) >= 2, "two checkpoints", 19, 0.2)
                assert pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL") == "1"
        ((turn, _),) = turns.join()
        assert turn.done, turn
    finally:
        weir.start_redis()
    prove(weir)


def test_who_waits_is_answered_at_the_end(weir, silent, channel):
    """A process that stops does not wait for silence longer than its drain_timeout: it answers, then goes."""
    admin, path = channel
    conf, sock, crowd = f"{weir.folder}/ends.conf", f"{weir.sockets}/ends", Crowd()
    weir.write_conf({"mail": {"smtp_url": f"smtp://127.0.0.1:{silent.port}", "spool": ""},
                     "server": {"drain_timeout": "1s", "scoreboard": f"{weir.folder}/ends.score"}}, conf)
    weir.start_pool(1, conf=conf, name="ends", path=sock)

    def ask():
        with Fcgi(sock) as f:
            return f.request("POST", path, b"{}", headers={"Authorization": "Bearer " + admin.token})

    for _ in range(3 * WORKERS):
        crowd.add(ask)
    time.sleep(0.5)
    began = time.monotonic()
    weir.daemons.stop("ends")
    assert time.monotonic() - began < 6 * SLOWER
    for answer, took_s in crowd.join():
        assert (answer.status, answer.json["ok"], answer.json["error"]) == (200, False, "unavailable"), answer
        assert answer.json["detail"] == "the server is stopping" and took_s < 8 * SLOWER
