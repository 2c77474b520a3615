"""Same wire in and out, for Anthropic and Gemini: what nobody here has heard of arrives and comes back. OpenAI: test_openai.py."""

import http.server
import json
import threading

import pytest

ANSWERS = {
    "anthropic": [
        ("message_start", {"message": {"id": "msg_theirs", "type": "message", "role": "assistant", "model": "theirs-2026", "content": [],
                                       "usage": {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 2}, "odd": 1}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "lo"}, "odd": {"a": [None]}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "end_turn", "stop_details": "x"}, "usage": {"output_tokens": 2}}),
        ("message_stop", {}),
    ],
    "gemini": [
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}, "index": 0, "odd": [1]}], "modelVersion": "theirs-2026"},
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "lo"}]}, "finishReason": "STOP", "index": 0}],
         "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5, "serviceTier": "x"},
         "modelVersion": "theirs-2026"},
    ],
}


def said(provider):
    if provider == "anthropic":
        return "".join(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n" for kind, data in ANSWERS[provider])
    return "".join(f"data: {json.dumps(data)}\n\n" for data in ANSWERS[provider])


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(said(self.server.provider).encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def recorders(weir):
    found = {}
    for provider in ANSWERS:
        server = found[provider] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        server.asked, server.provider = [], provider
        threading.Thread(target=server.serve_forever, daemon=True).start()
        weir.weirctl("model", "add", f"ours-{provider}", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
        weir.weirctl("channel", "add", provider, "--provider", provider, "--url", f"http://127.0.0.1:{server.server_port}",
                     "--key-stdin", "--allow-private", "--model", f"ours-{provider}=theirs-2026", input="their-key\n")
    yield found
    for server in found.values():
        server.shutdown()
        server.server_close()


def records(weir, user):
    return [(r["status"], r["request_tokens"], r["response_tokens"], r["cached_tokens"])
            for r in weir.get("/api/usage/records", user).json["items"]]


def test_anthropic(weir, recorders):
    user = weir.make_user()
    body = {"model": "ours-anthropic", "max_tokens": 50, "stream": True, "system": [{"type": "text", "text": "s", "cache_control": {
        "type": "ephemeral"}}], "messages": [{"role": "user", "content": "hello"}], "context_management": {"edits": [1]}, "odd": None}
    with weir.stream("/v1/messages", body, user, headers={"anthropic-version": "2023-06-01", "anthropic-beta": "odd-2026"}) as s:
        assert s.status == 200, s.answer()
        events = [e.json for e in s.events()]
    path, headers, asked = recorders["anthropic"].asked[-1]
    assert path == "/v1/messages" and headers["anthropic-beta"] == "odd-2026" and headers["anthropic-version"] == "2023-06-01"
    assert headers["x-api-key"] == "their-key" and "authorization" not in headers
    assert asked == body | {"model": "theirs-2026"}
    assert [e["type"] for e in events] == [kind for kind, _ in ANSWERS["anthropic"]]
    assert events[0]["message"]["model"] == "ours-anthropic" and events[0]["message"]["odd"] == 1
    assert events[3]["odd"] == {"a": [None]} and events[5]["delta"]["stop_details"] == "x"
    whole = weir.post("/v1/messages", {k: v for k, v in body.items() if k != "stream"}, user, headers={"anthropic-beta": "odd-2026"}).json
    _, headers, _ = recorders["anthropic"].asked[-1]
    assert headers["anthropic-version"] == "2023-06-01" and headers["anthropic-beta"] == "odd-2026", "a version is a must"
    assert whole["content"] == [{"type": "text", "text": "Hello"}] and whole["usage"]["cache_read_input_tokens"] == 2
    assert records(weir, user) == [("completed", 5, 2, 2)] * 2
    weir.audit()


def test_gemini(weir, recorders):
    user = weir.make_user()
    body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "odd": {"x": 1},
            "generationConfig": {"temperature": 0.5, "maxOutputTokens": 9999, "odd": [2]}, "safetySettings": []}
    with weir.stream("/v1beta/models/ours-gemini:streamGenerateContent?alt=sse", body, user) as s:
        assert s.status == 200, s.answer()
        events = [e.json for e in s.events()]
    path, headers, asked = recorders["gemini"].asked[-1]
    assert path == "/v1beta/models/theirs-2026:streamGenerateContent?alt=sse" and headers["x-goog-api-key"] == "their-key"
    assert asked == body | {"generationConfig": {"temperature": 0.5, "maxOutputTokens": 400, "odd": [2]}}, "no longer than is held for"
    assert [e["modelVersion"] for e in events] == ["ours-gemini"] * 2
    assert events[0]["candidates"][0]["odd"] == [1] and events[1]["usageMetadata"]["serviceTier"] == "x"
    assert weir.post("/v1/models/ours-gemini:generateContent", body, user).json["candidates"][0]["content"]["parts"][0]["text"] == "Hello"
    assert records(weir, user) == [("completed", 3, 2, 0)] * 2
    weir.audit()


@pytest.mark.parametrize("provider", ANSWERS)
def test_through_any_wire(weir, recorders, provider):
    """Each dialect over each wire: the words are Weir's then."""
    user, model = weir.make_user(), f"ours-{provider}"
    chat = weir.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "hello"}]}, user)
    assert chat.json["choices"][0]["message"]["content"] == "Hello", chat
    message = weir.post("/v1/messages", {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}, user)
    assert message.json["content"][0]["text"] == "Hello", message
    content = weir.post(f"/v1beta/models/{model}:generateContent", {"contents": [{"parts": [{"text": "hello"}]}]}, user)
    assert content.json["candidates"][0]["content"]["parts"][0]["text"] == "Hello", content
    assert weir.chat(user, "hello", model=model).text == "Hello"
    weir.audit()
