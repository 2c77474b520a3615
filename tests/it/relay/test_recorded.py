"""
What real clients send (tests/data/clients), through the relay to each provider's wire: accepted, answered in its dialect,
nothing lost that can be said, charged once.
"""

import glob
import http.client
import http.server
import itertools
import json
import os
import re
import threading
import urllib.parse

import pytest

DATA = os.path.join(os.environ["srcdir"], "tests/data/clients")
WIRES = ("openai", "anthropic", "gemini")
ASKS = re.compile(r"/v1/chat/completions$|/v1/messages$|:generateContent$|:streamGenerateContent$")
# Of a request's texts, what another vendor's wire has no word for, or what is none of the model's business.
UNSAYABLE = {"signature", "thoughtSignature", "thinking", "cache_control", "metadata", "user", "role", "type", "model", "id", "tool_use_id",
             "tool_call_id", "finish_reason", "context_management", "output_config", "reasoning_effort", "tool_choice", "betas", "$schema",
             "detail", "safetySettings", "generationConfig", "responseMimeType", "mode", "service_tier", "name"}


def recorded():
    for path in sorted(glob.glob(os.path.join(DATA, "*.json"))):
        with open(path, encoding="utf-8") as f:
            requests = json.load(f)["requests"]
        for number, request in enumerate(requests, 1):
            name = f"{os.path.basename(path)[:-5]}-{number}"
            yield pytest.param(request, id=name)


def grown(value, count):
    """A body with texts as long as they were, and no two alike; `count` numbers them."""
    if isinstance(value, dict):
        return {k: grown(v, count) for k, v in value.items()}
    if isinstance(value, list):
        return [grown(v, count) for v in value]
    long = re.fullmatch(r"<str (\d+)>", value) if isinstance(value, str) else None
    return (f"No {next(count)}." + " weir" * int(long[1]))[:int(long[1])].rstrip() if long else value


def texts(value, inside=None):
    """Every text in it that a model reads."""
    if isinstance(value, dict):
        for name, v in value.items():
            if name not in UNSAYABLE:
                yield from texts(v, name)
    elif isinstance(value, list):
        for v in value:
            yield from texts(v, inside)
    elif isinstance(value, str) and value.strip() and inside != "arguments":
        yield value


def names_of_tools(body):
    tools = body.get("tools") or []
    if any("functionDeclarations" in t for t in tools):
        return [f["name"] for t in tools for f in t["functionDeclarations"]]
    return [t.get("function", t).get("name") for t in tools]


class Proxy(http.server.BaseHTTPRequestHandler):
    """Before weir-demo: it keeps what was asked."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body)))
        there = http.client.HTTPConnection("127.0.0.1", self.server.demo_port, timeout=30)
        there.request("POST", self.path, body, {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")})
        answer = there.getresponse()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.end_headers()
        self.wfile.write(answer.read())
        there.close()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def proxy(weir):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.asked, server.demo_port = [], weir.demo_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for wire in WIRES:
        weir.weirctl("model", "add", f"m-{wire}", "--input", "1", "--output", "2", "--context", "200000", "--max-output", "128000",
                     "--abilities", "vision,reasoning,tools")
        weir.weirctl("channel", "add", wire, "--provider", wire, "--url", f"http://127.0.0.1:{server.server_port}", "--key-stdin",
                     "--allow-private", "--model", f"m-{wire}=demo-fast", input="k\n")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def user(weir):
    found = weir.make_user()
    found.key = weir.post("/api/keys", {"name": "recorded"}, found).json["key"]
    return found


def send(weir, user, request, model):
    path = re.sub(r"(/models/)[^/:]+(:)", rf"\g<1>{model}\2", request["path"])
    query = urllib.parse.urlencode({k: user.key if v == "<key>" else v for k, v in request["query"].items()}, doseq=True)
    headers = {k: v.replace("<key>", user.key) for k, v in request["headers"].items()}
    body = grown(request["body"], itertools.count(1)) if "body" in request else None
    if body is not None and "model" in body:
        body["model"] = model
    answer = weir.request(request["method"], path + ("?" + query if query else ""), None, body, headers=headers)
    return body, answer


def events(answer):
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ") and line != "data: [DONE]"]


def check_openai(answer):
    if "event-stream" in answer.headers["Content-Type"]:
        chunks = events(answer)
        assert all(c["object"] == "chat.completion.chunk" for c in chunks) and answer.text.rstrip().endswith("data: [DONE]")
        assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"] and c["choices"][0].get("finish_reason")]
        return
    assert answer.json["object"] == "chat.completion" and answer.json["choices"][0]["finish_reason"] and answer.json["usage"]["total_tokens"]


def check_anthropic(answer):
    if "event-stream" in answer.headers["Content-Type"]:
        kinds = [e["type"] for e in events(answer)]
        assert kinds[0] == "message_start" and kinds[-1] == "message_stop" and "message_delta" in kinds
        return
    assert answer.json["type"] == "message" and answer.json["stop_reason"] and answer.json["usage"]["output_tokens"]


def check_gemini(answer):
    found = events(answer) if "event-stream" in answer.headers["Content-Type"] else [answer.json]
    assert found[-1]["candidates"][0]["finishReason"] and found[-1]["usageMetadata"]["totalTokenCount"]


def check_answer(request, answer):
    if "chat/completions" in request["path"]:
        check_openai(answer)
    elif "/v1/messages" in request["path"]:
        check_anthropic(answer)
    else:
        check_gemini(answer)


def charged(weir):
    with weir.pg() as pg:
        return int(pg.query("SELECT count(*) FROM usage")[0][0])


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("request_", [p for p in recorded() if ASKS.search(p.values[0]["path"])])
def test_asked(weir, proxy, user, request_, wire):
    before = charged(weir)
    proxy.asked.clear()
    body, answer = send(weir, user, request_, f"m-{wire}")
    assert answer.status == 200, answer
    check_answer(request_, answer)
    assert len(proxy.asked) == 1 and charged(weir) == before + 1
    asked = json.dumps(proxy.asked[0][1], ensure_ascii=False)
    # JSON within a text of JSON: arguments of calls
    lost = [t for t in texts({k: v for k, v in body.items() if k not in ("config", "contents_config")})
            if json.dumps(t, ensure_ascii=False)[1:-1] not in asked and json.dumps(json.dumps(t, ensure_ascii=False))[3:-3] not in asked]
    assert lost == [], f"not in {asked[:2000]}"
    assert names_of_tools(proxy.asked[0][1]) == names_of_tools(body)


@pytest.mark.parametrize("request_", [p for p in recorded() if not ASKS.search(p.values[0]["path"])])
def test_beside(weir, proxy, user, request_):
    """Counts, lists of models, and a look whether anybody is there."""
    before = charged(weir)
    _, answer = send(weir, user, request_, "m-openai")
    assert answer.status == 200 and charged(weir) == before, answer
    if "ount" in request_["path"]:
        assert answer.json.get("input_tokens", answer.json.get("totalTokens")) > 0
    elif request_["method"] == "GET":
        assert "m-anthropic" in answer.text


def test_the_books(weir):
    weir.audit()
