"""GET /api/tasks/{task_id}/stream: a reader that comes back, and the disconnect policy."""

import json
import os
import signal
import threading
import time

import pytest

WEIR_CONF = {"stream": {"disconnect_grace": "20s"}}


def begin(weir, user, content="resume [[demo deltas=60 interval=30]]"):
    """Opens a paced turn, reads a little, loses the connection. Returns (task, events read)."""
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": content, "model": "demo-fast"}, user) as s:
        seen = []
        for event in s.events():
            seen.append(event)
            if len(seen) == 8:
                break
    return seen[0].json["data"]["task_id"], seen


def follow(weir, user, task, last=None):
    with weir.stream(f"/api/tasks/{task}/stream", None, user, method="GET",
                     headers={"Last-Event-ID": last} if last else {}) as s:
        assert s.status == 200, s.answer()
        return list(s.events())


def text(events):
    return "".join(e.json["data"]["text"] for e in events if e.json and e.json["type"] == "content")


def test_resume_after_a_lost_connection(weir, user):
    task, seen = begin(weir, user)
    rest = follow(weir, user, task, seen[-1].id)
    kinds = [e.json["type"] for e in rest if e.json]
    assert kinds[-1] == "done" and "start" not in kinds and rest[-1].data == "[DONE]"
    answer = rest[-2].json["data"]["assistant_message"]
    assert text(seen) + text(rest) == answer["content"]
    assert rest[-2].json["data"]["credits_consumed"] > 0
    weir.audit()


def test_from_the_beginning(weir, user):
    task, _ = begin(weir, user)
    every = follow(weir, user, task)
    assert every[0].json["type"] == "start" and every[0].json["data"]["task_id"] == task
    assert text(every) == every[-2].json["data"]["assistant_message"]["content"]


def test_after_the_end(weir, user):
    turn = weir.chat(user, "ended", model="demo-fast")
    task = turn.events[0]["data"]["task_id"]
    every = follow(weir, user, task)
    assert text(every) == turn.text
    assert every[-2].json["data"]["assistant_message"] == turn.final["data"]["assistant_message"]
    assert [e.data for e in follow(weir, user, task, every[-2].id)][-1] == "[DONE]"
    assert text(follow(weir, user, task, every[-2].id)) == ""
    middle = every[len(every) // 2]
    assert text(every[: len(every) // 2 + 1]) + text(follow(weir, user, task, middle.id)) == turn.text


def test_without_redis_memory(weir, user):
    """The journal was lost: the rest comes from the database when the turn has ended."""
    task, seen = begin(weir, user)
    with weir.redis() as r:
        r.call("FLUSHALL")
    rest = follow(weir, user, task, seen[-1].id)
    assert text(seen) + text(rest) == rest[-2].json["data"]["assistant_message"]["content"]
    weir.audit()


def test_after_reload(weir, user):
    task, seen = begin(weir, user)
    weir.reload_pool()
    time.sleep(0.3)
    rest = follow(weir, user, task, seen[-1].id)
    assert text(seen) + text(rest) == rest[-2].json["data"]["assistant_message"]["content"]


def test_killed_responder(weir, user):
    """kill -9: within 35 s the sweeper settles from the journal; the message is readable with what was delivered."""
    before = weir.balance(user)
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": "killed [[demo deltas=400 interval=50]]", "model": "demo-fast"}, user) as s:
        seen = []
        for event in s.events():
            seen.append(event)
            if len(seen) == 12:
                break
        task = seen[0].json["data"]["task_id"]
        for pid in weir.responders():
            os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        try:
            seen += list(s.events())
        except OSError:
            pass
        except Exception as e:  # http.client.IncompleteRead
            assert "IncompleteRead" in type(e).__name__
    seen = [e for e in seen if e.json]
    assert seen[-1].json["type"] == "content"
    rest = follow_until_end(weir, user, task, seen[-1].id, 40)
    assert time.monotonic() - killed < 35
    end = rest[-1].json
    assert end["type"] == "error" and end["data"]["code"] == "interrupted"
    message = end["data"]["assistant_message"]
    assert message["status"] == "error" and message["is_error"]
    # the journal is written at once for the first piece, then every 50 ms
    assert message["content"] != "" and text(seen).startswith(message["content"])
    assert 0 < end["data"]["credits_consumed"] < 0.01
    assert weir.balance(user) == pytest.approx(before - end["data"]["credits_consumed"], abs=1e-9)
    assert weir.get("/api/tasks/limits", user).json["global"]["active"] == 0
    weir.audit()


def follow_until_end(weir, user, task, last, timeout_s):
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        with weir.stream(f"/api/tasks/{task}/stream", None, user, method="GET", headers={"Last-Event-ID": last},
                         timeout_s=timeout_s) as s:
            if s.status == 200:
                events = [e for e in s.events() if e.json]
                if events and events[-1].json["type"] in ("done", "error", "cancelled"):
                    return events
        time.sleep(0.5)
    raise AssertionError("no end")


def test_refusals(weir, user):
    turn = weir.chat(user, "mine", model="demo-fast")
    path = f"/api/tasks/{turn.events[0]['data']['task_id']}/stream"
    assert weir.get(path).status == 401
    assert weir.get(path, weir.make_user()).status == 404
    assert weir.get("/api/tasks/nonsense/stream", user).status == 404
    for wrong in ("abc", "-1", "", "12x", "12-2", "12-1x", "1" * 21, " 1"):
        answer = weir.get(path + "?last_event_id=" + wrong.replace(" ", "%20"), user)
        assert (answer.status, answer.code) == (400, "invalid_request"), wrong
    answer = weir.get(path, user, headers={"Last-Event-ID": "abc"})
    assert (answer.status, answer.code, answer.json["details"]["field"]) == (400, "invalid_request", "Last-Event-ID")


def test_a_position_beyond_the_end(weir, user):
    """Of some other stream, say: there is nothing to add, and the end is told."""
    turn = weir.chat(user, "short", model="demo-fast")
    rest = follow(weir, user, turn.events[0]["data"]["task_id"], "99999999999999999999")
    assert text(rest) == "" and [e.json["type"] for e in rest[:-1]] == ["done"]


def test_a_journal_that_begins_too_late(weir, user):
    """What came before its first entry is in nobody's memory: the whole text comes from the database at the end."""
    task, seen = begin(weir, user)
    with weir.redis() as r:
        r.call("XTRIM", f"weir:task:{task}:log", "MAXLEN", "1")
        assert r.call("XLEN", f"weir:task:{task}:log") >= 1
    rest = follow(weir, user, task)
    assert text(rest) == rest[-2].json["data"]["assistant_message"]["content"]
    assert rest[0].json["type"] == "start" and rest[-2].json["type"] == "done"


def test_a_journal_that_keeps_only_the_end(weir, user):
    """Its last entry does not follow on what the reader has: no text is lost over that."""
    task, seen = begin(weir, user, "trimmed [[demo deltas=40 interval=20]]")
    done = threading.Event()

    def forget_text():
        key = f"weir:task:{task}:log"
        with weir.redis() as r:
            while not done.is_set():
                for ident, _ in r.call("XRANGE", key, "-", "+"):
                    if ident.endswith("-0"):
                        r.call("XDEL", key, ident)
                time.sleep(0.002)

    trimmer = threading.Thread(target=forget_text)
    trimmer.start()
    try:
        rest = follow(weir, user, task, seen[-1].id)
    finally:
        done.set()
        trimmer.join()
    assert text(seen) + text(rest) == rest[-2].json["data"]["assistant_message"]["content"]


def test_a_follower_leaves(weir, user):
    """As often as it likes: the turn goes on, and what is left of the followers is nothing."""
    task, seen = begin(weir, user, "left [[demo deltas=30 interval=30]]")
    for _ in range(6):
        with weir.stream(f"/api/tasks/{task}/stream", None, user, method="GET", headers={"Last-Event-ID": seen[-1].id}) as s:
            assert s.status == 200
            seen.append(next(e for e in s.events() if e.json))
    rest = follow(weir, user, task, seen[-1].id)
    assert rest[-2].json["type"] == "done"
    assert text(seen) + text(rest) == rest[-2].json["data"]["assistant_message"]["content"]


def test_redis_stands_still_under_followers(weir, user):
    """One of them leaves meanwhile; the other has the whole answer in the end."""
    task, seen = begin(weir, user, "frozen [[demo deltas=40 interval=30]]")
    path = f"/api/tasks/{task}/stream"
    with weir.stream(path, None, user, method="GET") as stays:
        with weir.stream(path, None, user, method="GET") as leaves:
            stays.until("content"), leaves.until("content")
            weir.daemons.send("redis", signal.SIGSTOP)
            time.sleep(0.1)
        time.sleep(0.1)
        weir.daemons.send("redis", signal.SIGCONT)
        rest = list(stays.events())
    assert rest[-2].json["type"] == "done"
    assert text(follow(weir, user, task)).endswith(text(rest)) and text(rest) != ""


def test_several_follow_at_once(weir, user):
    task, seen = begin(weir, user, "many [[demo deltas=30 interval=20]]")
    texts = [None] * 4

    def read(i):
        texts[i] = text(follow(weir, user, task))

    threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(set(texts)) == 1 and texts[0].startswith(text(seen)) and texts[0] != ""


def test_a_turn_that_was_taken_back(weir, user):
    """A regeneration that failed put the earlier text back: that is not what this turn said."""
    turn = weir.chat(user, f"fails {time.time()} [[demo fault=reset-mid at=4 deltas=8]]", model="demo-fast")
    broken = turn.final["data"]["assistant_message"]
    path = f"/api/conversations/{turn.conversation}/messages/{broken['id']}/regenerate"
    with weir.stream(path, {}, user) as s:
        again = [e.json for e in s.events() if e.json]
    assert again[-1]["type"] == "error" and "".join(e["data"]["text"] for e in again if e["type"] == "content") != ""
    rest = follow(weir, user, again[0]["data"]["task_id"])
    assert [e.json["type"] for e in rest[:-1]] == ["start", "error"]
    assert rest[-2].json["data"]["code"] == again[-1]["data"]["code"]
    first = follow(weir, user, turn.events[0]["data"]["task_id"])
    assert text(first) == turn.text and first[-2].json["data"]["code"] == turn.final["data"]["code"]


def test_reasoning_is_followed_too(weir, user):
    turn = weir.chat(user, "think [[demo reasoning=4 deltas=4]]", model="demo-fast")
    every = follow(weir, user, turn.events[0]["data"]["task_id"])
    assert "".join(e["text"] for e in turn.of("reasoning")) == \
        "".join(e.json["data"]["text"] for e in every[:-1] if e.json["type"] == "reasoning") != ""
    assert text(every) == turn.text
