"""Same wire in and out: what nobody here has heard of arrives and comes back, streamed and whole. OpenAI streamed: test_openai.py."""

import http.server
import json
import threading
import time

import pytest

from weirstack import wait_until

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


WHOLE = {
    "anthropic": {"id": "msg_theirs", "type": "message", "role": "assistant", "model": "theirs-2026", "content": [
        {"type": "text", "text": "Hello", "citations": [{"type": "odd"}]}, {"type": "odd_block", "x": [None]}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 2,
                                                                    "server_tool_use": {"odd": 1}}, "container": {"id": "c"}},
    "gemini": {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
                               "finishReason": "STOP", "index": 0, "groundingMetadata": {"odd": [1]}}],
               "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5, "trafficType": "x"},
               "modelVersion": "theirs-2026", "responseId": "theirs"},
    "openai": {"id": "chatcmpl-theirs", "object": "chat.completion", "created": 1, "model": "theirs-2026", "service_tier": "default",
               "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello", "annotations": [{"odd": 1}], "refusal": None},
                            "logprobs": {"content": [{"token": "Hello", "logprob": -0.1}]}, "finish_reason": "stop"}],
               "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2, "odd": 1}}},
}
STREAMS_ANYWAY = "stream anyway"


def said(provider):
    if provider == "anthropic":
        return "".join(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n" for kind, data in ANSWERS[provider])
    return "".join(f"data: {json.dumps(data)}\n\n" for data in ANSWERS[provider])


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        time.sleep(self.server.delay_s)
        streams = body.get("stream") or "streamGenerateContent" in self.path or STREAMS_ANYWAY in json.dumps(body)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if streams else "application/json")
        self.end_headers()
        whole = self.server.whole or json.dumps(WHOLE[self.server.provider], indent=2)
        self.wfile.write((said(self.server.provider) if streams else whole).encode())

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def recorders(weir):
    found = {}
    for provider in WHOLE:
        server = found[provider] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        server.asked, server.provider, server.whole, server.delay_s = [], provider, None, 0
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
    assert whole == WHOLE["anthropic"] | {"model": "ours-anthropic"}
    headers = {"anthropic-beta": STREAMS_ANYWAY}
    whole = weir.post("/v1/messages", {k: v for k, v in body.items() if k != "stream"} | {"odd": STREAMS_ANYWAY}, user, headers=headers).json
    assert whole["content"] == [{"type": "text", "text": "Hello"}] and whole["usage"]["cache_read_input_tokens"] == 2
    assert records(weir, user) == [("completed", 5, 2, 2)] * 3
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
    whole = weir.post("/v1/models/ours-gemini:generateContent", body, user)
    path, _, _ = recorders["gemini"].asked[-1]
    assert path == "/v1beta/models/theirs-2026:generateContent" and whole.json == WHOLE["gemini"] | {"modelVersion": "ours-gemini"}
    again = weir.post("/v1/models/ours-gemini:generateContent", body | {"odd": STREAMS_ANYWAY}, user)
    assert again.json["candidates"][0]["content"]["parts"][0]["text"] == "Hello", again
    assert records(weir, user) == [("completed", 3, 2, 0)] * 3
    weir.audit()


def test_openai_whole(weir, recorders):
    user, server = weir.make_user(), recorders["openai"]
    body = {"model": "ours-openai", "messages": [{"role": "user", "content": "hello"}], "odd": 1}
    answer = weir.post("/v1/chat/completions", body, user)
    assert answer.status == 200, answer
    assert server.asked[-1][2] == body | {"model": "theirs-2026", "max_tokens": 400}, "asked for no stream"
    assert answer.json == WHOLE["openai"] | {"model": "ours-openai"}
    assert records(weir, user) == [("completed", 3, 2, 2)]
    weir.audit()


@pytest.mark.parametrize("provider", WHOLE)
def test_whole_without_counts(weir, recorders, provider):
    """What is charged is told: ours, where the provider counts nothing; the rest stays theirs."""
    user, server = weir.make_user(), recorders[provider]
    path, body, usage = {
        "openai": ("/v1/chat/completions", {"model": "ours-openai", "messages": [{"role": "user", "content": "hello"}]}, "usage"),
        "anthropic": ("/v1/messages", {"model": "ours-anthropic", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}, "usage"),
        "gemini": ("/v1beta/models/ours-gemini:generateContent", {"contents": [{"parts": [{"text": "hello"}]}]}, "usageMetadata"),
    }[provider]
    without = {k: v for k, v in WHOLE[provider].items() if k != usage}
    server.whole = json.dumps(without)
    try:
        answer = weir.post(path, body, user)
    finally:
        server.whole = None
    record = weir.get("/api/usage/records", user).json["items"][0]
    told = answer.json[usage]
    names = {"openai": ("prompt_tokens", "completion_tokens"), "anthropic": ("input_tokens", "output_tokens"),
             "gemini": ("promptTokenCount", "candidatesTokenCount")}[provider]
    assert record["estimated"] and (told[names[0]], told[names[1]]) == (record["request_tokens"], record["response_tokens"]) != (0, 0)
    name = "modelVersion" if provider == "gemini" else "model"
    assert answer.json == without | {name: f"ours-{provider}", usage: told}
    weir.audit()


@pytest.mark.parametrize("whole, status", [
    ('{"error": {"message": "no", "code": 500}}', 502), ('{"choices": [', 502), ("<html>", 502), ("", 502), ("[]", 502),
    ('{"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]}', 400),
    ('{"choices": [{"message": {"content": "x"}, "finish_reason": "network_error"}]}', 502),
])
def test_whole_that_is_none(weir, recorders, whole, status):
    user, server = weir.make_user(), recorders["openai"]
    server.whole = whole or " "
    try:
        answer = weir.post("/v1/chat/completions", {"model": "ours-openai", "messages": [{"role": "user", "content": "hello"}]}, user)
    finally:
        server.whole = None
    assert answer.status == status and "error" in answer.json, answer
    weir.audit()


def test_whole_of_nothing_we_know(weir, recorders):
    """An image alone: nothing to us, and all to its client."""
    user, server = weir.make_user(), recorders["gemini"]
    parts = [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]
    server.whole = json.dumps({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], "usageMetadata": {
        "promptTokenCount": 3, "candidatesTokenCount": 1290, "totalTokenCount": 1293}})
    try:
        answer = weir.post("/v1beta/models/ours-gemini:generateContent", {"contents": [{"parts": [{"text": "paint"}]}]}, user)
    finally:
        server.whole = None
    assert answer.json["candidates"][0]["content"]["parts"] == parts, answer
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


def test_who_leaves_a_whole_answer_pays(weir, recorders):
    """It is made whoever waits; and what fails then is not asked for again."""
    user, server = weir.make_user(), recorders["openai"]
    body = {"model": "ours-openai", "messages": [{"role": "user", "content": "hello"}]}
    for whole, found in ((None, ("completed", 3, 2, 2)), ('{"error": {"message": "no", "code": 500}}', ("failed", 0, 0, 0))):
        server.whole, server.delay_s, asked = whole, 0.5, len(server.asked)
        try:
            with pytest.raises(TimeoutError):
                weir.post("/v1/chat/completions", body, user, timeout_s=0.2)
            wait_until(lambda: found in records(weir, user), found)
        finally:
            server.whole, server.delay_s = None, 0
        assert len(server.asked) == asked + 1
    weir.audit()
