"""F5: a process that holds tasks and locks is stopped past its leases, and wakes up.

Others have settled its turns meanwhile: its late writes are refused, and its streams end with a typed error.
"""

import os
import signal
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import LONG, PATIENCE_S, kill, prove, script, send  # noqa: E402
from weirtest import Services, busy, free_port, wait_until  # noqa: E402

LEASE_S = 30 if LONG else 2
DEAD_AFTER_S = 20
MISSED_BEAT_S = 8  # so late a process looks whether it was taken for dead


@pytest.fixture(scope="module")
def weir():
    with Services() as sv:
        sv.up({"limits": {"slot_lease": f"{LEASE_S}s"}}, processes=1)
        yield sv


class Stopped:
    """The one responder, stopped until its heartbeat is old; another pool takes the requests meanwhile."""

    def __init__(self, weir):
        self.weir = weir
        (self.pid,) = weir.responders()
        with weir.pg() as pg:
            self.process = pg.one("SELECT id FROM processes WHERE pid = $1", self.pid)
        kill(self.pid, signal.SIGSTOP)
        self.at = time.monotonic()

    def __enter__(self):
        return self

    def outlive(self, at_least_s=0):
        """Until everybody takes it for dead and its tasks are settled."""
        with self.weir.pg() as pg:
            if LONG:
                time.sleep(max(DEAD_AFTER_S, LEASE_S) + 1)
            else:
                pg.query("UPDATE processes SET heartbeat_at = now() - interval '21 s' WHERE id = $1", self.process)
                time.sleep(max(LEASE_S + 0.5, at_least_s))
            wait_until(lambda: pg.one("SELECT count(*) FROM tasks WHERE completed_at IS NULL") == "0", "settled by others", 20, 0.1)

    def __exit__(self, *exc):
        kill(self.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def port(weir):
    """The port of another host: a pool and a web server of its own."""
    first, weir.fcgi_path = weir.fcgi_path, weir.sockets + "/fcgi2"
    try:
        number = free_port()
        weir.start_pool(1, name="pool2", path=weir.fcgi_path)
        weir.start_nginx(number, name="nginx2")
        return number
    finally:
        weir.fcgi_path = first


class Reader(threading.Thread):
    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.events = stream, []
        self.start()

    def run(self):
        for event in self.stream.events():
            self.events.append(event)

    def of(self, kind):
        return [e.json["data"] for e in self.events if e.json and e.json["type"] == kind]


def begin(weir, user, conversation, words):
    stream = weir.stream(f"/api/conversations/{conversation}/messages/stream",
                         {"content": script("stopped", words), "model": "demo-fast"}, user, timeout_s=PATIENCE_S)
    assert stream.status == 200, stream.answer()
    return stream, Reader(stream)


def row(weir, task):
    with weir.pg() as pg:
        return pg.dicts("SELECT t.status, t.error_code, t.credits_used, c.status AS hold, c.used, m.content, m.status AS message,"
                        " u.credits FROM tasks t JOIN credit_transactions c ON c.task_id = t.id"
                        " JOIN conversation_messages m ON m.id = t.message_id JOIN users u ON u.id = t.user_id"
                        " WHERE t.id = $1", task)[0]


@pytest.mark.parametrize("words", ["deltas=40 interval=50", "deltas=3000 interval=20", "first=3000 deltas=3"],
                         ids=["ends while stopped", "goes on after", "nothing delivered yet"])
def test_a_late_settlement_is_refused(weir, words):
    user = weir.make_user()
    conversation = weir.conversation(user)
    stream, reader = begin(weir, user, conversation, words)
    wanted = "start" if words.startswith("first") else "content"
    wait_until(lambda: reader.of(wanted) and (wanted == "start" or len(reader.of("content")) > 3), "under way", PATIENCE_S)
    time.sleep(0.2)
    task = reader.of("start")[0]["task_id"]
    goes_on = "3000 interval" in words
    with Stopped(weir) as stopped:
        stopped.outlive(MISSED_BEAT_S if goes_on else 0)
        settled = row(weir, task)
        assert (settled["status"], settled["error_code"]) == ("failed", "interrupted")
        assert (float(settled["used"]) > 0) == (wanted == "content")
    woke = time.monotonic()
    reader.join(PATIENCE_S)
    assert reader.events[-1].data == "[DONE]", "its reader is told"
    (error,) = reader.of("error")
    assert error["code"] == "interrupted" and not reader.of("done")
    assert error["credits_consumed"] == pytest.approx(float(settled["used"]))
    assert row(weir, task) == settled, "nothing of its late write took place"
    if goes_on:  # it finds out by its heartbeat: the provider is not kept working for nothing
        assert time.monotonic() - woke < 8 * busy()
        wait_until(lambda: [e["end"] for e in weir.demo_requests() if e.get("task") == task] not in ([], ["complete"]),
                   "the provider was stopped", 20)
    stream.close()
    wait_until(lambda: send(weir, user, conversation, "and now?").done, "it serves again", PATIENCE_S, 0.2)
    prove(weir)


def test_what_others_wrote_meanwhile_stays(weir, port):
    """The failed answer is made again by another process while its first writer is stopped."""
    user = weir.make_user()
    conversation = weir.conversation(user)
    stream, reader = begin(weir, user, conversation, "deltas=150 interval=20")
    wait_until(lambda: len(reader.of("content")) > 3, "under way", PATIENCE_S)
    start = reader.of("start")[0]
    with Stopped(weir) as stopped:
        stopped.outlive()
        path = f"/api/conversations/{conversation}/messages/{start['assistant_message_id']}/regenerate"
        with weir.stream(path, {"model": "demo-fast"}, user, port=port, timeout_s=PATIENCE_S) as s:
            assert s.status == 200, s.answer()
            again = [e.json for e in s.events() if e.json]
    assert again[-1]["type"] in ("done", "cancelled"), again[-1]
    answer = again[-1]["data"]["assistant_message"]
    reader.join(PATIENCE_S)
    stream.close()
    assert reader.of("error")[0]["code"] == "interrupted"
    wait_until(lambda: weir.get("/healthz").status == 200, "it serves again", PATIENCE_S)
    items = weir.get(f"/api/conversations/{conversation}/messages", user).json["items"]
    assert items[-1]["id"] == answer["id"] and items[-1]["content"] == answer["content"] and items[-1]["status"] == "success"
    prove(weir)


def test_a_conversation_lock_is_not_taken_back(weir, port):
    """An agent's conversation is free once its holder's lease has run out; the holder does not get it back."""
    admin = weir.make_user(admin=True)
    model = next(m["id"] for m in weir.get("/api/models", admin).json["items"] if m["name"] == "demo-fast")
    agent = weir.post("/api/admin/agents", {"name": "held", "prompt": "Go on.", "model_id": model}, admin).json["id"]
    user = weir.make_user()
    conversation = weir.conversation(user, agent_id=agent)
    stream, reader = begin(weir, user, conversation, "deltas=150 interval=20")
    wait_until(lambda: len(reader.of("content")) > 3, "under way", PATIENCE_S)
    body = {"content": script("second", "deltas=40 interval=50")}
    path = f"/api/conversations/{conversation}/messages/stream"
    assert weir.post(path, body, user, port=port).code == "conversation_busy"
    with Stopped(weir) as stopped:
        stopped.outlive()
        with weir.stream(path, body, user, port=port, timeout_s=PATIENCE_S) as s:
            assert s.status == 200, s.answer()
            s.until("content")
            kill(stopped.pid, signal.SIGCONT)
            reader.join(PATIENCE_S)
            assert reader.of("error")[0]["code"] == "interrupted"
            # the new holder is not disturbed, and still holds it
            assert weir.post(path, body, user, port=port).code == "conversation_busy"
            assert [e.json["type"] for e in s.events() if e.json][-1] == "done"
    stream.close()
    prove(weir)
