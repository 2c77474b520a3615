"""In a client's own words: what is Weir's to say stays so however it is written, and the answer comes once and ends."""

import http.server
import json
import threading
import time

import pytest

MESSAGES = [{"role": "user", "content": "hello"}]
CONTENTS = [{"role": "user", "parts": [{"text": "hello"}]}]
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "gemini": "/v1beta/models/own-gemini:generateContent"}


def sse(*events):
    """Each as it stands at its provider: Anthropic's have a name before them."""
    return [("event: " + e["type"] + "\n" if "type" in e else "") + f"data: {json.dumps(e)}\n\n" for e in events]


def chunk(delta, finish=None):
    return {"model": "theirs", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def part(*parts, **more):
    return {"modelVersion": "theirs", "candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}]}


def call(number):
    return {"index": number, "id": f"id{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def block(number, kind, delta):
    return {"type": "content_block_delta", "index": number, "delta": {"type": f"{kind}_delta", kind: delta}}


def start(number, kind):
    return {"type": "content_block_start", "index": number, "content_block": {"type": kind, kind: ""}}


MESSAGE = {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "theirs", "content": [],
                                                "usage": {"input_tokens": 3, "output_tokens": 1}}}
STOPS = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
PLAIN = {
    "openai": sse(chunk({"content": "Hello"}), chunk({}, "stop")) + ["data: [DONE]\n\n"],
    "anthropic": sse(MESSAGE, start(0, "text"), block(0, "text", "Hello"), STOPS, {"type": "message_stop"}),
    "gemini": sse(part({"text": "Hello"}), part({"text": ""}, finishReason="STOP")),
}


class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in self.server.answer:
            self.wfile.write(piece.encode())
            self.wfile.flush()
            time.sleep(self.server.pause_s)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def servers(weir):
    found = {}
    for provider in PATHS:
        server = found[provider] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        weir.weirctl("model", "add", f"own-{provider}", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
        weir.weirctl("channel", "add", f"own-{provider}", "--provider", provider, "--url", f"http://127.0.0.1:{server.server_port}",
                     "--key-stdin", "--allow-private", "--model", f"own-{provider}=theirs", input="their-key\n")
    yield found
    for server in found.values():
        server.shutdown()
        server.server_close()


@pytest.fixture
def providers(servers):
    for provider, server in servers.items():
        server.answer, server.pause_s = PLAIN[provider], 0
    return servers


@pytest.fixture
def user(weir):
    return weir.make_user()


def asked(weir, user, providers, provider, **members):
    """What arrives of members that are written as they stand; or the refusal."""
    fixed = {"contents": CONTENTS} if provider == "gemini" else {"model": "own-" + provider, "messages": MESSAGES}
    text = "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "," + json.dumps(fixed)[1:]
    answer = weir.post(PATHS[provider], text.encode(), user, headers={"Content-Type": "application/json"})
    return json.loads(providers[provider].asked[-1], object_pairs_hook=list) if answer.status == 200 else answer


def streamed(weir, user, provider):
    """(the events' JSON, the last event's data)."""
    path, body = PATHS[provider], {"model": "own-" + provider, "messages": MESSAGES, "stream": True}
    if provider == "gemini":
        path, body = path.replace("generateContent", "streamGenerateContent?alt=sse"), {"contents": CONTENTS}
    with weir.stream(path, body, user) as s:
        assert s.status == 200, s.answer()
        events = list(s.events())
    return [e.json for e in events if e.json], events[-1].data


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("name", ["max_t\\u006fkens", "Max_Tokens"])
def test_no_spelling_reaches_past_the_limit(weir, user, providers, provider, name):
    found = asked(weir, user, providers, provider, **{name: "99999"})
    assert [v for k, v in found if k.lower() == "max_tokens"] == [400], "no longer than is held for"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_no_spelling_reaches_another_model(weir, user, providers, provider):
    found = asked(weir, user, providers, provider, Model='"dear"', odd="1")
    assert [v for k, v in found if k.lower() == "model"] == ["theirs"] and ["odd", 1] in [list(m) for m in found]
    refused = asked(weir, user, providers, provider, **{"mod\\u0065l": '"dear"'})
    assert refused.status == 400, "beside the plain name it is there twice"
    text = '{"mod\\u0065l":"own-%s","messages":%s}' % (provider, json.dumps(MESSAGES))
    assert weir.post(PATHS[provider], text.encode(), user, headers={"Content-Type": "application/json"}).status == 200
    assert json.loads(providers[provider].asked[-1], object_pairs_hook=list)[0] == ("model", "theirs")
    assert "own-" not in providers[provider].asked[-1]


@pytest.mark.parametrize("config", ['{"maxOutputT\\u006fkens":99999}', '{"MaxOutputTokens":99999}', '{"max_output_tokens":"99999"}', "null"])
@pytest.mark.parametrize("name", ["generationConfig", "generation_config", "generationConf\\u0069g"])
def test_gemini_has_one_limit(weir, user, providers, config, name):
    found = asked(weir, user, providers, "gemini", **{name: config})
    assert [v for k, v in found if k.lower().replace("_", "") == "generationconfig"] == [[("maxOutputTokens", 400)]]


@pytest.mark.parametrize("members", [
    {"generationConfig": '{"candidateCount":8},"generationConfig":{"candidateCount":1}'},
    {"generationConfig": '{"candidateCount":1,"candidate_count":8}'},
    {"generationConfig": '{"candidateCount":null,"candidate_count":8}'},
    {"generationConfig": '{"responseModalities":null,"response_modalities":["IMAGE"]}'},
    {"systemInstruction": 'null,"system_instruction":{"parts":[{"text":"not counted"}]}'},
    {"cachedContent": 'null,"cached_content":"theirs"'},
])
def test_gemini_reads_what_is_passed_on(weir, user, providers, members):
    before = len(providers["gemini"].asked)
    assert asked(weir, user, providers, "gemini", **members).status == 400
    assert len(providers["gemini"].asked) == before


@pytest.mark.parametrize("provider,members", [
    ("openai", {"service_tier": '"priority"', "models": '["dear"]', "fallbacks": '["dear"]', "N": "8", "n": "1"}),
    ("anthropic", {"service_tier": '"auto"', "speed": '"fast"', "inference_geo": '"us"'}),
    ("gemini", {"serviceTier": '"priority"'}),
])
def test_what_costs_more_than_the_price_does_not_pass(weir, user, providers, provider, members):
    found = dict(asked(weir, user, providers, provider, odd="1", **members))
    assert found["odd"] == 1 and not set(members) & set(found)


ONCE = {
    "openai": [chunk({"reasoning_content": "hm", "content": "Hello", "tool_calls": [call(0), call(1)]}), chunk({}, "tool_calls")],
    "gemini": [part({"text": "hm", "thought": True}, {"text": "Hello"}, {"text": "ha", "thought": True}), part(finishReason="STOP")],
}


@pytest.mark.parametrize("provider", ONCE)
def test_several_things_in_one_chunk_come_once(weir, user, providers, provider):
    providers[provider].answer, providers[provider].pause_s = sse(*ONCE[provider]), 0.1
    events, _ = streamed(weir, user, provider)
    assert json.dumps(events).replace("own-" + provider, "theirs") == json.dumps(ONCE[provider])
    weir.audit()


def test_several_things_at_once_come_once(weir, user, providers):
    events = [MESSAGE, start(0, "thinking"), block(0, "thinking", "hm"), {"type": "content_block_stop", "index": 0}, start(1, "text"),
              block(1, "text", "Hello"), {"type": "content_block_stop", "index": 1}, STOPS, {"type": "message_stop"}]
    pieces = sse(*events)
    providers["anthropic"].answer, providers["anthropic"].pause_s = ["".join(pieces[:6]), "".join(pieces[6:])], 0.1
    found, _ = streamed(weir, user, "anthropic")
    assert [e["type"] for e in found] == [e["type"] for e in events]


@pytest.mark.parametrize("provider,cut", [("openai", 1), ("openai", 2), ("gemini", 1), ("gemini", 2), ("anthropic", 2)])
def test_a_last_line_that_is_not_ended_is_told(weir, user, providers, provider, cut):
    pieces = PLAIN[provider][:-1] if provider == "openai" else PLAIN[provider]
    providers[provider].answer = ["".join(pieces)[:-cut]]
    events, last = streamed(weir, user, provider)
    said = json.dumps(events)
    if provider == "openai":
        assert last == "[DONE]" and said.count('"finish_reason": "stop"') == 1
    elif provider == "gemini":
        assert said.count('"finishReason": "STOP"') == 1 and json.loads(last)["candidates"][0]["finishReason"] == "STOP"
    else:
        assert json.loads(last)["type"] == "message_stop" and said.count("end_turn") == 1
    assert said.count("Hello") == 1


def test_gemini_says_that_it_is_over_when_it_is_settled(weir, user, providers):
    """For its clients the reason is the last word, as [DONE] is for others."""
    providers["gemini"].answer = sse(part({"text": "Hello"}), part({"text": "!"}, finishReason="STOP"))
    providers["gemini"].answer += ["data: " + json.dumps({"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}) + "\n\n"]
    providers["gemini"].pause_s = 0.1
    events, _ = streamed(weir, user, "gemini")
    assert [list(e) for e in events][-1] == ["usageMetadata"] and events[-2]["candidates"][0]["finishReason"] == "STOP"
    with weir.denied("EXECUTE ON FUNCTION relays_settle, relay_round"):
        path = "/v1beta/models/own-gemini:streamGenerateContent?alt=sse"
        with weir.stream(path, {"contents": CONTENTS}, user) as s:
            seen = next(s.events())
            assert seen.json["candidates"][0]["content"]["parts"] == [{"text": "Hello"}]
            s.conn.sock.settimeout(1)
            with pytest.raises(OSError):
                next(s.events())


def test_what_is_thought_unseen_is_charged(weir, user, providers):
    """Of what models think many show nothing: it is paid for, within what is held."""
    usage = {"prompt_tokens": 3, "completion_tokens": 300, "total_tokens": 303, "completion_tokens_details": {"reasoning_tokens": 299}}
    for tokens in (300, 5000):
        usage |= {"completion_tokens": tokens, "total_tokens": 3 + tokens, "completion_tokens_details": {"reasoning_tokens": tokens - 1}}
        providers["openai"].answer = sse(chunk({"content": "4"}), chunk({}, "stop"), {"choices": [], "usage": usage})
        streamed(weir, user, "openai")
    rows = [(r["response_tokens"], r["cost"]) for r in weir.get("/api/usage/records", user).json["items"]]
    assert [r[0] for r in rows] == [400, 300], "no more than the model can say"
    weir.audit()


LONG = "words of a prompt " * 4000


@pytest.mark.parametrize("provider,members", [
    ("openai", {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "description": LONG, "schema": {}}}}),
    ("openai", {"messages": [{"role": "user", "name": LONG, "content": "x"}]}),
    ("openai", {"odd": [{"a": [LONG]}]}),
    ("anthropic", {"tools": [{"name": "f", "input_schema": {"type": "object"}, "input_examples": [{"a": LONG}]}]}),
    ("gemini", {"tools": [{"functionDeclarations": [{"name": "f", "response": {"type": "STRING", "description": LONG}}]}]}),
])
def test_a_prompt_cannot_hide(weir, user, providers, provider, members):
    """What is passed on unread is held for, and charged as the provider counts it."""
    counts = {"openai": [{"choices": [], "usage": {"prompt_tokens": 12000, "completion_tokens": 1, "total_tokens": 12001}}],
              "anthropic": [{"type": "message_delta", "delta": {}, "usage": {"input_tokens": 12000, "output_tokens": 1}}],
              "gemini": [{"usageMetadata": {"promptTokenCount": 12000, "candidatesTokenCount": 1, "totalTokenCount": 12001}}]}[provider]
    pieces = PLAIN[provider]
    providers[provider].answer = pieces + sse(*counts) if provider == "gemini" else pieces[:-1] + sse(*counts) + pieces[-1:]
    fixed = {"contents": CONTENTS} if provider == "gemini" else {"model": "own-" + provider, "messages": MESSAGES}
    answer = weir.post(PATHS[provider], fixed | members, user)
    assert answer.status == 200, answer
    (row,) = weir.get("/api/usage/records", user).json["items"]
    assert row["request_tokens"] == 12000 and row["cost"] >= 0.012, row
    weir.audit()
