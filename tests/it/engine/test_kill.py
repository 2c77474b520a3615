"""kill -9 of a responder under way: everything is settled from the journal within 35 s, once, and readable."""

import os
import signal
import threading
import time

import pytest

from weirtest import busy, wait_until

STREAM = "/api/conversations/{}/messages/stream"
SETTLED_WITHIN_S = 35
FREED_WITHIN_S = 30


class Reader(threading.Thread):
    """Reads a stream to its end, whatever that is."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.events, self.cut = stream, [], False
        self.start()

    def run(self):
        try:
            for event in self.stream.events():
                self.events.append(event)
        except (OSError, ValueError, AttributeError):
            pass
        self.cut = not self.events or self.events[-1].data != "[DONE]"

    def of(self, kind):
        return [e.json["data"] for e in self.events if e.json and e.json["type"] == kind]

    def text(self):
        return "".join(d["text"] for d in self.of("content"))


@pytest.fixture(scope="module")
def killed(weir):
    """Two users under way, one with text delivered and one still waiting for the first; then all responders die."""
    talking, waiting = weir.make_user(), weir.make_user()
    pages, readers, conversations = [], [], []
    for user, model, content in ((talking, "demo-slow", "tell me"), (waiting, "demo", "wait [[demo fault=stall-before]]")):
        conversations.append(weir.conversation(user))
        stream = weir.stream(STREAM.format(conversations[-1]), {"content": content, "model": model}, user, timeout_s=90)
        assert stream.status == 200, stream.answer()
        pages.append(stream)
        readers.append(Reader(stream))
    wait_until(lambda: len(readers[0].of("content")) >= 5 and readers[1].of("start"), "both under way", 20)
    time.sleep(0.2)  # the journal gathers for 50 ms
    task = readers[0].of("start")[0]["task_id"]
    held = [float(weir.get("/api/me/credits", u).json["held"]) for u in (talking, waiting)]
    assert all(h > 0 for h in held)
    for pid in weir.responders():
        os.kill(pid, signal.SIGKILL)
    died = time.monotonic()
    for r in readers:
        r.join(10)
    yield {"talking": talking, "waiting": waiting, "readers": readers, "conversations": conversations, "task": task,
           "died": died}
    for p in pages:
        p.close()


def get(weir, path, user):
    """GET, through the moment in which the pool starts new responders."""
    answer = None

    def answered():
        nonlocal answer
        answer = weir.get(path, user)
        return answer.status < 500

    wait_until(answered, f"an answer to {path}", 10)
    return answer


def test_the_reader_sees_a_cut_not_an_end(killed):
    assert killed["readers"][0].cut and killed["readers"][1].cut


def test_the_next_request_is_served(weir, killed):
    assert get(weir, "/api/conversations", killed["talking"]).status == 200
    assert weir.chat(weir.make_user(), "hi", model="demo-fast").final["type"] == "done"


def test_a_follower_gets_all_of_it_and_the_end(weir, killed):
    """Joined after the death, from the start: what was delivered, then the typed end."""
    get(weir, "/api/me", killed["talking"])
    with weir.stream(f"/api/tasks/{killed['task']}/stream", user=killed["talking"], method="GET", timeout_s=60) as s:
        assert s.status == 200, s.answer()
        follower = Reader(s)
        follower.join(SETTLED_WITHIN_S + 5)
    assert time.monotonic() - killed["died"] < SETTLED_WITHIN_S * busy()
    assert not follower.cut
    errors = follower.of("error")
    assert len(errors) == 1 and errors[0]["code"] == "interrupted"
    assert errors[0]["credits_consumed"] > 0
    # the journal is written at once for the first piece, then every 50 ms
    assert follower.text() != "" and killed["readers"][0].text().startswith(follower.text())
    assert errors[0]["assistant_message"]["content"] == follower.text()


def test_what_was_delivered_is_charged_and_readable(weir, killed):
    user = killed["talking"]
    wait_until(lambda: weir.get(f"/api/tasks/{killed['task']}", user).json["status"] == "failed", "settled",
               max(1, SETTLED_WITHIN_S - (time.monotonic() - killed["died"])))
    messages = weir.get(f"/api/conversations/{killed['conversations'][0]}/messages", user).json["items"]
    answer = messages[-1]
    assert (answer["role"], answer["status"], answer["is_error"]) == ("assistant", "error", True)
    seen = killed["readers"][0].text()
    assert answer["content"] and (seen.startswith(answer["content"]) or answer["content"].startswith(seen))
    credits = weir.get("/api/me/credits", user).json
    assert credits["held"] == 0
    assert 0 < answer["credits_cost"] == pytest.approx(1000 - credits["balance"])


def test_nothing_delivered_is_refunded(weir, killed):
    user = killed["waiting"]
    wait_until(lambda: weir.get("/api/me/credits", user).json == {"balance": 1000, "held": 0}, "refunded",
               max(1, SETTLED_WITHIN_S - (time.monotonic() - killed["died"])))
    messages = weir.get(f"/api/conversations/{killed['conversations'][1]}/messages", user).json["items"]
    assert (messages[-1]["status"], messages[-1]["content"], messages[-1]["credits_cost"]) == ("error", "", 0)


def test_slots_are_free(weir, killed):
    left = max(1, FREED_WITHIN_S - (time.monotonic() - killed["died"]))
    for user in (killed["talking"], killed["waiting"]):
        wait_until(lambda: weir.get("/api/tasks/limits", user).json["global"]["active"] == 0, "slots free", left)


def test_the_ledger_balances(weir, killed):
    weir.audit()
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM usage WHERE task_id = $1", killed["task"]) == "1"
