"""Providers: whom a channel may name, and what each of them is asked, as its row says."""

import http.server
import json
import os
import threading

import pytest

CHUNKS = [{"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "id": ""},
          {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": None}], "model": "theirs"},
          {"choices": [{"index": 0, "content_filter_offsets": {"check_offset": 1}, "finish_reason": None}]},
          {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "odd": 1},
          {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}]


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write("".join(f"data: {json.dumps(c)}\n\n" for c in CHUNKS).encode() + b"data: [DONE]\n\n")

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def admin(weir):
    return weir.make_user(admin=True)


def test_list(weir, admin):
    items = weir.get("/api/admin/providers", admin).json["items"]
    named = {p["name"]: p for p in items}
    assert len(named) == len(items) and [p["name"] for p in items[:3]] == ["openai", "anthropic", "gemini"]
    assert named["azure"]["wire"] == "openai" and "{resource}" in named["azure"]["base_url"] and "deployment" in named["azure"]["note"]
    assert named["responses"]["wire"] == "responses" and named["bedrock-anthropic"]["wire"] == "anthropic" and named["openai"]["note"] is None
    chinese = weir.get("/api/admin/providers", admin, headers={"Accept-Language": "zh"}).json["items"]
    assert "部署" in next(p for p in chinese if p["name"] == "azure")["note"]
    assert weir.get("/api/admin/providers", weir.make_user()).status == 403
    assert weir.get("/api/admin/providers").status == 401
    with open(os.path.join(os.environ["srcdir"], "docs/PROVIDERS.md"), encoding="utf-8") as f:
        page = f.read()
    assert all(f"\n| `{name}` | {p['wire']} |" in page for name, p in named.items())
    printed = weir.weirctl("channel", "providers").stdout
    assert all(f"\n{name} " in printed for name in named)


def test_every_one_can_be_named(weir, admin):
    for p in weir.get("/api/admin/providers", admin).json["items"]:
        made = weir.post("/api/admin/channels", {"name": f"of {p['name']}", "provider": p["name"], "base_url": "https://example.org",
                                                 "enabled": False}, admin)
        assert made.status == 201, made
    bad = weir.post("/api/admin/channels", {"name": "braces", "provider": "azure", "base_url": "https://{resource}.openai.azure.com/openai/v1"},
                    admin)
    assert bad.status == 400 and bad.json["details"]["field"] == "base_url", bad


def test_the_address_of_whom_has_one(weir):
    weir.weirctl("channel", "add", "ds", "--provider", "deepseek", "--disabled")
    assert "https://api.deepseek.com " in next(row for row in weir.weirctl("channel", "list").stdout.splitlines() if row.startswith("ds "))
    assert weir.weirctl("channel", "add", "az", "--provider", "azure", "--disabled", check=False).returncode != 0


def test_asked_by_its_row(weir, upstream):
    """Azure: its path, its header, and no chunk that clients fail at; GLM: no schema, and no hotter than it may be."""
    user = weir.make_user()
    for name, provider, path in (("az-m", "azure", "?api-version=2024-10-21"), ("glm-m", "glm", "/api/paas/v4")):
        weir.weirctl("model", "add", name, "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
        weir.weirctl("channel", "add", f"ch-{name}", "--provider", provider, "--url", upstream.url + path, "--key-stdin", "--allow-private",
                     "--model", f"{name}=theirs", input="their-key\n")
    body = {"model": "az-m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    with weir.stream("/v1/chat/completions", body, user) as s:
        events = [e.json for e in s.events() if e.data != "[DONE]"]
    path, headers, asked = upstream.asked[-1]
    assert path == "/openai/deployments/theirs/chat/completions?api-version=2024-10-21"
    assert headers["api-key"] == "their-key" and "authorization" not in headers and asked["max_completion_tokens"] == 400
    assert [e["choices"][0].get("delta") for e in events] == [{"role": "assistant", "content": "Hello"}, {}], "the rest is Azure's own"
    assert events[1]["odd"] == 1 and {e.get("model") for e in events} == {"az-m", None}
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    answer = weir.post("/v1/chat/completions", {"model": "glm-m", "temperature": 1.5, "messages": [{"role": "user", "content": "hello"}],
                       "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}, user)
    path, headers, asked = upstream.asked[-1]
    assert path == "/api/paas/v4/chat/completions" and headers["authorization"] == "Bearer their-key"
    assert asked["response_format"] == {"type": "json_object"} and asked["temperature"] == 1 and "properties" in asked["messages"][0]["content"]
    assert answer.json["choices"][0]["message"]["content"] == "Hello", answer
    weir.audit()
