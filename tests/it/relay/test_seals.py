"""What a provider sealed in an answer is brought back to the account that made it; where that is gone, others are asked without it."""

import base64
import http.server
import json
import threading

import pytest


def sse(*events):
    return "".join((f"event: {e['type']}\n" if "type" in e else "") + f"data: {json.dumps(e)}\n\n" for e in events)


class Account(http.server.BaseHTTPRequestHandler):
    """An account that opens the seals it made and refuses those of others, in three wires."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        if any(seal not in self.server.made for seal in self.seals(body)):
            return self.say(400, json.dumps({"type": "error", "error": {
                "type": "invalid_request_error", "message": "Invalid `signature` in `thinking` block"}}))
        seal = base64.b64encode(f"{self.server.name}?>{len(self.server.asked):04}~~".encode()).decode()
        self.server.made.add(seal)
        if "/messages" in self.path:
            return self.anthropic(body, seal)
        return self.gemini(seal) if ":" in self.path else self.openai(body, seal)

    def seals(self, body):
        for message in body.get("messages", []):
            for block in message["content"] if isinstance(message["content"], list) else []:
                if block["type"] == "thinking":
                    yield block["signature"]
        for content in body.get("contents", []):
            for part in content["parts"]:
                if "thoughtSignature" in part and part["thoughtSignature"] != "skip_thought_signature_validator":
                    seal = part["thoughtSignature"].replace("-", "+").replace("_", "/")
                    yield seal + "=" * (-len(seal) % 4)
        for item in body["input"] if isinstance(body.get("input"), list) else []:
            if item.get("encrypted_content"):
                yield item["encrypted_content"]

    def anthropic(self, body, seal):
        blocks = [{"type": "thinking", "thinking": "hm", "signature": seal}, {"type": "text", "text": "Hello"}]
        whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "theirs", "content": blocks, "stop_reason": "end_turn",
                 "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 2}}
        if not body.get("stream"):
            return self.say(200, json.dumps(whole))
        told = [{"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}}]
        for i, (empty, deltas) in enumerate([
                ({"type": "thinking", "thinking": "", "signature": ""}, [{"type": "thinking_delta", "thinking": "hm"},
                                                                         {"type": "signature_delta", "signature": seal}]),
                ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Hello"}])]):
            told += [{"type": "content_block_start", "index": i, "content_block": empty},
                     *({"type": "content_block_delta", "index": i, "delta": d} for d in deltas), {"type": "content_block_stop", "index": i}]
        told += [{"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}},
                 {"type": "message_stop"}]
        return self.say(200, sse(*told), "text/event-stream")

    def gemini(self, seal):
        answer = {"candidates": [{"content": {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}, "thoughtSignature": seal}]},
                                  "finishReason": "STOP", "index": 0}], "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
        stream = "stream" in self.path
        return self.say(200, sse(answer) if stream else json.dumps(answer), "text/event-stream" if stream else "application/json")

    def openai(self, body, seal):
        items = [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal},
                 {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                  "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}]
        whole = {"id": f"resp_{self.server.name}_{len(self.server.asked)}", "object": "response", "status": "completed", "model": "theirs",
                 "output": items, "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}}
        if not body.get("stream"):
            return self.say(200, json.dumps(whole))
        told = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}},
                {"type": "response.output_item.done", "output_index": 0, "item": items[0]},
                {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 1, "content_index": 0, "delta": "Hello"},
                {"type": "response.output_item.done", "output_index": 1, "item": items[1]},
                {"type": "response.completed", "response": whole}]
        return self.say(200, sse(*told), "text/event-stream")

    def say(self, status, text, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


PROVIDERS = {"anthropic": "/v1", "gemini": "/v1beta", "responses": "/v1"}


@pytest.fixture(scope="module")
def accounts(weir):
    """Three accounts for each wire, of which each is asked as often."""
    found = {}
    for provider, path in PROVIDERS.items():
        weir.weirctl("model", "add", f"think-{provider}", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000")
        for n in range(3):
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Account)
            server.asked, server.made, server.name = [], set(), f"{provider}-{n}"
            threading.Thread(target=server.serve_forever, daemon=True).start()
            weir.weirctl("channel", "add", server.name, "--provider", provider, "--url", f"http://127.0.0.1:{server.server_port}{path}",
                         "--key-stdin", "--allow-private", "--model", f"think-{provider}=theirs", input=f"key-{server.name}\n")
            found[server.name] = server
    yield found
    for server in found.values():
        server.shutdown()
        server.server_close()


class Anthropic:
    provider = "anthropic"

    def __init__(self, stream):
        self.messages, self.stream = [{"role": "user", "content": "hello"}], stream

    def ask(self, weir, user):
        body = {"model": "think-anthropic", "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}, "messages": self.messages}
        if not self.stream:
            answer = weir.post("/v1/messages", body, user)
            assert answer.status == 200, answer
            blocks = answer.json["content"]
        else:
            with weir.stream("/v1/messages", {**body, "stream": True}, user) as s:
                assert s.status == 200, s.answer()
                events = [e.json for e in s.events()]
            assert events[-1]["type"] == "message_stop", events
            (seal,) = [e["delta"]["signature"] for e in events if e.get("delta", {}).get("type") == "signature_delta"]
            blocks = [{"type": "thinking", "thinking": "hm", "signature": seal}, {"type": "text", "text": "Hello"}]
        self.messages = [*self.messages, {"role": "assistant", "content": blocks}, {"role": "user", "content": "go on"}]


class Gemini:
    provider = "gemini"

    def __init__(self, urlsafe):
        self.contents, self.urlsafe = [{"role": "user", "parts": [{"text": "hello"}]}], urlsafe

    def ask(self, weir, user):
        answer = weir.post("/v1beta/models/think-gemini:generateContent", {"contents": self.contents, "tools": [
            {"functionDeclarations": [{"name": "look"}]}]}, user)
        assert answer.status == 200, answer
        (part,) = answer.json["candidates"][0]["content"]["parts"]
        if self.urlsafe:  # as the SDK for Python writes it, which reads it as bytes
            part["thoughtSignature"] = part["thoughtSignature"].replace("+", "-").replace("/", "_").rstrip("=")
        self.contents = [*self.contents, {"role": "model", "parts": [part]},
                         {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"ok": True}}}]}]


class Responses:
    provider = "responses"

    def __init__(self, _):
        self.input = [{"role": "user", "content": "hello"}]

    def ask(self, weir, user):
        answer = weir.post("/v1/responses", {"model": "think-responses", "store": False, "include": ["reasoning.encrypted_content"],
                                             "input": self.input}, user)
        assert answer.status == 200, answer
        self.input = [*self.input, *answer.json["output"], {"role": "user", "content": "go on"}]


CLIENTS = [(Anthropic, False), (Anthropic, True), (Gemini, False), (Gemini, True), (Responses, None)]


def asked(accounts, provider):
    return {name: len(a.asked) for name, a in accounts.items() if name.startswith(provider)}


@pytest.mark.parametrize("kind,how", CLIENTS)
def test_a_seal_comes_back_to_its_maker(weir, accounts, kind, how):
    user, makers = weir.make_user(), set()
    for _ in range(10):  # of which the first ones go wherever chance has it
        client = kind(how)
        client.ask(weir, user)
        before = asked(accounts, kind.provider)
        for _ in range(2):
            client.ask(weir, user)
        after = asked(accounts, kind.provider)
        assert sorted(after[name] - before[name] for name in after) == [0, 0, 2], "both, and none tried elsewhere"
        makers |= {name for name in after if after[name] > before[name]}
    assert len(makers) > 1


@pytest.mark.parametrize("kind,how", CLIENTS)
def test_without_the_maker_others_are_asked_without_the_seal(weir, accounts, kind, how):
    user, client = weir.make_user(), kind(how)
    client.ask(weir, user)
    client.ask(weir, user)
    before = asked(accounts, kind.provider)
    client.ask(weir, user)
    after = asked(accounts, kind.provider)
    (maker,) = [name for name in after if after[name] > before[name]]
    weir.weirctl("channel", "disable", maker)
    try:
        client.ask(weir, user)
        now = asked(accounts, kind.provider)
        (other,) = [name for name in now if now[name] > after[name]]
        assert other != maker
        assert "go on" in json.dumps(accounts[other].asked[-1]) or "functionResponse" in json.dumps(accounts[other].asked[-1])
        client.ask(weir, user)  # and that one is its maker from now on
        assert asked(accounts, kind.provider)[other] == now[other] + 1
    finally:
        weir.weirctl("channel", "enable", maker)


def test_a_seal_of_nobodys_passes(weir, accounts):
    """It may be older than the records are, or come from elsewhere: its provider says what it thinks of it."""
    user, client = weir.make_user(), Anthropic(False)
    client.messages += [{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "Zm9yZWlnbg=="},
                                                          {"type": "text", "text": "Hi"}]}, {"role": "user", "content": "go on"}]
    answer = weir.post("/v1/messages", {"model": "think-anthropic", "max_tokens": 2000, "messages": client.messages,
                                        "thinking": {"type": "enabled", "budget_tokens": 1024}}, user)
    assert (answer.status, answer.json["error"]["type"]) == (400, "invalid_request_error")
    assert "signature" in answer.json["error"]["message"]


def test_anothers_seal_leads_nowhere(weir, accounts):
    """Pins are their user's: who brings what another was given is sent where everybody is."""
    client, places = Anthropic(False), set()
    client.ask(weir, weir.make_user())
    for _ in range(12):
        before = asked(accounts, "anthropic")
        weir.post("/v1/messages", {"model": "think-anthropic", "max_tokens": 2000, "messages": client.messages,
                                   "thinking": {"type": "enabled", "budget_tokens": 1024}}, weir.make_user())
        after = asked(accounts, "anthropic")
        places |= {name for name in after if after[name] > before[name]}
    assert len(places) > 1
