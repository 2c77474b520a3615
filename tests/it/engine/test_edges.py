"""Turns at their edges: providers whose bytes are written by hand, and the limits of size, time and number."""

import http.server
import json
import threading
import time

import pytest
from weirtest import Services, busy, wait_until

CONF = {"server": {"max_streams": "4", "drain_timeout": "1s"},
        "upstream": {"max_answer_bytes": "1024", "total_timeout": "4s", "first_byte_timeout": "3s", "retries": "1",
                     "retry_base": "10ms"},
        "stream": {"disconnect_grace": "2s"}}


@pytest.fixture(scope="module")
def weir():
    """One process: what it counts is all there is."""
    with Services() as sv:
        sv.up(CONF, processes=1)
        yield sv


# ---- the provider ------------------------------------------------------------------


def chunk(content=None, finish=None, **more):
    delta = {} if content is None else {"content": content}
    body = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def answer(*parts, length=None):
    """A streamed answer; with a length that the parts do not have, one that is cut."""
    return (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
            + (b"" if length is None else b"Content-Length: %d\r\n" % length) + b"\r\n" + b"".join(parts))


def usage(**counts):
    return b"data: " + json.dumps({"choices": [], "usage": counts}).encode() + b"\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.wfile.write(self.server.answers.pop(0))
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def provider(weir):
    """A provider that gives the .answers it was told to, one after the other."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    add_model(weir, "byhand", server.url)
    yield server
    server.shutdown()


def add_model(weir, name, *urls):
    """A model with one channel per URL, in this order."""
    weir.weirctl("model", "add", name, "--input", "1", "--output", "2", "--context", "8000", "--max-output", "1000")
    for i, url in enumerate(urls):
        weir.weirctl("channel", "add", f"{name}-{i}", "--provider", "openai", "--url", url, "--allow-private",
                     "--priority", str(10 - i), "--model", name)


@pytest.fixture
def ask(weir, user, provider):
    """A turn with these answers; all of them are asked for."""

    def turn(*answers, question="by hand", model="byhand"):
        provider.answers, provider.asked = list(answers), []
        done = weir.chat(user, question, model=model)
        assert provider.answers == []
        return done

    return turn


# ---- what providers say ----------------------------------------------------------------


def test_the_reason_of_a_failed_try_is_forgotten(ask):
    """A try that reached its length with nothing said, and then failed, is no reason of the next, which gives none."""
    turn = ask(answer(chunk(finish="length"), b'data: {"error":"busy"}\n\n'), answer(chunk("fine"), DONE))
    assert turn.final["type"] == "done" and turn.text == "fine", turn.final
    assert turn.final["data"]["usage"]["finish"] is None


def test_filtered_before_any_text(weir, user, ask):
    before = weir.balance(user)
    cut = ask(answer(chunk(finish="content_filter"), length=9999))
    assert cut.final["data"]["code"] == "content_violation"
    turn = ask(answer(chunk(finish="content_filter"), DONE))
    assert (turn.final["type"], turn.final["data"]["code"]) == ("error", "content_violation")
    assert turn.final["data"]["credits_consumed"] == 0 and weir.balance(user) == before


@pytest.mark.parametrize("counts,estimated", [
    ({"prompt_tokens": 9, "completion_tokens": 2}, False),
    ({"prompt_tokens": 9}, True),
    ({"completion_tokens": 2}, True),
    ({"prompt_tokens": 8001, "completion_tokens": 2}, True),  # more than the model reads
    ({"prompt_tokens": 8000, "completion_tokens": 2}, True),  # more than was sent
    ({"prompt_tokens": 9, "completion_tokens": 73}, False),  # three times the estimate of what was told, and 64
    ({"prompt_tokens": 9, "completion_tokens": 74}, True),
    ({"prompt_tokens": 0, "completion_tokens": 2}, True),  # something was sent
    ({"prompt_tokens": 9, "completion_tokens": 0}, True),  # something was delivered
])
def test_which_usage_is_believed(weir, user, ask, counts, estimated):
    turn = ask(answer(chunk("some text", "stop"), usage(**counts), DONE))
    data = turn.final["data"]
    assert turn.final["type"] == "done" and data["usage"]["estimated"] is estimated
    if estimated:
        assert 0 < data["credits_consumed"] < 0.001
    else:  # and never more than was held
        cost = counts["prompt_tokens"] * 1e-6 + counts["completion_tokens"] * 2e-6
        held = weir.get("/api/me/credits/transactions", user).json["items"][0]["amount"]
        assert data["credits_consumed"] == pytest.approx(min(cost, held), abs=1e-9)
        assert (data["usage"]["input_tokens"], data["usage"]["output_tokens"]) == tuple(counts.values())


@pytest.mark.parametrize("piece", [300, 700])
def test_an_answer_that_is_too_long_is_stopped(ask, piece):
    """It ends where no more fits, says so, and is charged for what was delivered."""
    turn = ask(answer(*(chunk(str(i) * piece) for i in range(9)), usage(prompt_tokens=9, completion_tokens=900), DONE))
    assert turn.final["type"] == "done" and turn.final["data"]["usage"]["finish"] == "length"
    assert turn.text == "".join(str(i) * piece for i in range(9))[:1024]
    assert turn.final["data"]["assistant_message"]["content"] == turn.text
    assert turn.final["data"]["usage"]["estimated"] is True and turn.final["data"]["credits_consumed"] > 0


def test_a_character_that_does_not_fit(ask):
    """The cap is of bytes, the answer stays UTF-8."""
    turn = ask(answer(chunk("水" * 400, "stop"), DONE))
    assert turn.final["type"] == "done" and turn.text == "水" * 341 and turn.final["data"]["usage"]["finish"] == "length"


def test_thoughts_that_are_too_long_are_stopped(ask):
    """They count like text: what was told of them is charged."""
    thoughts = [b"data: " + json.dumps({"choices": [{"delta": {"reasoning": "x" * 700}}]}).encode() + b"\n\n"] * 3
    turn = ask(answer(*thoughts, chunk("never told", "stop"), DONE))
    assert turn.final["type"] == "done" and turn.final["data"]["usage"]["finish"] == "length"
    assert turn.text == "" and "".join(e["text"] for e in turn.of("reasoning")) == "x" * 1024
    assert turn.final["data"]["credits_consumed"] > 0


def test_a_wish_for_patience_beyond_the_first_byte(weir, user, ask):
    """No use in waiting for it: the turn ends at once."""
    began = time.monotonic()
    turn = ask(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n")
    assert turn.final["data"]["code"] == "upstream_failed" and turn.final["data"]["credits_consumed"] == 0
    assert time.monotonic() - began < 2.9 * busy()


def test_a_channel_that_cannot_be_asked_is_passed_over(weir, user, ask, provider):
    """Its URL is one to look at, not to send to; the next has the answer, and alone it ends in an error."""
    add_model(weir, "fragment", provider.url + "#top", provider.url)
    assert ask(answer(chunk("second", "stop"), DONE), model="fragment").text == "second"
    add_model(weir, "fragment-only", provider.url + "#top")
    turn = ask(model="fragment-only")
    assert turn.final["type"] == "error" and turn.final["data"]["credits_consumed"] == 0


def test_an_adapter_that_is_gone(weir, user, ask, provider):
    """A channel of a provider that this version does not speak."""
    add_model(weir, "other-wire", provider.url, provider.url)
    with weir.pg() as pg:
        pg.query("UPDATE channels SET provider = 'telegraph' WHERE name = 'other-wire-0'")
    assert ask(answer(chunk("spoken", "stop"), DONE), model="other-wire").text == "spoken"


@pytest.mark.parametrize("field,url", [("image_url", "https://example.org/i.png"), ("audio_url", "https://example.org/a.mp3"),
                                       ("video_url", "https://example.org/v.mp4")])
def test_a_model_that_cannot_see_or_hear(weir, user, provider, field, url):
    conversation = weir.conversation(user)
    refused = weir.post(f"/api/conversations/{conversation}/messages/stream",
                        {"content": "look", "model": "byhand", field: url}, user)
    assert (refused.status, refused.code, refused.json["details"]["field"]) == (400, "invalid_request", field)
    assert weir.get(f"/api/conversations/{conversation}/messages", user).json["items"] == []


# ---- time -----------------------------------------------------------------------------------


def open_turn(weir, user, words, path=None, body=None):
    path = path or f"/api/conversations/{weir.conversation(user)}/messages/stream"
    return weir.stream(path, body or {"content": f"long [[demo {words}]]", "model": "demo-fast"}, user)


def ended(weir, user, task, within_s=5):
    """The task as it ended."""
    def over():
        return weir.get(f"/api/tasks/{task}", user).json["status"] not in ("pending", "running")

    wait_until(over, "the end", within_s)
    return weir.get(f"/api/tasks/{task}", user).json


def test_no_answer_takes_longer_than_that(weir, user):
    before = weir.balance(user)
    began = time.monotonic()
    with open_turn(weir, user, "deltas=200 interval=100 bytes=1") as s:
        events = [e.json for e in s.events() if e.json]
    assert 3.9 < time.monotonic() - began < 8 * busy()
    data = events[-1]["data"]
    assert (events[-1]["type"], data["code"]) == ("error", "upstream_timeout")
    assert data["assistant_message"]["content"] == "".join(e["data"]["text"] for e in events if e["type"] == "content") != ""
    assert data["credits_consumed"] > 0
    assert weir.balance(user) == pytest.approx(before - data["credits_consumed"], abs=1e-9)


def test_the_grace_of_a_reader_who_left_ends(weir, user):
    with open_turn(weir, user, "deltas=200 interval=50 bytes=1") as s:
        task = s.until("content")[0].json["data"]["task_id"]
        began = time.monotonic()
    end = ended(weir, user, task)
    assert end["status"] == "cancelled" and end["credits_used"] > 0
    assert 1.9 < time.monotonic() - began < 5 * busy()


def test_a_trial_has_no_grace(weir, admin):
    models = {m["name"]: m["id"] for m in weir.get("/api/admin/models", admin).json["items"]}
    agent = weir.post("/api/admin/agents", {"name": "trial", "prompt": "p", "model_id": models["demo-fast"]}, admin).json["id"]
    with open_turn(weir, admin, "", f"/api/admin/agents/{agent}/execution-test",
                   {"content": "try [[demo deltas=100 interval=50]]"}) as s:
        s.until("content")
        left = time.monotonic()
    wait_until(lambda: weir.demo_requests()[-1]["end"] != "complete" and
               weir.get("/api/admin/debug-logs", admin).json["items"], "the provider was stopped", 3)
    assert time.monotonic() - left < 1.9 * busy(), "sooner than the grace of a turn"


# ---- number ---------------------------------------------------------------------------------


def test_as_many_streams_as_the_process_may_have(weir, user):
    """The next one of any kind is told to come back, has caused nothing, and finds room when one has ended."""
    streams = [open_turn(weir, user, "delay=1200 deltas=2") for _ in range(4)]
    task = streams[0].until("start")[0].json["data"]["task_id"]
    conversation = weir.conversation(user)
    path = f"/api/conversations/{conversation}/messages/stream"
    for method, path, body in (("POST", path, {"content": "x", "model": "demo-fast"}),
                               ("GET", f"/api/tasks/{task}/stream", None), ("GET", "/api/events", None)):
        with weir.stream(path, body, user, method=method) as refused:
            assert refused.status == 503, path
            refused = refused.answer()
        assert refused.code == "overloaded" and int(refused.headers["Retry-After"]) > 0
    assert weir.get(f"/api/conversations/{conversation}/messages", user).json["items"] == []
    for s in streams:
        assert [e.json for e in s.events() if e.json][-1]["type"] == "done"
        s.close()
    assert weir.chat(user, "room", model="demo-fast").final["type"] == "done"
    weir.audit()


def test_what_is_left_at_the_drain_timeout(weir, user):
    """A turn and its follower outlast a reload: both are cut, the turn is settled, and the new process tells its end."""
    with open_turn(weir, user, "deltas=100 interval=100 bytes=1") as s:
        task = s.until("content")[0].json["data"]["task_id"]
        with weir.stream(f"/api/tasks/{task}/stream", None, user, method="GET") as follower:
            follower.until("content")
            weir.reload_pool()
            followed = [e.json for e in follower.events() if e.json]
        events = [e.json for e in s.events() if e.json]
    assert (events[-1]["type"], events[-1]["data"]["code"]) == ("error", "interrupted")
    assert all(e["type"] in ("content", "error") for e in followed)
    assert ended(weir, user, task)["status"] == "failed"
    with weir.stream(f"/api/tasks/{task}/stream", None, user, method="GET") as again:
        every = [e.json for e in again.events() if e.json]
    assert every[-1]["data"]["assistant_message"] == events[-1]["data"]["assistant_message"]
    weir.audit()
