"""What comes again, in each dialect: an Idempotency-Key, a stream from where it broke, Claude Code's second request."""

import http.server
import json
import threading
import time
import uuid

import pytest

QUESTION = [{"role": "user", "content": "[[demo deltas=20 interval=20]] once"}]
ASKED = {
    "openai": ("/v1/chat/completions", {"model": "demo-fast", "messages": QUESTION}, {"stream": True, "stream_options": {
        "include_usage": True}}),
    "responses": ("/v1/responses", {"model": "demo-fast", "input": QUESTION}, {"stream": True}),
    "anthropic": ("/v1/messages", {"model": "demo-fast", "max_tokens": 500, "messages": QUESTION}, {"stream": True}),
    "gemini": ("/v1beta/models/demo-fast:generateContent", {"contents": [{"parts": [{"text": QUESTION[0]["content"]}]}]}, {}),
}


def said(dialect, events):
    if dialect == "openai":
        return "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])
    if dialect == "responses":
        return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
    if dialect == "anthropic":
        return "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")
    return "".join(p.get("text", "") for e in events for p in e["candidates"][0]["content"]["parts"])


def said_whole(dialect, body):
    return {"openai": lambda: body["choices"][0]["message"]["content"], "responses": lambda: body["output"][0]["content"][0]["text"],
            "anthropic": lambda: body["content"][0]["text"],
            "gemini": lambda: body["candidates"][0]["content"]["parts"][0]["text"]}[dialect]()


def model_of(dialect, events):
    return {"openai": lambda: events[0]["model"], "anthropic": lambda: events[0]["message"]["model"],
            "responses": lambda: events[0]["response"]["model"], "gemini": lambda: events[0]["modelVersion"]}[dialect]()


def is_whole(dialect, events, last):
    return {"openai": lambda: last == "[DONE]" and events[-1]["usage"]["total_tokens"] > 0,
            "responses": lambda: events[-1]["type"] == "response.completed" and events[-1]["response"]["usage"]["total_tokens"] > 0,
            "anthropic": lambda: events[-1]["type"] == "message_stop",
            "gemini": lambda: events[-1]["candidates"][0]["finishReason"] == "STOP"}[dialect]()


def streamed(dialect):
    path, body, more = ASKED[dialect]
    return path.replace("generateContent", "streamGenerateContent?alt=sse"), body | more


def records(weir, user):
    return weir.get("/api/usage/records", user).json["items"]


@pytest.mark.parametrize("dialect", ASKED)
def test_a_stream_is_joined_and_told_again(weir, dialect):
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    path, body = streamed(dialect)

    def stream():
        return weir.stream(path, body, user, headers=key)

    told = []
    with stream() as first:
        next(first.events())
        with stream() as second:
            told.append(list(second.events()))
    with stream() as third:
        told.append(list(third.events()))
    for events in told:
        parsed = [e.json for e in events if e.json]
        assert "once" in said(dialect, parsed) and model_of(dialect, parsed) == "demo-fast"
        assert is_whole(dialect, parsed, events[-1].data)
    assert len(records(weir, user)) == 1
    weir.audit()


@pytest.mark.parametrize("dialect", ASKED)
def test_a_whole_answer_is_told_again(weir, dialect):
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    path, body, _ = ASKED[dialect]
    answers = [None, None]

    def ask(i):
        answers[i] = weir.post(path, body, user, headers=key)

    both = [threading.Thread(target=ask, args=(i,)) for i in range(2)]
    for t in both:
        t.start()
    for t in both:
        t.join()
    answers.append(weir.post(path, body, user, headers=key))
    assert [a.status for a in answers] == [200] * 3, answers
    assert len({said_whole(dialect, a.json) for a in answers}) == 1 and "once" in said_whole(dialect, answers[0].json)
    assert len(records(weir, user)) == 1
    assert weir.post(path, {**body, "odd": 1}, user, headers=key).status == 409, "another body"
    weir.audit()


@pytest.mark.parametrize("dialect", ASKED)
def test_an_answer_that_nobody_has_is_no_empty_one(weir, dialect):
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    path, body, _ = ASKED[dialect]
    pids = weir.responders()
    assert weir.post(path, body, user, headers=key).status == 200
    with weir.pg() as pg, weir.redis() as redis:
        ((task,),) = pg.query("SELECT id FROM tasks WHERE user_id = $1", user.id)
        for _ in range(100):  # it is written behind the answer's back
            if journals := redis.call("KEYS", f"*task:{task}:log"):
                break
            time.sleep(0.05)
        redis.call("DEL", journals[0])
    again = weir.post(path, body, user, headers=key)
    assert again.status == 409 and "not kept" in again.json["error"]["message"], again
    assert len(records(weir, user)) == 1 and weir.responders() == pids
    weir.audit()


@pytest.mark.parametrize("dialect", [d for d in ASKED if d != "gemini"])
def test_a_stream_goes_on_where_it_broke(weir, dialect):
    """From every kind of place in it, and after its end."""
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    path, body = streamed(dialect)
    with weir.stream(path, body, user, headers=key) as s:
        whole = list(s.events())
    ids = [e.id for e in whole if e.id]
    for at in (ids[0], ids[len(ids) // 2], ids[-1]):
        with weir.stream(path, body, user, headers={**key, "Last-Event-ID": at}) as s:
            assert s.status == 200
            rest = list(s.events())
        place = min(i for i, e in enumerate(whole) if e.id == at)
        before = [e.json for e in whole[:place + 1] if e.json]
        both = before + [e.json for e in rest if e.json]
        assert said(dialect, both) == said(dialect, [e.json for e in whole if e.json]), at
        assert is_whole(dialect, both, rest[-1].data)
    refused = weir.post(path, body, user, headers={**key, "Last-Event-ID": "x"})
    assert refused.status == 400
    assert len(records(weir, user)) == 1


def test_a_failed_call_gives_its_key_free(weir):
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    body = {"model": "demo-fast", "messages": [{"role": "user", "content": f"[[demo fault=500 fail=3 key={uuid.uuid4().int % 10**9}]] x"}]}
    assert weir.post("/v1/chat/completions", body, user, headers=key).status == 502
    found = [weir.post("/v1/chat/completions", body, user, headers=key).status for _ in range(3)]
    assert 200 in found and found[-1] == 200, found
    assert sum(r["status"] == "completed" for r in records(weir, user)) == 1
    weir.audit()


# ---- Claude Code

SESSION = "x-claude-code-session-id"


def claude(weir, user, session, body, after=4):
    """A stream that the client breaks off."""
    with weir.stream("/v1/messages", body | {"stream": True}, user, headers={SESSION: session}) as s:
        assert s.status == 200
        for _ in zip(range(after), s.events()):
            pass


def until_noted(weir):
    with weir.redis() as redis:
        for _ in range(100):
            if redis.call("KEYS", "*repeat:*"):
                return
            time.sleep(0.05)
    raise AssertionError("nothing says that its reader has left")


def test_claude_code_asks_again_and_is_charged_once(weir):
    user, session = weir.make_user(), str(uuid.uuid4())
    body = {"model": "demo-fast", "max_tokens": 500, "messages": [{"role": "user", "content": "[[demo deltas=30 interval=30]] once more"}]}
    claude(weir, user, session, body)
    until_noted(weir)
    # while it runs, and when it has ended; without "stream", and with a cap of its own
    for cap in (400, 300):
        answer = weir.post("/v1/messages", body | {"max_tokens": cap}, user, headers={SESSION: session})
        assert answer.status == 200 and "once more" in answer.json["content"][0]["text"], answer
    assert len(records(weir, user)) == 1 and records(weir, user)[0]["response_tokens"] == 30
    weir.audit()


def test_others_are_not_given_it(weir):
    user, session = weir.make_user(), str(uuid.uuid4())
    body = {"model": "demo-fast", "max_tokens": 500, "messages": [{"role": "user", "content": "[[demo deltas=20 interval=20]] mine alone"}]}
    claude(weir, user, session, body)
    until_noted(weir)
    other = weir.make_user()
    for who, headers, what in ((other, {SESSION: session}, body), (user, {SESSION: "another"}, body), (user, {}, body),
                               (user, {SESSION: session}, body | {"temperature": 0.5})):
        assert weir.post("/v1/messages", what, who, headers=headers).status == 200
    assert len(records(weir, user)) == 4 and len(records(weir, other)) == 1
    weir.audit()


def test_what_was_read_to_its_end_is_asked_anew(weir):
    user, session = weir.make_user(), str(uuid.uuid4())
    body = {"model": "demo-fast", "max_tokens": 500, "messages": [{"role": "user", "content": "twice"}]}
    for _ in range(2):
        with weir.stream("/v1/messages", body | {"stream": True}, user, headers={SESSION: session}) as s:
            assert list(s.events())[-1].json["type"] == "message_stop"
    assert len(records(weir, user)) == 2
    weir.audit()


# ---- calls of tools


class Caller(http.server.BaseHTTPRequestHandler):
    """Answers with two calls of tools, whose arguments come in pieces, and the first one's once more at the end."""

    def do_POST(self):
        calls = [{"index": i, "id": f"call_{i}", "type": "function", "function": {"name": f"f{i}", "arguments": ""}} for i in range(2)]
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        more = [{"tool_calls": [{"index": i, "function": {"arguments": text}}]} for i, text in ((0, '{"a":'), (1, "{}"), (0, "1}"))]
        parts = [{"content": "so"}, {"tool_calls": calls[:1]}, more[0], {"tool_calls": calls[1:]}, *more[1:]]
        for delta, finish in [(p, None) for p in parts] + [({}, "tool_calls")]:
            self.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]})}\n\n".encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def caller(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Caller)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weir.weirctl("model", "add", "caller", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
    weir.weirctl("channel", "add", "caller", "--provider", "openai", "--url", f"http://127.0.0.1:{server.server_port}/v1",
                 "--key-stdin", "--allow-private", "--model", "caller", input="k\n")
    yield "caller"
    server.shutdown()
    server.server_close()


def called(events):
    found = {}
    for e in events:
        for call in (c for choice in e["choices"] for c in choice["delta"].get("tool_calls", ())):
            row = found.setdefault(call["index"], ["", "", ""])
            row[0] += call.get("id", "")
            row[1] += call["function"].get("name", "")
            row[2] += call["function"]["arguments"]
    return [tuple(found[i]) for i in sorted(found)]


CALLS = [("call_0", "f0", '{"a":1}'), ("call_1", "f1", "{}")]


@pytest.mark.parametrize("first", ["whole", "stream"])
def test_calls_are_told_again(weir, caller, first):
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    body = {"model": caller, "messages": [{"role": "user", "content": "call"}], "stream": first == "stream"}
    for _ in range(2):
        if first == "whole":
            message = weir.post("/v1/chat/completions", body, user, headers=key).json["choices"][0]["message"]
            assert message["content"] == "so"
            assert [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in message["tool_calls"]] == CALLS
            continue
        with weir.stream("/v1/chat/completions", body, user, headers=key) as s:
            events = list(s.events())
        assert events[-1].data == "[DONE]" and called([e.json for e in events if e.json]) == CALLS
        for at in [e.id for e in events if e.id]:
            with weir.stream("/v1/chat/completions", body, user, headers={**key, "Last-Event-ID": at}) as s:
                rest = list(s.events())
            place = min(i for i, e in enumerate(events) if e.id == at)
            assert called([e.json for e in events[:place + 1] + rest if e.json]) == CALLS, at
    assert len(records(weir, user)) == 1
    weir.audit()


def test_claude_code_s_calls_come_back_whole(weir, caller):
    """The stream was broken; the second request wants the answer in one piece."""
    user, session = weir.make_user(), str(uuid.uuid4())
    body = {"model": caller, "max_tokens": 100, "messages": [{"role": "user", "content": "call"}]}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    with weir.stream("/v1/messages", body | {"stream": True}, user, headers=key) as s:
        list(s.events())
    with weir.stream("/v1/messages", body | {"stream": True}, user, headers=key) as s:
        events = [e.json for e in s.events()]
    blocks = [e["content_block"] for e in events if e["type"] == "content_block_start"]
    assert [(b["id"], b["name"]) for b in blocks if b["type"] == "tool_use"] == [("call_0", "f0"), ("call_1", "f1")]
    weir.audit()
