"""GET /v1/responses/{id}?stream=true&starting_after=N: a Responses stream that broke is read on, from any process, paid once."""

import json
import os
import signal
import uuid

import pytest
from weirtest import wait_until

PATH = "/v1/responses"
PATCH = {"type": "custom", "name": "patch", "description": "takes a patch"}


@pytest.fixture
def user(weir):
    return weir.make_user()


def key():
    return {"Idempotency-Key": str(uuid.uuid4())}


def ask(weir, user, headers, content="[[demo deltas=20 interval=20]] once", **more):
    return weir.stream(PATH, {"model": "demo-fast", "input": content, "stream": True, **more}, user, headers=headers)


def told(stream):
    assert stream.status == 200, stream.answer()
    return [e.json for e in stream.events() if e.json]


def resume(weir, user, id, after=None, **more):
    query = "?stream=true" + (f"&starting_after={after}" if after is not None else "")
    return weir.stream(f"{PATH}/{id}{query}", user=user, method="GET", **more)


def text(events):
    return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")


def but_deltas(events):
    return [e for e in events if not e["type"].endswith(".delta")]


def records(weir, user):
    return weir.get("/api/usage/records", user).json["items"]


def test_behind_every_event(weir, user):
    with ask(weir, user, key()) as s:
        whole = told(s)
    id = whole[0]["response"]["id"]
    assert len(whole) > 15 and whole[-1]["type"] == "response.completed"
    numbers = [e["sequence_number"] for e in whole]
    assert numbers == sorted(set(numbers))
    for i in range(len(whole)):
        with resume(weir, user, id, numbers[i]) as s:
            rest = told(s)
        assert all(e["sequence_number"] > numbers[i] for e in rest), i
        assert text(whole[:i + 1]) + text(rest) == text(whole), i
        assert [e["type"] for e in but_deltas(whole[:i + 1] + rest)] == [e["type"] for e in but_deltas(whole)], i
        assert [e["sequence_number"] for e in but_deltas(rest)] == [e["sequence_number"] for e in but_deltas(whole[i + 1:])], i
    with resume(weir, user, id) as s:
        again = told(s)
    assert text(again) == text(whole) and again[0]["type"] == "response.created"
    assert again[-1]["response"]["output"] == whole[-1]["response"]["output"]
    assert again[-1]["response"]["usage"] == whole[-1]["response"]["usage"]
    assert len(records(weir, user)) == 1
    weir.audit()


def test_while_it_is_told(weir, user):
    """The reader left in its midst; another goes on, to the end, and nothing is lost or doubled or charged twice."""
    with ask(weir, user, key(), "[[demo deltas=40 interval=50]] go on") as s:
        first = []
        for event in s.events():
            first.append(event.json)
            if len(first) == 9:
                break
    id, last = first[0]["response"]["id"], first[-1]["sequence_number"]
    with resume(weir, user, id, last) as s:
        rest = told(s)
    assert rest[-1]["type"] == "response.completed"
    assert text(first) + text(rest) == rest[-1]["response"]["output"][0]["content"][0]["text"]
    assert len(records(weir, user)) == 1
    weir.audit()


def test_what_was_asked_is_known(weir, user):
    """A tool that takes text is told as one, and what a response repeats of the question is there."""
    with ask(weir, user, key(), "[[demo call=patch:input=+a]] x", tools=[PATCH], metadata={"a": "b"}) as s:
        whole = told(s)
    with resume(weir, user, whole[0]["response"]["id"], 0) as s:
        rest = told(s)
    assert [e["type"] for e in but_deltas(rest)] == [e["type"] for e in but_deltas(whole[1:])]
    assert rest[-1]["response"]["metadata"] == {"a": "b"}
    assert rest[-1]["response"]["output"] == whole[-1]["response"]["output"]
    assert any(i["type"] == "custom_tool_call" for i in rest[-1]["response"]["output"]), rest[-1]


def test_refused(weir, user):
    with ask(weir, user, key()) as s:
        id = told(s)[0]["response"]["id"]
    for wrong in ("x", "-1", "", "1.5", "9" * 30):
        answer = weir.get(f"{PATH}/{id}?stream=true&starting_after={wrong}", user)
        assert (answer.status, answer.json["error"]["param"]) == (400, "starting_after"), (wrong, answer)
    other = weir.make_user()
    assert weir.get(f"{PATH}/{id}?stream=true", other).status == 404
    assert weir.get(f"{PATH}/{id}?stream=true").status == 401
    # no journal: of a call without a key, and of none
    with ask(weir, user, {}) as s:
        without = told(s)[0]["response"]["id"]
    for gone in (without, "resp_" + uuid.uuid4().hex, "resp_x"):
        answer = weir.get(f"{PATH}/{gone}?stream=true", user)
        assert (answer.status, answer.json["error"]["param"]) == (400, "stream"), (gone, answer)
    # a number beyond its end: nothing is left to be told
    with resume(weir, user, id, 10**15) as s:
        assert told(s) == []


def test_from_another_process_after_a_kill(weir, user):
    """The process that told it is gone: the answer's end is told as what it was settled as, and only once paid."""
    with ask(weir, user, key(), "[[demo deltas=100 interval=100]] long") as s:
        events = s.events()
        first = [next(events).json for _ in range(8)]
        for pid in weir.responders():
            os.kill(pid, signal.SIGKILL)
    id = first[0]["response"]["id"]
    wait_until(lambda: weir.get("/api/me", user).status == 200, "the site", 10)
    with resume(weir, user, id, first[-1]["sequence_number"], timeout_s=60) as s:
        rest = told(s)
    assert rest[-1]["type"] in ("response.failed", "response.incomplete", "error"), json.dumps(rest[-1])
    wait_until(lambda: len(records(weir, user)) == 1, "its record", 40)
    weir.audit()
