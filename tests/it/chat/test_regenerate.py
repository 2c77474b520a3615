"""POST /api/conversations/{conversation_id}/messages/{message_id}/regenerate."""

import time

import pytest


def run(weir, user, conversation, message, **body):
    with weir.stream(f"/api/conversations/{conversation}/messages/{message}/regenerate", body or None, user) as s:
        if s.status != 200:
            return s.answer()
        return [e.json for e in s.events() if e.json]


def messages(weir, user, conversation):
    return weir.get(f"/api/conversations/{conversation}/messages", user).json["items"]


def failed(weir, user, words="fault=500 fail=3"):
    """A conversation whose answer failed; the next try of the same question succeeds."""
    turn = weir.chat(user, f"fails {time.time()} [[demo {words}]]", model="demo-fast")
    assert turn.final["type"] == "error", turn.events
    return turn.conversation, turn.final["data"]["assistant_message"]


def test_failed_is_refilled_in_place(weir, user):
    conversation, broken = failed(weir, user)
    events = run(weir, user, conversation, broken["id"])
    assert events[0]["type"] == "start" and events[0]["data"]["assistant_message_id"] == broken["id"]
    assert events[-1]["type"] == "done", events[-1]
    answer = events[-1]["data"]["assistant_message"]
    assert (answer["id"], answer["sequence"], answer["status"], answer["is_error"]) == (broken["id"], broken["sequence"], "success", False)
    assert answer["content"] == "".join(e["data"]["text"] for e in events if e["type"] == "content")
    assert len(messages(weir, user, conversation)) == 2
    weir.audit()


def test_failing_again_restores(weir, user):
    conversation, broken = failed(weir, user, "fault=reset-mid at=4 deltas=8")
    assert broken["content"] != ""
    events = run(weir, user, conversation, broken["id"])
    assert events[-1]["type"] == "error"
    again = messages(weir, user, conversation)[1]
    for key in ("id", "content", "status", "credits_cost", "task_id", "model"):
        assert again[key] == broken[key], key
    weir.audit()


def test_good_one_gets_a_sibling(weir, user):
    turn = weir.chat(user, "good", model="demo-fast")
    first = turn.final["data"]["assistant_message"]
    events = run(weir, user, turn.conversation, first["id"], model="demo-fast")
    second = events[-1]["data"]["assistant_message"]
    assert second["id"] != first["id"] and second["sequence"] == first["sequence"] + 1
    question, shown = messages(weir, user, turn.conversation)
    assert shown["id"] == second["id"] and shown["versions"] == [first["id"], second["id"]]
    assert (shown["parent_id"], question["parent_id"], question["versions"]) == (question["id"], None, [question["id"]])


def test_refusals(weir, user):
    turn = weir.chat(user, "refuse", model="demo-fast")
    question, answer = messages(weir, user, turn.conversation)
    refused = run(weir, user, turn.conversation, question["id"])
    assert (refused.status, refused.code) == (400, "invalid_request")
    path = f"/api/conversations/{turn.conversation}/messages/{answer['id']}/regenerate"
    assert weir.post(path, None).status == 401
    assert weir.post(path, None, weir.make_user()).status == 404
    assert run(weir, user, turn.conversation, "nonsense").status == 404
    assert run(weir, user, weir.conversation(user), answer["id"]).status == 404


def test_while_it_runs(weir, user):
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "busy", "model": "demo-slow"}, user) as s:
        start = s.until("start")[0].json["data"]
        refused = run(weir, user, conversation, start["assistant_message_id"])
        assert (refused.status, refused.code) == (409, "conflict")
        weir.post(f"/api/tasks/{start['task_id']}/abort", None, user)
        list(s.events())


def test_regenerating_uses_slots(weir):
    user = weir.make_user()
    conversation, broken = failed(weir, user)
    body = {"content": "hold [[demo delay=700 deltas=1]]", "model": "demo-fast"}
    streams = [weir.stream(f"/api/conversations/{conversation}/messages/stream", body, user) for _ in range(5)]
    refused = run(weir, user, conversation, broken["id"])
    assert (refused.status, refused.code) == (429, "conversation_queue_full")
    for s in streams:
        list(s.events())
        s.close()
