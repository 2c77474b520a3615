#!/usr/bin/python3
"""weir-demo over real sockets: the wire, the pace, every fault, the log.

Every test runs against a weir-demo of its own module-wide process on a free
port. WEIR_DEMO names the program; without it $builddir/weir-demo is used.
"""

import base64
import json
import os
import re
import socket
import struct
import subprocess
import time
import zlib

import pytest

PROGRAM = os.environ.get("WEIR_DEMO") or os.path.join(os.environ.get("builddir", "."), "weir-demo")
SRCDIR = os.environ.get("srcdir") or os.path.join(os.path.dirname(__file__), "..", "..")


class Demo:
    """A running weir-demo; asked with raw sockets so that nothing is smoothed over."""

    def __init__(self, tmp, *options):
        self.log_path = os.path.join(str(tmp), "requests.jsonl")
        self.process = subprocess.Popen(
            [PROGRAM, "--listen", "127.0.0.1:0", "--log", self.log_path, *options],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        status = self.process.wait(10)
        self.process.stdout.close()
        return status

    def connect(self, receive_bytes=None):
        sock = socket.socket()
        if receive_bytes:  # before connecting, or the window is larger already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.settimeout(10)
        sock.connect(("127.0.0.1", self.port))
        return sock

    def send(self, body, headers=(), path="/v1/chat/completions", method="POST", version="1.1",
             sock=None):
        sock = sock or self.connect()
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/{version}", "Host: demo", f"Content-Length: {len(raw)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + raw)
        return sock

    def ask(self, body, headers=(), **more):
        """One request, its whole answer."""
        with self.send(body, [*headers, ("Connection", "close")], **more) as sock:
            return Answer(sock)

    def chat(self, model="demo-fast", prompt="Hello weir", stream=True, **more):
        return self.ask(chat(model, prompt, stream, **more.pop("body", {})), **more)

    def log(self, **match):
        """Log lines with these members, waiting a moment for the first."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            with open(self.log_path, encoding="utf-8") as f:
                rows = [json.loads(line) for line in f if line.endswith("\n")]
            rows = [r for r in rows if all(r.get(k) == v for k, v in match.items())]
            if rows:
                return rows
            time.sleep(0.02)
        return []

    def stats(self):
        return self.ask(b"", path="/demo/stats", method="GET").json()


class Answer:
    """Reads to the end of the connection and notes how that end came."""

    def __init__(self, sock):
        raw, self.times, self.end = b"", [], "closed"
        try:
            while True:
                data = sock.recv(65536)
                if not data:
                    break
                self.times.append((time.monotonic(), len(raw)))
                raw += data
        except ConnectionResetError:
            self.end = "reset"
        except socket.timeout:
            self.end = "timeout"
        self.raw = raw
        head, _, self.wire = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if raw else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.chunks, self.complete = [], True
        if self.headers.get("transfer-encoding") == "chunked":
            self.body = self.dechunk()
        else:
            self.body = self.wire
            self.complete = len(self.body) == int(self.headers.get("content-length", len(self.body)))

    def dechunk(self):
        wire, body, self.complete = self.wire, b"", False
        while True:
            size, sep, rest = wire.partition(b"\r\n")
            if not sep:
                return body
            n = int(size, 16)
            if n == 0:
                self.complete = rest == b"\r\n"
                return body
            self.chunks.append(rest[:n])
            body += rest[:n]
            if len(rest) < n + 2:
                return body
            wire = rest[n + 2:]

    def json(self):
        return json.loads(self.body)

    def events(self):
        """Data of each complete event, decoded; [DONE] as the string."""
        out = []
        for block in self.body.split(b"\n\n")[:-1]:
            for line in block.split(b"\n"):
                if line.startswith(b"data: "):
                    data = line[6:]
                    out.append("[DONE]" if data == b"[DONE]" else json.loads(data))
        return out

    def deltas(self, member="content"):
        out = []
        for event in self.events():
            for choice in event["choices"] if isinstance(event, dict) and "choices" in event else ():
                if choice["delta"].get(member):
                    out.append(choice["delta"][member])
        return out

    def text(self):
        return "".join(self.deltas())

    def finish(self):
        for event in self.events():
            for choice in event["choices"] if isinstance(event, dict) else ():
                if choice["finish_reason"]:
                    return choice["finish_reason"]
        return None

    def usage(self):
        for event in self.events():
            if isinstance(event, dict) and event.get("usage"):
                return event["usage"]
        return None


def chat(model="demo-fast", prompt="Hello weir", stream=True, **more):
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}],
            **more}


USAGE = {"stream_options": {"include_usage": True}}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("demo"))
    yield running
    assert running.stop() == 0


# ---- the wire ---------------------------------------------------------------

def test_models(demo):
    answer = demo.ask(b"", path="/v1/models", method="GET").json()
    assert answer["object"] == "list"
    assert [m["id"] for m in answer["data"]] == ["demo", "demo-fast", "demo-slow"]
    assert all(m["object"] == "model" and m["created"] and m["owned_by"] for m in answer["data"])
    assert demo.ask(b"", path="/v1/models/demo", method="GET").json()["id"] == "demo"
    assert demo.ask(b"", path="/v1/models/nope", method="GET").status == 404


def test_completion(demo):
    answer = demo.chat(stream=False)
    body = answer.json()
    message = body["choices"][0]["message"]
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert body["object"] == "chat.completion" and body["id"].startswith("chatcmpl-")
    assert body["model"] == "demo-fast" and body["choices"][0]["finish_reason"] == "stop"
    assert message["role"] == "assistant" and message["refusal"] is None
    usage = body["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]
    for mark in ("# About", "\n1. **", "| Fact |", "```", "Hello weir"):
        assert mark in message["content"], mark


def test_stream_is_the_completion_in_pieces(demo):
    whole = demo.chat(stream=False).json()
    answer = demo.chat(body=USAGE)
    events = answer.events()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text() == whole["choices"][0]["message"]["content"]
    assert events[-1] == "[DONE]"
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert {e["id"] for e in events[:-1]} == {events[0]["id"]}
    assert all(e["object"] == "chat.completion.chunk" for e in events[:-1])
    assert all(e["usage"] is None for e in events[:-2])
    assert events[-2]["choices"] == [] and events[-2]["usage"] == whole["usage"]
    assert len(answer.deltas()) == whole["usage"]["completion_tokens"]
    assert answer.finish() == "stop"


HAN = re.compile("[\u4e00-\u9fff]")


def ask(demo, prompt):
    return demo.chat(prompt=prompt, stream=False).json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("prompt, is_chinese", [
    ("Tell me about weirs", False), ("介绍一下堰", True), ("用 Python 写一个快速排序", True), ("你好", True),
    ("What does 你好 mean in a letter to a friend of mine?", False), ("Answer in Chinese: why is the sky blue?", True),
    ("用英文回答：天空为什么是蓝的？", False), ("12345", False),
])
def test_language_of_the_question(demo, prompt, is_chinese):
    text = ask(demo, prompt)
    said = text[text.index("*\n\n") + 3:]  # after the question was repeated
    assert prompt[:20] in text
    assert (len(HAN.findall(said)) > 40) == is_chinese and (said.count(" the ") > 1 or "weights" in said) != is_chinese
    assert is_chinese or not HAN.search(said), said
    thought = demo.chat("demo-fast;reasoning=400;deltas=1", prompt=prompt).deltas("reasoning_content")
    assert ("用户" in "".join(thought)) == is_chinese


FORMULA, TABLE, CODE, LONG = "$$\n", "^2.5 |", "```\n", "### 12. "


@pytest.mark.parametrize("prompt, parts", [
    ("Explain the quadratic formula, and write the steps in LaTeX.", {FORMULA}),
    ("讲讲一元二次方程的求根公式", {FORMULA}),
    ("Compare tea, coffee and water in a table.", {TABLE}), ("用表格比较茶和咖啡", {TABLE}),
    ("Write a shell script", {CODE}), ("写一段代码", {CODE}), ("Show me some CODE.", {CODE}),
    ("Write a long answer about rivers", {LONG}), ("写一篇长文", {LONG}),
    ("A table and a formula, in detail", {TABLE, FORMULA, LONG}),
    # not by a part of a word
    ("A tablet for decoding transcripts along the way", None), ("The long river", None),
])
def test_what_the_question_names(demo, prompt, parts):
    text = ask(demo, prompt)
    if parts is None:
        assert "\n1. **" in text and "| Fact |" in text and CODE in text and LONG not in text, text
        return
    assert {p for p in (FORMULA, TABLE, CODE, LONG) if p in text} == parts, text
    assert text.count("```") % 2 == 0 and text.count("$$") % 2 == 0
    chars = len(text) * (3 if HAN.search(prompt) else 1)  # a Chinese text says as much in a third
    assert (chars > 8000) == (LONG in parts), chars
    assert ask(demo, prompt) == text


def test_usage_only_when_asked(demo):
    assert demo.chat().usage() is None
    assert "usage" not in demo.chat().events()[0]
    assert demo.chat("demo-fast;usage=always").usage() is not None


def test_deterministic(demo):
    assert demo.chat().text() == demo.chat().text()
    assert demo.chat(prompt="Other words").text() != demo.chat().text()
    assert demo.chat(prompt="say [[demo echo=1]]").text().startswith("say")


def test_parts_and_images(demo):
    parts = [{"type": "text", "text": "What is this?"},
             {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
             {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    text = demo.chat(prompt=parts).text()
    assert "2 images" in text and "https://example.org/a.png" in text and "What is this?" in text
    text = demo.chat(prompt=parts[:1] + parts[2:]).text()
    assert "1 image." in text and "image/png" in text


def test_reasoning(demo):
    answer = demo.chat("demo-fast;reasoning=5;deltas=3", body=USAGE)
    assert len(answer.deltas("reasoning_content")) == 5 and len(answer.deltas()) == 3
    assert answer.usage()["completion_tokens"] == 8
    assert answer.usage()["completion_tokens_details"]["reasoning_tokens"] == 5
    body = demo.chat("demo-fast;deltas=3", stream=False, body={"reasoning_effort": "low"}).json()
    assert body["choices"][0]["message"]["reasoning_content"]


def test_max_tokens(demo):
    for name in ("max_tokens", "max_completion_tokens"):
        answer = demo.chat(body={name: 7, **USAGE})
        assert len(answer.deltas()) == 7 and answer.finish() == "length"
        assert answer.usage()["completion_tokens"] == 7


@pytest.mark.parametrize("body,param,code", [
    (b"{not json", None, None),
    (b"[]", None, None),
    ({"messages": [{"role": "user", "content": "x"}]}, None, None),
    ({"model": "demo"}, "messages", "missing_required_parameter"),
    ({"model": "demo", "messages": []}, "messages", "invalid_type"),
    ({"model": "demo", "messages": [{"role": "user", "content": 7}]}, "messages", "invalid_type"),
    (chat(max_tokens=0), "max_tokens", "integer_below_min_value"),
    (chat(n=2), "n", "unsupported_value"),
    (chat(stream=False, **USAGE), "stream_options", None),
    (chat("demo-fast;colour=red"), None, "invalid_demo_script"),
    (chat("demo-fast;deltas=-1"), None, "invalid_demo_script"),
    (chat("demo-fast;fault=nonsense"), None, "invalid_demo_script"),
    (chat(prompt="[[demo pace=fast]]"), None, "invalid_demo_script"),
])
def test_bad_requests(demo, body, param, code):
    answer = demo.ask(body)
    error = answer.json()["error"]
    assert answer.status == 400 and set(error) == {"message", "type", "param", "code"}
    assert error["message"] and error["type"] == "invalid_request_error"
    assert (error["param"], error["code"]) == (param, code)


def test_unknown_places(demo):
    assert demo.chat("gpt-4o").json()["error"]["code"] == "model_not_found"
    assert demo.chat("demos").status == 404
    assert demo.ask(b"", path="/v1/nothing", method="GET").status == 404
    assert demo.ask(b"", path="/v1/chat/completions", method="GET").status == 405
    assert demo.ask(b"", path="/healthz", method="GET").status == 200


# ---- HTTP -------------------------------------------------------------------

def read_one(sock):
    """One answer with a Content-Length from a connection that stays."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += sock.recv(4096)
    head, _, body = raw.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    while len(body) < length:
        body += sock.recv(4096)
    return head, body[:length], body[length:]


def test_keep_alive_and_pipelining(demo):
    with demo.connect() as sock:
        for i in range(3):
            demo.send(chat(prompt=f"number {i}", stream=False), sock=sock)
            assert f"number {i}".encode() in read_one(sock)[1]
        request = b"GET /v1/models/demo HTTP/1.1\r\nHost: d\r\n\r\n"
        sock.sendall(request * 3 + request[:20])
        time.sleep(0.1)
        sock.sendall(request[20:-4] + b"\r\nConnection: close\r\n\r\n")
        assert Answer(sock).raw.count(b'"id":"demo"') == 4


def test_pipelined_behind_a_stream(demo):
    with demo.connect() as sock:
        demo.send(chat("demo-fast;deltas=5;pace=100"), sock=sock)
        demo.send(b"", [("Connection", "close")], "/healthz", "GET", sock=sock)
        raw = Answer(sock).raw
    assert raw.index(b"[DONE]") < raw.index(b'{"status":"ok"}') and raw.count(b"HTTP/1.1 200") == 2


def test_http10(demo):
    with demo.send(chat("demo-fast;deltas=3"), version="1.0") as sock:
        answer = Answer(sock)
    assert "transfer-encoding" not in answer.headers and answer.events()[-1] == "[DONE]"
    with demo.send(b"", [("Connection", "keep-alive")], "/healthz", "GET", "1.0") as sock:
        assert b"Connection: keep-alive" in read_one(sock)[0]
        demo.send(b"", (), "/healthz", "GET", "1.0", sock=sock)
        assert Answer(sock).status == 200


def test_chunked_request_and_continue(demo):
    body = json.dumps(chat(stream=False)).encode()
    """Also an extension with a NUL, which is no end of anything."""
    with demo.connect() as sock:
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\n"
                     b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue")
        for i in range(0, len(body), 7):
            part = body[i:i + 7]
            sock.sendall(b"%x;ext=\0\r\n%s\r\n" % (len(part), part))
        sock.sendall(b"0\r\nTrailer: x\r\n\r\n")
        assert Answer(sock).json()["object"] == "chat.completion"


def test_request_in_single_bytes(demo):
    raw = json.dumps(chat(stream=False)).encode()
    with demo.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n"
                   b"Connection: close\r\n\r\n" % len(raw)) + raw
        for i in range(len(request)):
            sock.sendall(request[i:i + 1])
        assert Answer(sock).status == 200


@pytest.mark.parametrize("raw,status", [
    (b"nonsense\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n", 400),
    (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", 400),
    (b"POST /x HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"POST /x HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 70000, 413),
])
def test_bad_http(demo, raw, status):
    with demo.connect() as sock:
        sock.sendall(raw)
        answer = Answer(sock)
    assert answer.status == status and answer.json()["error"]["type"] == "invalid_request_error"


def test_large_body(demo):
    big = "data:image/png;base64," + "A" * (9 << 20)
    parts = [{"type": "text", "text": "big"}, {"type": "image_url", "image_url": {"url": big}}]
    assert "1 image." in demo.chat(prompt=parts).text()


# ---- pace -------------------------------------------------------------------

def test_delay_first_and_pace(demo):
    start = time.monotonic()
    answer = demo.chat("demo-fast;delay=200;first=200;pace=50;deltas=20")
    arrived = [at - start for at, _ in answer.times]
    assert 0.19 < arrived[0] < 1.5                     # headers
    assert 0.38 < arrived[1] < 2.5                     # first delta
    assert 0.75 < arrived[-1] < 4.0                    # 19 pauses of 20 ms
    assert len(arrived) >= 8                           # not all at once
    assert len(answer.deltas()) == 20


def test_interval_and_duration(demo):
    start = time.monotonic()
    demo.chat("demo-fast;interval=2.5;deltas=101")
    assert 0.24 < time.monotonic() - start < 3
    start = time.monotonic()
    demo.chat("demo-fast;duration=400")
    assert 0.35 < time.monotonic() - start < 3


def test_default_paces(demo):
    """demo gives 40 deltas a second; demo-slow needs 10 s or more."""
    sock = demo.send(chat("demo"))
    slow = demo.send(chat("demo-slow"))
    time.sleep(1.5)
    sock.close(), slow.close()
    row = demo.log(model="demo", end="client_closed")[0]
    assert 36 <= row["deltas"] / (row["duration_ms"] / 1000) <= 41
    row = demo.log(model="demo-slow", end="client_closed")[0]
    rate = row["deltas"] / (row["duration_ms"] / 1000)
    assert demo.chat(stream=False).json()["usage"]["completion_tokens"] / rate >= 10


def test_scripts_from_all_places(demo):
    assert len(demo.chat("demo-fast;deltas=5").deltas()) == 5
    assert len(demo.chat("demo-fast;deltas=5", headers=[("X-Demo-Deltas", "6")]).deltas()) == 6
    assert len(demo.chat(headers=[("X-Demo-Script", "deltas=4;bytes=9")]).deltas()) == 4
    answer = demo.chat("demo-fast;deltas=5", "Hi [[demo deltas=7, bytes=11]] there")
    assert [len(d) for d in answer.deltas()] == [11] * 7
    assert "[[demo" not in demo.chat(prompt="Hi [[demo ts=0]] there").text()
    prompt = "[[demo model=demo deltas=1]] [[demo model=demo-fast deltas=2]]"
    assert len(demo.chat(prompt=prompt).deltas()) == 2
    assert len(demo.chat("demo;pace=0", prompt).deltas()) == 1
    assert demo.chat(prompt="[[demonstration]] [[demo").status == 200


def test_directive_in_last_user_message_only(demo):
    body = chat()
    body["messages"] = [{"role": "user", "content": "[[demo fault=500]]"},
                        {"role": "assistant", "content": "no"},
                        {"role": "user", "content": "again [[demo deltas=3]]"}]
    assert len(demo.ask(body).deltas()) == 3


def test_timestamps(demo):
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    answer = demo.chat("demo-fast;deltas=5;pace=100", headers=[("X-Demo-Timestamps", "1")])
    stamps = [int(word) for word in answer.text().split()]
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert len(stamps) == 5 and before < stamps[0] and stamps == sorted(stamps) and stamps[-1] < after
    assert 39_000_000 < stamps[-1] - stamps[0] < 2_000_000_000
    assert all(len(d) == 50 for d in demo.chat("demo-fast;ts=1;bytes=50;deltas=3").deltas())


# ---- usage and finish -------------------------------------------------------

@pytest.mark.parametrize("word,check", [
    ("zero", lambda u: u["total_tokens"] == 0),
    ("wrong", lambda u: u["prompt_tokens"] + u["completion_tokens"] != u["total_tokens"]),
    ("huge", lambda u: u["completion_tokens"] == 1 << 62),
    ("negative", lambda u: u["completion_tokens"] < 0),
    ("string", lambda u: u["completion_tokens"] == "4"),
    ("12/34", lambda u: (u["prompt_tokens"], u["completion_tokens"]) == (12, 34)),
    ("always", lambda u: u["completion_tokens"] == 4),
])
def test_usage(demo, word, check):
    assert check(demo.chat(f"demo-fast;deltas=4;usage={word}", body=USAGE).usage())
    assert check(demo.chat(f"demo-fast;deltas=4;usage={word}", stream=False).json()["usage"])


@pytest.mark.parametrize("word", ["usage=none", "fault=no-usage"])
def test_no_usage(demo, word):
    answer = demo.chat(f"demo-fast;{word}", body=USAGE)
    assert answer.usage() is None and answer.events()[-1] == "[DONE]"
    assert "usage" not in demo.chat(f"demo-fast;{word}", stream=False).json()


@pytest.mark.parametrize("word", ["stop", "length", "content_filter", "tool_calls"])
def test_finish(demo, word):
    assert demo.chat(f"demo-fast;finish={word}").finish() == word
    body = demo.chat(f"demo-fast;finish={word}", stream=False).json()
    assert body["choices"][0]["finish_reason"] == word


# ---- faults -----------------------------------------------------------------

@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault,status,kind,code", [
    ("400", 400, "invalid_request_error", None),
    ("401", 401, "invalid_request_error", "invalid_api_key"),
    ("403", 403, "request_forbidden", "unsupported_country_region_territory"),
    ("404", 404, "invalid_request_error", "model_not_found"),
    ("429", 429, "requests", "rate_limit_exceeded"),
    ("500", 500, "server_error", None),
    ("503", 503, "service_unavailable_error", "server_is_overloaded"),
    ("529", 529, "server_error", None),
    ("quota", 429, "insufficient_quota", "insufficient_quota"),
    ("context", 400, "invalid_request_error", "context_length_exceeded"),
    ("filter", 400, "invalid_request_error", "content_filter"),
])
def test_error_statuses(demo, fault, status, kind, code, stream):
    answer = demo.chat(f"demo-fast;fault={fault};retry=9", stream=stream)
    error = answer.json()["error"]
    assert (answer.status, error["type"], error["code"]) == (status, kind, code)
    assert answer.headers.get("retry-after") == ("9" if fault in ("429", "503") else None)


def test_html_redirect_and_big_header(demo):
    assert demo.chat("demo-fast;fault=html").body.startswith(b"<html>")
    answer = demo.chat("demo-fast;fault=redirect")
    assert answer.status == 302 and "169.254.169.254" in answer.headers["location"]
    answer = demo.chat("demo-fast;fault=big-header;size=100000")
    assert len(answer.headers["x-demo-filler"]) >= 99999 and answer.events()[-1] == "[DONE]"


def test_refuse_and_close(demo):
    answer = demo.chat("demo-fast;fault=refuse")
    assert answer.raw == b"" and answer.end == "reset"
    answer = demo.chat("demo-fast;fault=close")
    assert answer.raw == b"" and answer.end == "closed"
    assert demo.log(fault="refuse")[0]["status"] == 0


def read_for(sock, seconds):
    """What arrives in this time; the connection stays open."""
    until, raw = time.monotonic() + seconds, b""
    while (left := until - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recv(65536)
        except socket.timeout:
            break
        assert data, "closed in a stall"
        raw += data
    return raw


def test_stalls(demo):
    with demo.send(chat("demo-fast;fault=stall-before")) as sock:
        assert read_for(sock, 0.3) == b""
    with demo.send(chat("demo-fast;fault=stall-headers")) as sock:
        assert read_for(sock, 0.3).endswith(b"\r\n\r\n")
    for model in ("demo-fast;fault=stall-after;at=3", "demo-fast;fault=stall-after;deltas=6"):
        with demo.send(chat(model)) as sock:
            raw = b""
            while raw.count(b'"delta":{"content"') < 3:
                raw += sock.recv(65536)
            assert raw.count(b'"delta":{"content"') == 3 and read_for(sock, 0.3) == b""
        row = demo.log(model=model)[0]
        assert row["end"] == "client_closed" and row["deltas_flushed"] == 3
        assert row["duration_ms"] >= 300


def test_stall_with_an_end(demo):
    for fault in ("stall-before", "stall-headers", "stall-after"):
        start = time.monotonic()
        answer = demo.chat(f"demo-fast;fault={fault};stall=300;deltas=4")
        assert 0.28 < time.monotonic() - start < 4
        assert len(answer.deltas()) == 4 and answer.events()[-1] == "[DONE]"


def test_resets(demo):
    answer = demo.chat("demo-fast;fault=reset;deltas=10;at=4")
    assert answer.end == "reset" and len(answer.deltas()) == 4 and answer.body.endswith(b"\n\n")
    answer = demo.chat("demo-fast;fault=reset-mid;deltas=10;at=4")
    assert answer.end == "reset" and len(answer.deltas()) == 4
    assert not answer.body.endswith(b"\n") and answer.body.rstrip().rsplit(b"\n\n", 1)[1]
    assert demo.log(fault="reset-mid")[0]["end"] == "reset"


def test_cut(demo):
    answer = demo.chat("demo-fast;fault=cut;deltas=10;at=4")
    assert answer.end == "closed" and not answer.complete and len(answer.deltas()) == 4
    assert demo.log(fault="cut")[0]["end"] == "closed"


def test_error_and_filter_in_the_middle(demo):
    events = demo.chat("demo-fast;fault=error-mid;deltas=10;at=4").events()
    assert events[-1]["error"]["type"] == "server_error" and len(events) == 6
    answer = demo.chat("demo-fast;fault=filter-mid;deltas=10;at=4", body=USAGE)
    assert answer.finish() == "content_filter" and len(answer.deltas()) == 4
    assert answer.usage()["completion_tokens"] == 4


def test_slices(demo):
    answer = demo.chat("demo-fast;fault=slices;deltas=10", body=USAGE)
    assert all(len(chunk) == 1 for chunk in answer.chunks) and answer.complete
    assert len(answer.deltas()) == 10 and answer.usage()["completion_tokens"] == 10
    answer = demo.chat("demo-fast;fault=slices;deltas=3", stream=False)
    assert all(len(chunk) == 1 for chunk in answer.chunks) and answer.json()["usage"]


def test_long_line(demo):
    answer = demo.chat("demo-fast;fault=long-line;deltas=4")
    longest = max(answer.body.split(b"\n"), key=len)
    assert len(longest) > 10 << 20 and json.loads(longest[6:])
    assert len(answer.deltas()) == 5 and answer.events()[-1] == "[DONE]"
    answer = demo.chat("demo-fast;fault=long-line;size=1000", stream=False)
    assert len(answer.json()["choices"][0]["message"]["content"]) > 1500


def test_bad_json_and_bad_utf8(demo):
    answer = demo.chat("demo-fast;fault=bad-json;deltas=4")
    with pytest.raises(ValueError):
        answer.events()
    assert answer.body.endswith(b"data: [DONE]\n\n") and answer.complete
    answer = demo.chat("demo-fast;fault=bad-utf8;deltas=4")
    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()
    with pytest.raises(ValueError):
        demo.chat("demo-fast;fault=bad-json", stream=False).json()


def test_no_done_no_finish_empty_comments(demo):
    answer = demo.chat("demo-fast;fault=no-done", body=USAGE)
    assert "[DONE]" not in answer.events() and answer.usage() and answer.finish() and answer.complete
    answer = demo.chat("demo-fast;fault=no-finish", body=USAGE)
    assert answer.finish() is None and answer.usage() is None and answer.complete
    answer = demo.chat("demo-fast;fault=empty", body=USAGE)
    assert answer.deltas() == [] and answer.finish() == "stop"
    answer = demo.chat("demo-fast;fault=comments;deltas=4")
    assert answer.body.count(b": still here\n") == 4 and len(answer.deltas()) == 4


@pytest.mark.parametrize("fault,end", [("end-close", "closed"), ("end-reset", "reset")])
def test_ends_without_an_end(demo, fault, end):
    answer = demo.chat(f"demo-fast;fault={fault};deltas=4", body=USAGE)
    assert answer.end == end and not answer.complete
    assert len(answer.deltas()) == 4 and answer.finish() == "stop" and answer.events()[-1] == "[DONE]"


def test_markers(demo):
    assert "[DONE]" not in demo.chat("demo-fast;marker=finish;deltas=2", body=USAGE).events()
    answer = demo.chat("demo-fast;marker=done;deltas=2", body=USAGE)
    assert answer.finish() is None and answer.usage() and answer.events()[-1] == "[DONE]"


def test_ends_that_are_spoilt(demo):
    assert demo.chat("demo-fast;fault=end-no-blank").body.endswith(b"data: [DONE]\n")
    assert demo.chat("demo-fast;fault=end-no-line").body.endswith(b"data: [DONE]")
    assert b"<html>" in demo.chat("demo-fast;fault=end-garbage").body.split(b"[DONE]")[1]
    assert b"server_error" in demo.chat("demo-fast;fault=end-error").body.split(b"[DONE]")[1]
    assert b"content_filter" in demo.chat("demo-fast;fault=end-filter").body.split(b"[DONE]")[1]
    with demo.send(chat("demo-fast;fault=end-comments;deltas=2")) as sock:
        assert read_for(sock, 0.4).count(b": still here") >= 3
    with demo.send(chat("demo-fast;fault=end-open;deltas=2")) as sock:
        raw = read_for(sock, 0.3)
        assert raw.endswith(b"data: [DONE]\n\n\r\n")


def test_errors_of_all_shapes(demo):
    for fault, word in (("error-frame", b"event: error\ndata: {"), ("error-object", b'"object":"error"'),
                        ("error-code", b'"error_code":336000'), ("error-filter", b'"code":"content_filter"')):
        answer = demo.chat(f"demo-fast;fault={fault};deltas=10;at=4")
        assert word in answer.body.split(b"\n\n")[-2] + b"\n" and answer.complete and len(answer.deltas()) == 4
    for finish, word in (("sensitive", "sensitive"), ("empty", ""), ("error", "error"), ("unknown", "no_such_reason")):
        assert f'"finish_reason":"{word}"'.encode() in demo.chat(f"demo-fast;finish={finish}").body


def test_texts_of_all_shapes(demo):
    plain = "".join(demo.chat("demo-fast;deltas=6").deltas())
    parts = [e["choices"][0]["delta"]["content"] for e in demo.chat("demo-fast;deltas=6;fault=parts").events()[1:7]]
    assert "".join(p["text"] for part in parts for p in part) == plain
    for fault, order in (("repeat", ["index", "delta", "message"]), ("repeat-first", ["index", "message", "delta"])):
        answer = demo.chat(f"demo-fast;deltas=6;fault={fault}")
        choice = answer.events()[-2]["choices"][0]
        assert list(choice)[:3] == order and choice["message"]["content"] == plain and choice["finish_reason"] == "stop"
    body = demo.chat("demo-fast;deltas=2;fault=halves").body
    assert b'"\\ud83d"' in body and b'"\\ude00"' in body and b'"\xe6\xb0"' in body and b'"\xb4"' in body
    body = demo.chat("demo-fast;deltas=2;fault=noise").body
    assert body.count(b"data: null\n\n") == 2 and body.count(b": keepalive") == 2


def test_answers_that_are_no_stream(demo):
    answer = demo.chat("demo-fast;fault=whole;deltas=3", body=USAGE)
    assert answer.json()["choices"][0]["message"]["content"] and answer.headers["content-type"] == "application/json"
    answer = demo.chat("demo-fast;fault=error-200")
    assert answer.status == 200 and answer.json()["error"]["type"] == "server_error"
    answer = demo.chat("demo-fast;fault=filter-200")
    assert answer.status == 200 and answer.json()["error"]["code"] == "content_filter"
    answer = demo.chat("demo-fast;fault=html-200")
    assert answer.status == 200 and answer.body.startswith(b"<html>")


@pytest.mark.parametrize("encoding,window", [("gzip", 31), ("deflate", 15)])
def test_encodings(demo, encoding, window):
    plain = demo.chat("demo-fast;deltas=5", body=USAGE).deltas()
    answer = demo.chat(f"demo-fast;deltas=5;encoding={encoding}", body=USAGE, headers=[("Accept-Encoding", "gzip, deflate")])
    assert answer.headers["content-encoding"] == encoding
    answer.body = zlib.decompress(answer.body, window)
    assert answer.deltas() == plain and answer.events()[-1] == "[DONE]"
    assert demo.chat(f"demo-fast;encoding={encoding}").status == 406
    assert "content-encoding" not in demo.chat("demo-fast", headers=[("Accept-Encoding", "gzip")]).headers


def test_bomb(demo):
    answer = demo.chat("demo-fast;fault=bomb;deltas=4;size=20000000", headers=[("Accept-Encoding", "gzip")])
    assert len(answer.body) < 200000
    answer.body = zlib.decompress(answer.body, 31)
    assert len(answer.deltas()[2]) == 20000000 and answer.events()[-1] == "[DONE]"


@pytest.mark.parametrize("fault,end", [("reset-mid", "reset"), ("cut", "closed")])
def test_faults_of_streams_without_stream(demo, fault, end):
    answer = demo.chat(f"demo-fast;fault={fault}", stream=False)
    assert answer.end == end and answer.status == 200 and not answer.complete


def test_fail_then_succeed(demo):
    statuses = [demo.chat("demo-fast;fail=2", "retry me").status for _ in range(6)]
    assert statuses == [500, 500, 200, 500, 500, 200]
    prompt = "[[demo fail=1 fault=429 key=mine-1]]"
    assert [demo.chat(prompt=prompt + str(i)).status for i in range(2)] == [429, 200]


# ---- the same on every wire -------------------------------------------------

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}}}


class OpenAI:
    """How a wire asks, and what was said on it in no wire's words: text, think, calls, usage, finish."""

    name, filtered, called, stopped, cut = "openai", "content_filter", "tool_calls", "stop", "length"
    error = staticmethod(lambda body: (body["error"]["message"], body["error"]["type"], body["error"]["code"]))

    @staticmethod
    def path(model, stream):
        return "/v1/chat/completions"

    @staticmethod
    def body(model, prompt, stream, tools=(), must=None, schema=None, limit=None, result=None):
        body = chat(model, prompt, stream, **(USAGE if stream else {}))
        if tools:
            body["tools"] = [{"type": "function", "function": {"name": t, "parameters": SCHEMA}} for t in tools]
        if must:
            body["tool_choice"] = {"type": "function", "function": {"name": must}} if must in tools else "required"
        if schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        if limit:
            body["max_tokens"] = limit
        if result:
            body["messages"] += [
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": result}]
        return body

    @staticmethod
    def usage(u):
        return (u["prompt_tokens"], u["completion_tokens"], u["prompt_tokens_details"]["cached_tokens"],
                u["completion_tokens_details"]["reasoning_tokens"])

    @classmethod
    def whole(cls, body):
        choice = body["choices"][0]
        said = choice["message"]
        calls = [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"]))
                 for c in said.get("tool_calls", [])]
        return (said["content"] or "", said.get("reasoning_content", ""), calls, cls.usage(body["usage"]),
                choice["finish_reason"])

    @classmethod
    def stream(cls, answer):
        calls = []
        for call in [d[0] for d in answer.deltas("tool_calls")]:
            if "id" in call:
                assert call["index"] == len(calls) and call["type"] == "function"
                calls.append([call["id"], call["function"]["name"], ""])
            calls[call["index"]][2] += call["function"]["arguments"]
        return (answer.text(), "".join(answer.deltas("reasoning_content")),
                [(i, n, json.loads(a)) for i, n, a in calls], cls.usage(answer.usage()), answer.finish())

    @staticmethod
    def ends(answer):
        return answer.body.endswith(b"data: [DONE]\n\n")


class Anthropic(OpenAI):
    name, filtered, called, stopped, cut = "anthropic", "refusal", "tool_use", "end_turn", "max_tokens"
    error = staticmethod(lambda body: (body["error"]["message"], body["type"], body["error"]["type"], body["request_id"]))

    @staticmethod
    def path(model, stream):
        return "/v1/messages"

    @staticmethod
    def body(model, prompt, stream, tools=(), must=None, schema=None, limit=4096, result=None):
        body = {"model": model, "max_tokens": limit or 4096, "stream": stream,
                "messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}]}
        if tools:
            body["tools"] = [{"name": t, "input_schema": SCHEMA} for t in tools]
        if must:
            body["tool_choice"] = {"type": "tool", "name": must} if must in tools else {"type": "any"}
        if schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if result:
            body["messages"] += [
                {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": result}]}]
        return body

    @staticmethod
    def usage(u):
        cached = u["cache_read_input_tokens"]
        return u["input_tokens"] + cached, u["output_tokens"], cached, None

    @classmethod
    def whole(cls, body):
        assert body["type"] == "message" and body["role"] == "assistant" and body["id"].startswith("msg_")
        blocks = body["content"]
        assert all(b["signature"] for b in blocks if b["type"] == "thinking")
        return ("".join(b["text"] for b in blocks if b["type"] == "text"),
                "".join(b["thinking"] for b in blocks if b["type"] == "thinking"),
                [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"],
                cls.usage(body["usage"]), body["stop_reason"])

    @classmethod
    def stream(cls, answer):
        """Put the message together as a client does, with every rule of order checked."""
        events, blocks, is_open, end = answer.events(), [], False, None
        names = re.findall(rb"(?m)^event: (\w+)$", answer.body)
        assert [n.decode() for n in names] == [e["type"] for e in events]
        assert events[0]["type"] == "message_start" and events[-1]["type"] == "message_stop"
        assert any(e["type"] == "ping" for e in events)
        message = events[0]["message"]
        for event in events[1:]:
            kind = event["type"]
            if kind == "content_block_start":
                assert not is_open and event["index"] == len(blocks)
                blocks.append(dict(event["content_block"], json=""))
                is_open = True
            elif kind == "content_block_delta":
                assert is_open and event["index"] == len(blocks) - 1
                for member, text in event["delta"].items():
                    if member != "type":
                        member = "json" if member == "partial_json" else member
                        blocks[-1][member] += text
            elif kind == "content_block_stop":
                assert is_open and event["index"] == len(blocks) - 1
                is_open = False
            elif kind == "message_delta":
                assert not is_open and end is None
                end = event
        for block in blocks:
            if block["type"] == "tool_use":
                block["input"] = json.loads(block["json"])
        return cls.whole(dict(message, content=blocks, usage=end["usage"], stop_reason=end["delta"]["stop_reason"]))

    @staticmethod
    def ends(answer):
        return answer.body.endswith(b'data: {"type":"message_stop"}\n\n')


class Gemini(OpenAI):
    name, filtered, called, stopped, cut = "gemini", "SAFETY", "STOP", "STOP", "MAX_TOKENS"
    error = staticmethod(lambda body: (body["error"]["message"], body["error"]["code"], body["error"]["status"]))
    base = "/v1beta"

    @classmethod
    def path(cls, model, stream):
        return f"{cls.base}/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")

    @staticmethod
    def body(model, prompt, stream, tools=(), must=None, schema=None, limit=None, result=None):
        body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": {}}
        if tools:
            body["tools"] = [{"functionDeclarations": [{"name": t, "parametersJsonSchema": SCHEMA} for t in tools]}]
        if must:
            body["toolConfig"] = {"functionCallingConfig": {
                "mode": "ANY", **({"allowedFunctionNames": [must]} if must in tools else {})}}
        if schema:
            body["generationConfig"].update(responseMimeType="application/json", responseJsonSchema=schema)
        if limit:
            body["generationConfig"]["maxOutputTokens"] = limit
        if result:
            body["contents"] += [
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": result}}}]}]
        return body

    @staticmethod
    def usage(u):
        thoughts = u.get("thoughtsTokenCount", 0)
        assert u["promptTokenCount"] + u["candidatesTokenCount"] + thoughts == u["totalTokenCount"]
        return u["promptTokenCount"], u["candidatesTokenCount"] + thoughts, u.get("cachedContentTokenCount", 0), thoughts

    @classmethod
    def put_together(cls, pieces):
        parts = [p for piece in pieces for p in piece["candidates"][0]["content"]["parts"]]
        calls = [p for p in parts if "functionCall" in p]
        assert all(("thoughtSignature" in c) == (c is calls[0]) for c in calls)
        assert pieces[-1]["modelVersion"] and pieces[-1]["responseId"]
        return ("".join(p.get("text", "") for p in parts if not p.get("thought")),
                "".join(p["text"] for p in parts if p.get("thought")),
                [(None, c["functionCall"]["name"], c["functionCall"]["args"]) for c in calls],
                cls.usage(pieces[-1]["usageMetadata"]), pieces[-1]["candidates"][0]["finishReason"])

    @classmethod
    def whole(cls, body):
        return cls.put_together([body])

    @classmethod
    def stream(cls, answer):
        assert all(line.startswith(b"data: {") for line in answer.body.split(b"\r\n\r\n")[:-1])
        return cls.put_together(events_of(answer))

    @staticmethod
    def ends(answer):
        return b'"finishReason":' in answer.body.split(b"data: ")[-1] and answer.body.endswith(b"}\r\n\r\n")


class Responses(OpenAI):
    name, filtered, called, stopped, cut = "responses", "content_filter", "completed", "completed", "max_output_tokens"

    @staticmethod
    def error(body):
        error = body.get("error", body)
        return error["message"], error["type"], error["code"]

    @staticmethod
    def path(model, stream):
        return "/v1/responses"

    @staticmethod
    def body(model, prompt, stream, tools=(), must=None, schema=None, limit=None, result=None):
        body = {"model": model, "stream": stream, "input": [{"role": "user", "content": [{"type": "input_text", "text": prompt}]}]}
        if tools:
            body["tools"] = [{"type": "function", "name": t, "parameters": SCHEMA} for t in tools]
        if must:
            body["tool_choice"] = {"type": "function", "name": must} if must in tools else "required"
        if schema:
            body["text"] = {"format": {"type": "json_schema", "name": "x", "schema": schema}}
        if limit:
            body["max_output_tokens"] = limit
        if result:
            body["input"] += [{"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
                              {"type": "function_call_output", "call_id": "call_1", "output": result}]
        return body

    @staticmethod
    def usage(u):
        assert u["input_tokens"] + u["output_tokens"] == u["total_tokens"]
        return (u["input_tokens"], u["output_tokens"], u["input_tokens_details"]["cached_tokens"],
                u["output_tokens_details"]["reasoning_tokens"])

    @classmethod
    def whole(cls, body):
        assert body["object"] == "response" and body["id"].startswith("resp_")
        items = body["output"]
        assert all(i["encrypted_content"] for i in items if i["type"] == "reasoning")
        return ("".join(p["text"] for i in items if i["type"] == "message" for p in i["content"]),
                "".join(p["text"] for i in items if i["type"] == "reasoning" for p in i["summary"]),
                [(i["call_id"], i["name"], json.loads(i["arguments"])) for i in items if i["type"] == "function_call"],
                cls.usage(body["usage"]), (body["incomplete_details"] or {"reason": body["status"]})["reason"])

    @classmethod
    def stream(cls, answer):
        """What the deltas say is what the items do, and the response."""
        events = answer.events()
        assert [e["sequence_number"] for e in events] == list(range(len(events)))
        assert [e["type"] for e in events[:2]] == ["response.created", "response.in_progress"]
        done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
        assert done == events[-1]["response"]["output"]
        found = cls.whole(events[-1]["response"])
        for kind, said in (("output_text", found[0]), ("reasoning_summary_text", found[1])):
            assert "".join(e["delta"] for e in events if e["type"] == f"response.{kind}.delta") == said
        return found

    @staticmethod
    def ends(answer):
        last = answer.body.split(b"event: ")[-1]
        return answer.body.endswith(b"}\n\n") and last.startswith((b"response.completed", b"response.incomplete"))


class GeminiV1(Gemini):
    base = "/v1"


WIRES = pytest.mark.parametrize("wire", [OpenAI, Anthropic, Responses, Gemini, GeminiV1], ids=lambda w: w.__name__)


def ask_wire(demo, wire, model="demo-fast", prompt="Hello weir", stream=True, headers=(), **more):
    return demo.ask(wire.body(model, prompt, stream, **more), headers, path=wire.path(model, stream))


def both(demo, wire, model="demo-fast", prompt="Hello weir", **more):
    """What was said, streamed and whole, which must be the same."""
    whole = ask_wire(demo, wire, model, prompt, False, **more)
    stream = ask_wire(demo, wire, model, prompt, True, **more)
    assert whole.status == stream.status == 200 and wire.ends(stream), whole.body
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert wire.whole(whole.json()) == wire.stream(stream)
    return wire.whole(whole.json())


@WIRES
def test_stream_and_whole_say_the_same(demo, wire):
    text, think, calls, usage, finish = both(demo, wire)
    assert "Hello weir" in text and think == "" and calls == [] and finish == wire.stopped
    assert text == OpenAI.whole(demo.chat(stream=False).json())[0]  # and on every wire
    assert both(demo, wire, prompt="你好")[0].startswith("# 关于")
    text, _, _, usage, finish = both(demo, wire, limit=7)
    assert usage[1] == 7 and finish == wire.cut


@WIRES
def test_reasoning_and_cache_on_every_wire(demo, wire):
    _, think, _, usage, _ = both(demo, wire, "demo-fast;reasoning=5;deltas=3;cached=40")
    assert think and usage[0] >= 40 and usage[1:3] == (8, 40) and usage[3] in (5, None)
    assert both(demo, wire, prompt="[[demo usage=500/20 cached=100]]")[3][:3] == (500, 20, 100)


@WIRES
def test_calls(demo, wire):
    tools = ("get_weather", "f")
    text, _, calls, usage, finish = both(
        demo, wire, prompt="Hi [[demo call=get_weather:city=New%20York:days=3 call=f:on=true:to=水]]", tools=tools)
    assert text == "" and finish == wire.called and usage[1] > 1
    assert [c[1:] for c in calls] == [("get_weather", {"city": "New York", "days": 3}), ("f", {"on": True, "to": "水"})]
    assert wire.name == "gemini" or len({c[0] for c in calls}) == 2
    text, _, calls, _, _ = both(demo, wire, prompt="Hi [[demo call deltas=4]]", tools=tools)
    assert text.startswith("# About “") and calls[0][1:] == ("get_weather", {"city": "example", "days": 2})
    assert both(demo, wire, prompt="Hi [[demo call=f]]")[2] == []  # without tools


@WIRES
def test_calls_that_are_required(demo, wire):
    assert [c[1] for c in both(demo, wire, tools=("a", "b"), must="any")[2]] == ["a"]
    assert [c[1] for c in both(demo, wire, tools=("a", "b"), must="b")[2]] == ["b"]
    assert both(demo, wire, tools=("a", "b"))[2] == []


@WIRES
def test_result_of_a_tool(demo, wire):
    text, _, calls, usage, finish = both(demo, wire, prompt="Hi [[demo call=f]]", tools=("f",), result="12 degrees")
    assert usage[0] > both(demo, wire, prompt="Hi [[demo call=f]]", tools=("f",), result="1")[3][0]
    assert text == "The tool said: 12 degrees" and calls == [] and finish == wire.stopped


@WIRES
def test_answers_by_a_schema(demo, wire):
    schema = {"type": "object", "properties": {
        "a": {"type": "string", "minLength": 9}, "n": {"type": "integer", "minimum": 3}, "x": {"type": ["number", "null"]},
        "b": {"type": "boolean"}, "l": {"type": "array", "minItems": 2, "items": {"enum": ["red", "blue"]}},
        "o": {"$ref": "#/$defs/o"}}, "$defs": {"o": {"type": "object", "properties": {"d": {"type": "string", "format": "date"}}}}}
    said = json.loads(both(demo, wire, schema=schema)[0])
    assert said == {"a": "exampleee", "n": 3, "x": 1, "b": True, "l": ["red", "red"], "o": {"d": "2026-11-30"}}


@WIRES
def test_statuses_on_every_wire(demo, wire):
    for fault, status in (("400", 400), ("429", 429), ("500", 500), ("503", 503), ("529", 529), ("context", 400)):
        answer = ask_wire(demo, wire, f"demo-fast;fault={fault};retry=7")
        assert answer.status == status and all(wire.error(answer.json())[:2]), fault
        assert answer.headers.get("retry-after") == ("7" if status in (429, 503) else None)
    assert ask_wire(demo, wire, "nope").status == 404
    assert ask_wire(demo, wire, "demo-fast;colour=red").status == 400
    assert ask_wire(demo, wire, "demo-fast;fault=html").body.startswith(b"<html>")
    answer = ask_wire(demo, wire, "demo-fast;fault=quota")
    assert answer.status in (400, 429) and wire.error(answer.json())
    answer = demo.ask(b"{not json", path=wire.path("demo-fast", False))
    assert answer.status == 400 and wire.error(answer.json())
    assert demo.ask(b"", path=wire.path("demo-fast", False), method="GET").status == 405


def events_of(answer):
    return [json.loads(line[6:]) for line in re.split(rb"\r?\n", answer.body) if line.startswith(b"data: {")]


@WIRES
def test_faults_of_streams_on_every_wire(demo, wire):
    def name(fault):
        return f"demo-fast;deltas=6;at=3;fault={fault};key={wire.__name__}"

    def play(fault):
        return ask_wire(demo, wire, name(fault))

    def count(fault):
        return demo.log(model=name(fault))[-1]["deltas_flushed"]

    assert wire.ends(play("none"))
    assert play("reset").end == "reset"
    for fault, end in (("cut", "closed"), ("reset-mid", "reset")):
        answer = play(fault)
        assert answer.end == end and not answer.complete and answer.body[-1:] != b"\n" and count(fault) == 3
    for fault in ("error-mid", "error-frame", "error-object", "error-code", "error-filter"):
        answer = play(fault)
        assert answer.complete and not wire.ends(answer) and answer.body.endswith(b"\n") and count(fault) == 3, fault
    assert all(wire.error(events_of(play("error-mid"))[-1])[:2])
    assert f'"{wire.filtered}"'.encode() in play("filter-mid").body
    for fault in ("slices", "comments", "noise", "halves", "bad-utf8", "long-line;size=99999", "empty", "parts", "repeat"):
        answer = play(fault)
        assert answer.complete and wire.ends(answer), fault
    assert len(play("long-line;size=99999").body) > 99999
    assert play("empty").body.count(b"About") == 0
    with pytest.raises(ValueError):
        events_of(play("bad-json"))
    assert play("no-finish").complete and not wire.ends(play("no-finish"))
    assert wire.stopped.encode() not in play("no-finish").body
    answer = play("end-close")
    assert wire.ends(answer) and not answer.complete
    assert b"<html>" in play("end-garbage").body and not wire.ends(play("end-no-blank"))
    assert not play("end-no-line").body.endswith(b"\n") and not wire.ends(play("end-error"))
    assert wire.whole(play("whole").json())[0] and play("error-200").status == 200
    with pytest.raises(ValueError):
        ask_wire(demo, wire, "demo-fast;fault=bad-json", stream=False).json()
    assert not ask_wire(demo, wire, "demo-fast;fault=cut", stream=False).complete


@WIRES
def test_cut_in_a_call(demo, wire):
    answer = ask_wire(demo, wire, prompt="[[demo call=f:a=1 fault=cut at=0]]", tools=("f",))
    assert answer.end == "closed" and not answer.complete
    answer = ask_wire(demo, wire, prompt="[[demo call=f:!%7Bbad]]", tools=("f",))
    assert wire.ends(answer)
    if wire is OpenAI:
        assert "".join(d[0]["function"]["arguments"] for d in answer.deltas("tool_calls")) == "{bad"


@WIRES
def test_log_counts_what_left_on_every_wire(demo, wire):
    """Events that are no deltas are not taken for some."""
    model = f"demo-fast;reasoning=2;deltas=5;fault=stall-after;at=4;key={wire.__name__}"
    sock = demo.send(wire.body(model, "Hi", True), path=wire.path(model, True))
    with sock:
        read_for(sock, 0.3)
    row = demo.log(model=model)[0]
    assert row["end"] == "client_closed" and (row["deltas_flushed"], row["reasoning_flushed"]) == (4, 2)
    assert row["id"]


def test_what_responses_keeps(demo):
    def ask(method, path):
        return demo.ask(b"", path="/v1/responses/" + path, method=method)

    assert ask("GET", "resp_1").json()["id"] == "resp_1" and ask("DELETE", "resp_1").json()["deleted"]
    assert ask("POST", "resp_1/cancel").json()["status"] == "completed" and ask("GET", "resp_1/input_items").json()["data"] == []
    assert [ask(*a).status for a in (("GET", "none"), ("PUT", "resp_1"), ("GET", "resp_1/cancel"))] == [404] * 3
    body = Responses.body("demo-fast", "Count", False)
    assert demo.ask(body, path="/v1/responses/input_tokens").json()["input_tokens"] > 0
    assert demo.ask(body, path="/v1/responses/compact").json()["object"] == "response.compaction"


def test_gemini_array(demo):
    path = "/v1beta/models/demo-fast%3Bdeltas=4:streamGenerateContent?key=k"
    answer = demo.ask(Gemini.body("", "Hello weir", True), path=path)
    pieces = answer.json()
    assert answer.headers["content-type"] == "application/json" and len(pieces) == 5 and len(answer.chunks) == 5
    assert Gemini.put_together(pieces)[0] == both(demo, Gemini, "demo-fast;deltas=4")[0]
    for fault in ("noise", "comments", "empty"):
        assert demo.ask(Gemini.body("", "x", True), path=path.replace(":s", f";fault={fault}:s")).json()
    error = demo.ask(Gemini.body("", "x", True), path=path.replace(":s", ";fault=error-mid:s")).json()[-1]
    assert error["error"]["status"] == "INTERNAL"
    with pytest.raises(ValueError):
        demo.ask(Gemini.body("", "x", True), path=path.replace(":s", ";fault=no-done:s")).json()


def test_prompts_that_are_refused(demo):
    assert ask_wire(demo, OpenAI, "demo-fast;fault=filter").json()["error"]["code"] == "content_filter"
    assert ask_wire(demo, Anthropic, "demo-fast;fault=filter").json()["error"]["type"] == "invalid_request_error"
    answer = ask_wire(demo, Gemini, "demo-fast;fault=filter")
    assert answer.status == 200 and answer.json()["promptFeedback"]["blockReason"] == "SAFETY"


def test_strict_about_signatures(demo):
    thought = both(demo, Anthropic, "demo-fast;reasoning=2;deltas=1") and ask_wire(
        demo, Anthropic, "demo-fast;reasoning=2;deltas=1", stream=False).json()["content"][0]
    for signature, status in ((thought["signature"], 200), ("c29tZW9uZSBlbHNl", 400)):
        body = Anthropic.body("demo-fast;strict=1", "Hi", False)
        body["messages"] += [{"role": "assistant", "content": [dict(thought, signature=signature)]},
                             {"role": "user", "content": "on"}]
        assert demo.ask(body, path="/v1/messages").status == status
        body["model"] = "demo-fast"
        assert demo.ask(body, path="/v1/messages").status == 200
    body = Gemini.body("", "Hi [[demo call=f strict=1]]", False, tools=("f",))
    call = demo.ask(body, path="/v1beta/models/demo-fast:generateContent").json()["candidates"][0]["content"]
    for part, status in ((call["parts"][0], 200), ({"functionCall": {"name": "f", "args": {}}}, 400)):
        body["contents"][1:] = [{"role": "model", "parts": [part]},
                                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]}]
        assert demo.ask(body, path="/v1beta/models/demo-fast:generateContent").status == status


def test_count_tokens(demo):
    count = demo.ask(Anthropic.body("demo-fast", "Hello weir", False), path="/v1/messages/count_tokens").json()
    assert count == {"input_tokens": both(demo, Anthropic)[3][0]}
    for body in (Gemini.body("", "Hello weir", False), {"generateContentRequest": Gemini.body("", "Hello weir", False)}):
        count = demo.ask(body, path="/v1beta/models/demo-fast:countTokens").json()
        assert count["totalTokens"] == both(demo, Gemini)[3][0]


def test_models_in_every_shape(demo):
    def get(path, *headers):
        return demo.ask(b"", headers, path=path, method="GET").json()

    names = ["demo", "demo-fast", "demo-slow"]
    version = ("anthropic-version", "2023-06-01")
    found = get("/v1/models", version)
    assert [m["id"] for m in found["data"]] == names and found["has_more"] is False
    assert (found["first_id"], found["last_id"]) == ("demo", "demo-slow")
    assert get("/v1/models/demo", version)["type"] == "model"
    assert get("/v1/models/nope", version)["error"]["type"] == "not_found_error"
    for path, headers in (("/v1beta/models", ()), ("/v1/models", [("x-goog-api-key", "k")]), ("/v1/models?key=k", ())):
        assert [m["name"] for m in get(path, *headers)["models"]] == ["models/" + n for n in names]
    assert "generateContent" in get("/v1beta/models/demo")["supportedGenerationMethods"]
    assert get("/v1beta/models/nope")["error"]["status"] == "NOT_FOUND"


def test_embeddings(demo):
    def embed(text, **more):
        return demo.ask({"model": "demo-fast", "input": text, **more}, path="/v1/embeddings").json()

    one = embed("weir", dimensions=8)["data"][0]["embedding"]
    assert len(one) == 8 and abs(sum(x * x for x in one) - 1) < 1e-6
    found = embed(["weir", "dam"], dimensions=8)
    assert [d["index"] for d in found["data"]] == [0, 1] and found["data"][0]["embedding"] == one
    assert found["data"][1]["embedding"] != one and found["usage"]["total_tokens"] > 0
    packed = base64.b64decode(embed("weir", dimensions=8, encoding_format="base64")["data"][0]["embedding"])
    assert all(abs(a - b) < 1e-6 for a, b in zip(struct.unpack("<8f", packed), one))
    assert len(embed([1, 2, 3])["data"]) == 1 and len(embed([[1], [2]])["data"]) == 2
    assert len(embed("x")["data"][0]["embedding"]) == 512
    assert demo.ask({"input": "x"}, path="/v1/embeddings").status == 400
    assert embed([])["error"]["param"] == "input" and embed("x", dimensions=0)["error"]["param"] == "dimensions"
    assert demo.ask({"model": "demo-fast;fault=429", "input": "x"}, path="/v1/embeddings").status == 429
    content = {"content": {"parts": [{"text": "weir"}]}, "outputDimensionality": 8}
    assert demo.ask(content, path="/v1beta/models/demo:embedContent").json()["embedding"]["values"] == one
    found = demo.ask({"requests": [content, content]}, path="/v1beta/models/demo:batchEmbedContents").json()
    assert [e["values"] for e in found["embeddings"]] == [one, one]


def test_embeddings_and_ranks_mean_something(demo):
    def vectors(*texts):
        data = demo.ask({"model": "demo-fast", "input": list(texts)}, path="/v1/embeddings").json()["data"]
        return [d["embedding"] for d in data]

    def near(a, b):
        return sum(x * y for x, y in zip(a, b))

    query, same, other = vectors("How do I delete a file?", "Removing files from a directory", "The price of tea in autumn")
    assert near(query, same) > 0.3 > near(query, other)
    query, same, other = vectors("如何恢复数据库备份", "pg_restore: restore a database from an archive made by pg_dump", "The price of tea")
    assert near(query, same) > 0.2 > near(query, other)
    folded = vectors("ＰＯＳＴＧＲＥＳ　索引", "postgres 索引")
    assert folded[0] == folded[1]
    assert vectors("")[0][0] == 1
    texts = ["tea in autumn", "restore what was removed", "restore a database from a backup", "database"]
    ranked = demo.ask({"model": "demo-fast", "query": "restore database backup", "documents": texts}, path="/v1/rerank").json()
    assert [r["index"] for r in ranked["results"]] == [2, 1, 3, 0]
    assert [round(r["relevance_score"], 2) for r in ranked["results"]][0] == 0.88


def test_completions_and_moderations(demo):
    def complete(stream, model="demo-fast", **more):
        return demo.ask({"model": model, "prompt": "Hello weir", "stream": stream, **more}, path="/v1/completions")

    whole = complete(False).json()
    answer = complete(True, **USAGE)
    events = answer.events()
    assert whole["object"] == "text_completion" and whole["choices"][0]["finish_reason"] == "stop"
    assert "".join(e["choices"][0]["text"] for e in events[:-2]) == whole["choices"][0]["text"]
    assert events[-2]["usage"] == whole["usage"] and events[-1] == "[DONE]"
    assert complete(True, "demo-fast;fault=cut").end == "closed"
    found = demo.ask({"input": ["peace", "a violent text"]}, path="/v1/moderations").json()
    assert [r["flagged"] for r in found["results"]] == [False, True]
    for text in ("violent", [{"type": "text", "text": "so "}, {"type": "text", "text": "violent"}]):
        found = demo.ask({"model": "demo", "input": text}, path="/v1/moderations").json()
        assert [r["flagged"] for r in found["results"]] == [True]


# ---- the log and the process ------------------------------------------------

def test_log_names_the_request(demo):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = demo.chat("demo-fast;deltas=9", headers=[
        ("X-Request-Id", "req-77"), ("traceparent", trace), ("X-Weir-Task", "task-88")])
    row = demo.log(request_id="req-77")[0]
    assert row["traceparent"] == trace and row["task"] == "task-88"
    assert row["id"] == answer.events()[0]["id"] and row["model"] == "demo-fast;deltas=9"
    assert row["end"] == "complete" and row["deltas"] == row["deltas_flushed"] == 9
    assert row["completion_tokens"] == 9 and row["bytes"] == row["bytes_flushed"] == len(answer.raw)


def test_log_counts_what_left(demo):
    """A client that reads nothing: the log tells written from flushed."""
    model = "demo-fast;deltas=200000;bytes=64"
    with demo.connect(32768) as sock:
        demo.send(chat(model), sock=sock)
        time.sleep(0.5)
        assert demo.stats()["streams_open"] >= 1
        got = 0
        while got < 1 << 20:
            got += len(sock.recv(65536))
    row = demo.log(model=model)[0]
    assert row["end"] == "client_closed" and 0 < row["deltas_flushed"] < row["deltas"] < 200000
    assert row["bytes_flushed"] < row["bytes"]
    per_delta = row["bytes"] / (row["deltas"] + 1)
    assert abs(row["bytes_flushed"] / per_delta - row["deltas_flushed"]) < 3


def test_slow_reader_gets_everything(demo):
    with demo.connect(32768) as sock:
        demo.send(chat("demo-fast;deltas=3000"), [("Connection", "close")], sock=sock)
        time.sleep(0.3)
        answer = Answer(sock)
    assert len(answer.deltas()) == 3000 and answer.complete


def test_many_paced_streams(demo):
    """400 at once in one loop, each complete and on time."""
    socks = [demo.send(chat("demo-fast;deltas=10;pace=20;bytes=8"), [("Connection", "close")])
             for _ in range(400)]
    answers, start = [], time.monotonic()
    for sock in socks:
        with sock:
            answers.append(Answer(sock))
    assert all(len(a.deltas()) == 10 and a.complete for a in answers)
    assert time.monotonic() - start < 20 and demo.stats()["streams_open_max"] >= 300


def test_api_key_threads_unix_socket_and_sigterm(tmp_path):
    path = str(tmp_path / "demo.sock")
    log = tmp_path / "log"
    process = subprocess.Popen([PROGRAM, "-l", path, "-t", "2", "-k", "secret", "-o", str(log),
                                "-s", "deltas=2"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().endswith(path + "\n")

        def ask(headers, model="demo-fast"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(10)
            sock.connect(path)
            return Demo.send(None, chat(model), headers, sock=sock)

        close = ("Connection", "close")
        with ask([close]) as sock:
            assert Answer(sock).json()["error"]["code"] == "invalid_api_key"
        with ask([close, ("Authorization", "Bearer secret")]) as sock:
            assert len(Answer(sock).deltas()) == 2
        for name in ("x-api-key", "x-goog-api-key"):
            with ask([close, (name, "secret")]) as sock:
                assert len(Answer(sock).deltas()) == 2
        with ask([("Authorization", "Bearer secret")], "demo-fast;fault=stall-after"):
            time.sleep(0.2)
            process.terminate()
            assert process.wait(5) == 0
    finally:
        process.kill()
        process.stdout.close()
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["end"] for row in rows] == ["complete"] * 4 + ["shutdown"]
    assert not os.path.exists(path)


def test_options():
    def run(*args):
        return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=10)

    assert run("--version").stdout.startswith("weir-demo ")
    assert run("--script", "colour=red").returncode == 2
    assert run("--threads", "0").returncode == 2
    assert run("--listen", "nowhere").returncode == 1
    assert run("stray").returncode == 2


def test_manual_names_every_word():
    """--help and weir-demo(1) have the same options, keys and faults."""
    text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    with open(os.path.join(SRCDIR, "man", "weir-demo.1"), encoding="utf-8") as f:
        page = f.read().replace("\\-", "-")
    options = re.findall(r"--[a-z]+", text.split("A script is")[0])
    keys = re.findall(r"(?m)^  ([a-z]+) ", text.split("Keys:")[1].split("Faults:")[0])
    faults = re.findall(r"(?m)^  ([a-z0-9.-]+),? ", text.split("Faults:")[1])
    assert len(options) > 8 and len(keys) > 18 and len(faults) > 25
    missing = [w for w in keys + faults if not re.search(rf"(?m)^\.B.* {re.escape(w)}\b|^\.B {re.escape(w)}", page)]
    missing += [o for o in options if o not in page]
    assert not missing


def test_a_question_is_put_anew(demo):
    """As Weir asks for it before a search: all that was asked before, and the question, whatever is to be echoed."""
    text = ("Conversation:\nUser: What is a weir? [[demo echo=1]]\nAssistant: A low dam.\nUser: Who builds it?\nAssistant: Millers.\n"
            "\nLast question:\nAnd what for? [[demo echo=1]]\nmore")
    said = demo.chat(prompt=text, stream=False).json()
    assert said["choices"][0]["message"]["content"] == "What is a weir? Who builds it? And what for?"
    other = demo.chat(prompt="So: " + text, stream=False).json()["choices"][0]["message"]["content"]
    assert other.startswith("So: Conversation:")  # an echo
