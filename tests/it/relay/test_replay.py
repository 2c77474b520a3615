"""An Idempotency-Key that comes again, in each dialect: the stream is joined or told again, and nobody is told an empty answer."""

import http.server
import json
import threading
import uuid

import pytest

QUESTION = [{"role": "user", "content": "[[demo deltas=20 interval=20]] once"}]
ASKED = {
    "openai": ("/v1/chat/completions", {"model": "demo-fast", "messages": QUESTION}, {"stream": True, "stream_options": {
        "include_usage": True}}),
    "anthropic": ("/v1/messages", {"model": "demo-fast", "max_tokens": 500, "messages": QUESTION}, {"stream": True}),
    "gemini": ("/v1beta/models/demo-fast:generateContent", {"contents": [{"parts": [{"text": QUESTION[0]["content"]}]}]}, {}),
}


def said(dialect, events):
    if dialect == "openai":
        return "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])
    if dialect == "anthropic":
        return "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")
    return "".join(p.get("text", "") for e in events for p in e["candidates"][0]["content"]["parts"])


def model_of(dialect, events):
    return {"openai": lambda: events[0]["model"], "anthropic": lambda: events[0]["message"]["model"],
            "gemini": lambda: events[0]["modelVersion"]}[dialect]()


def is_whole(dialect, events, last):
    return {"openai": lambda: last == "[DONE]" and events[-1]["usage"]["total_tokens"] > 0,
            "anthropic": lambda: events[-1]["type"] == "message_stop",
            "gemini": lambda: events[-1]["candidates"][0]["finishReason"] == "STOP"}[dialect]()


@pytest.mark.parametrize("dialect", ASKED)
def test_a_stream_is_joined_and_told_again(weir, dialect):
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    path, body, more = ASKED[dialect]
    path = path.replace("generateContent", "streamGenerateContent?alt=sse")

    def stream():
        return weir.stream(path, body | more, user, headers=key)

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
    assert len(weir.get("/api/usage/records", user).json["items"]) == 1
    weir.audit()


@pytest.mark.parametrize("dialect", ASKED)
def test_a_whole_answer_that_is_not_kept_is_no_empty_one(weir, dialect):
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    path, body, _ = ASKED[dialect]
    pids = weir.responders()
    assert weir.post(path, body, user, headers=key).status == 200
    again = weir.post(path, body, user, headers=key)
    assert again.status == 409 and "not kept" in again.json["error"]["message"], again
    assert len(weir.get("/api/usage/records", user).json["items"]) == 1 and weir.responders() == pids
    weir.audit()


class Caller(http.server.BaseHTTPRequestHandler):
    """Answers with a call of a tool."""

    def do_POST(self):
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for delta, finish in (({"tool_calls": [call]}, None), ({}, "tool_calls")):
            self.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]})}\n\n".encode())

    def log_message(self, *args):
        pass


def test_calls_are_not_told_as_text(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Caller)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    weir.weirctl("model", "add", "caller", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
    weir.weirctl("channel", "add", "caller", "--provider", "openai", "--url", f"http://127.0.0.1:{server.server_port}/v1",
                 "--key-stdin", "--allow-private", "--model", "caller", input="k\n")
    user, key = weir.make_user(), {"Idempotency-Key": str(uuid.uuid4())}
    body = {"model": "caller", "messages": [{"role": "user", "content": "call"}], "stream": True}
    with weir.stream("/v1/chat/completions", body, user, headers=key) as s:
        assert [e.data for e in s.events()][-1] == "[DONE]"
    again = weir.post("/v1/chat/completions", body, user, headers=key)
    assert again.status == 409, again
    weir.audit()
    server.shutdown()
    server.server_close()
