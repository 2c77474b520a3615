"""POST /api/conversations/{conversation_id}/messages/stream and .../messages: a turn from question to charge."""

import json
import re
import socket
import threading
import time
import urllib.request

import pytest
from weirtest import PARAMS, STDIN, Fcgi, busy, fcgi_pair, fcgi_params, fcgi_record, wait_until

WEIR_CONF = {"upstream": {"first_byte_timeout": "1s", "idle_timeout": "1s", "retry_base": "20ms"}, "stream": {"disconnect_grace": "0"}}


def script(text, words):
    """A question that scripts the demo provider."""
    return f"{text} [[demo {words}]]"


def ledger_is_sound(weir):
    weir.audit()


def pool_log(weir):
    with open(weir.daemons.log("pool"), encoding="utf-8") as log:
        return log.read()


def stored(weir, user, turn):
    return weir.get(f"/api/conversations/{turn.conversation}/messages", user).json["items"]


def test_a_turn(weir, user):
    before = weir.balance(user)
    turn = weir.chat(user, "Hello 你好", model="demo-fast")
    kinds = [e["type"] for e in turn.events]
    assert kinds[0] == "start" and kinds[-1] == "done" and set(kinds[1:-1]) == {"content"}
    start, done = turn.events[0]["data"], turn.final["data"]
    assert start["model"] == "demo-fast" and start["user_message"]["content"] == "Hello 你好"
    answer = done["assistant_message"]
    assert answer["id"] == start["assistant_message_id"] and answer["status"] == "success"
    assert answer["content"] == turn.text and "你好" in turn.text
    assert answer["sequence"] == start["user_message"]["sequence"] + 1
    assert done["usage"]["estimated"] is False and done["usage"]["output_tokens"] == answer["output_tokens"] > 0
    cost = answer["input_tokens"] * 1e-6 + answer["output_tokens"] * 2e-6
    assert done["credits_consumed"] == pytest.approx(cost, abs=2e-6)
    assert done["balance"] == pytest.approx(before - done["credits_consumed"], abs=1e-9)
    assert weir.balance(user) == done["balance"]
    assert [m["id"] for m in stored(weir, user, turn)] == [start["user_message"]["id"], answer["id"]]
    task = weir.get("/api/tasks/" + start["task_id"], user).json
    assert (task["status"], task["credits_used"]) == ("completed", done["credits_consumed"])
    assert [c["title"] for c in weir.get("/api/conversations", user).json["items"]][0] == "Hello 你好"
    ledger_is_sound(weir)


def test_wire(weir, user):
    """Headers, comment, numbered events, [DONE]: byte by byte."""
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": script("wire", "deltas=3 bytes=4"), "model": "demo-fast"}, user) as s:
        assert s.status == 200 and s.headers["Content-Type"].startswith("text/event-stream")
        assert s.headers["X-Request-Id"]
        events = list(s.events())
    assert s.comments[0] == "ok"
    assert events[-1].data == "[DONE]"
    ids = [e.id for e in events[:-1]]
    assert ids[0] == "0" and ids[-1].endswith("-1")
    positions = [int(i) for i in ids[1:-1]]
    assert positions == sorted(positions) and positions[-1] == 12


def test_reasoning(weir, user):
    turn = weir.chat(user, script("think", "reasoning=3"), model="demo-fast")
    assert "".join(e["text"] for e in turn.of("reasoning")) and turn.final["type"] == "done"


def test_not_streamed(weir, user):
    conversation = weir.conversation(user)
    answer = weir.post(f"/api/conversations/{conversation}/messages", {"content": "whole", "model": "demo-fast"}, user)
    assert answer.status == 200, answer
    body = answer.json
    assert body["user_message"]["content"] == "whole" and body["assistant_message"]["status"] == "success"
    assert body["credits_consumed"] > 0 and body["usage"]["estimated"] is False
    answer = weir.post(f"/api/conversations/{conversation}/messages",
                       {"content": script("x", "fault=500"), "model": "demo-fast"}, user, timeout_s=30)
    assert answer.status == 502 and answer.code == "upstream_failed"
    assert answer.json["details"]["assistant_message"]["status"] == "llm_error"


def test_history_goes_upstream(weir, user):
    turn = weir.chat(user, "first question", model="demo-fast")
    weir.chat(user, "second question", conversation=turn.conversation, model="demo-fast")
    with weir.pg() as pg:
        rows = pg.dicts("SELECT role, content FROM conversation_messages WHERE conversation_id = $1 ORDER BY sequence",
                        turn.conversation)
    assert [r["role"] for r in rows] == ["user", "assistant", "user", "assistant"]
    first, second = weir.demo_requests()[-2:]
    assert second["prompt_tokens"] > first["prompt_tokens"]


# ---- refusals before the stream: plain JSON, nothing changed -------------------


@pytest.mark.parametrize("body,field", [
    ({}, "content"), ({"content": ""}, "content"), ({"content": "x" * 32001}, "content"), ({"content": 7}, "content"),
    ({"content": "x", "image_url": "ftp://x/y"}, "image_url"), ({"content": "x", "image_url": "javascript:alert(1)"}, "image_url"),
    ({"content": "x", "video_url": "http://" + "x" * 2048}, "video_url"), ({"content": "x", "audio_url": "/etc/passwd"}, "audio_url"),
    ({"content": "x", "model": "no-such-model"}, "model"), ({"content": "x", "video_url": "http://example.org/v.mp4"}, "video_url"),
])
def test_bad_fields(weir, user, body, field):
    conversation = weir.conversation(user)
    before = weir.balance(user)
    answer = weir.post(f"/api/conversations/{conversation}/messages/stream", body, user)
    assert (answer.status, answer.code, answer.json["details"]["field"]) == (400, "invalid_request", field)
    assert weir.balance(user) == before
    assert weir.get(f"/api/conversations/{conversation}/messages", user).json["items"] == []


def test_whose(weir, user):
    conversation = weir.conversation(user)
    other = weir.make_user()
    path = f"/api/conversations/{conversation}/messages/stream"
    assert weir.post(path, {"content": "x"}, other).status == 404
    assert weir.post(path, {"content": "x"}).status == 401
    assert weir.post("/api/conversations/nonsense/messages/stream", {"content": "x"}, user).status == 404
    answer = weir.post(path, {"content": "x"}, user, headers={"Content-Type": "text/plain"})
    assert answer.status == 415
    assert weir.get(path, user).status == 405


def test_no_credit(weir):
    poor = weir.make_user(credits="0.000001")
    conversation = weir.conversation(poor)
    path = f"/api/conversations/{conversation}/messages/stream"
    answer = weir.post(path, {"content": "x", "model": "demo-fast"}, poor, headers={"Accept-Language": "zh-CN"})
    assert (answer.status, answer.code) == (402, "insufficient_credits")
    details = answer.json["details"]
    assert details["balance"] == 1e-6 and details["required"] > 0.008
    assert answer.json["message"].startswith("积分不足，当前余额 0.000001，需要")
    assert details["assistant_message"]["status"] == "insufficient_balance"
    items = weir.get(f"/api/conversations/{conversation}/messages", poor).json["items"]
    assert [m["status"] for m in items] == ["success", "insufficient_balance"]
    assert weir.balance(poor) == 1e-6
    # with credit, the kept question is answered in place
    weir.weirctl("credits", "grant", poor.login, "10")
    with weir.stream(f"/api/conversations/{conversation}/messages/{items[1]['id']}/regenerate", {}, poor) as s:
        assert [e.json["type"] for e in s.events() if e.json][-1] == "done"
    items = weir.get(f"/api/conversations/{conversation}/messages", poor).json["items"]
    assert [m["status"] for m in items] == ["success", "success"]


# ---- failures of the provider ----------------------------------------------------


@pytest.mark.parametrize("words,code,status", [
    ("fault=401", "upstream_failed", "llm_error"),
    ("fault=500", "upstream_failed", "llm_error"),
    ("fault=refuse", "upstream_failed", "llm_error"),
    ("fault=empty", "upstream_failed", "llm_error"),
    ("fault=stall-before", "upstream_timeout", "llm_error"),
    ("fault=filter", "content_violation", "content_violation"),
])
def test_failures_before_content(weir, user, words, code, status):
    before = weir.balance(user)
    turn = weir.chat(user, script(words, words), model="demo-fast")
    assert turn.final["type"] == "error", turn.events
    data = turn.final["data"]
    assert (data["code"], data["credits_consumed"], data["assistant_message"]["status"]) == (code, 0, status)
    assert data["assistant_message"]["is_error"] is True and data["assistant_message"]["error_display"]
    assert weir.balance(user) == before
    assert stored(weir, user, turn)[1]["status"] == status


@pytest.mark.parametrize("words,code", [
    ("fault=stall-after at=5", "upstream_timeout"),
    ("fault=reset-mid at=5", "upstream_failed"),
    ("fault=no-finish", "upstream_failed"),
    ("fault=cut at=5", "upstream_failed"),
    ("fault=error-mid at=5", "upstream_failed"),
    ("fault=bad-json at=5", "upstream_failed"),
])
def test_failures_after_content(weir, user, words, code):
    """What was delivered is charged by an estimate, and kept."""
    before = weir.balance(user)
    turn = weir.chat(user, script(words, words + " deltas=10"), model="demo-fast")
    assert turn.final["type"] == "error", turn.events
    data = turn.final["data"]
    assert data["code"] == code and data["usage"]["estimated"] is True
    assert 0 < data["credits_consumed"] < 0.001
    assert data["assistant_message"]["content"] == turn.text != ""
    assert weir.balance(user) == pytest.approx(before - data["credits_consumed"], abs=1e-9)


@pytest.mark.parametrize("usage", ["none", "wrong", "huge", "negative", "string", "zero"])
def test_unbelievable_usage_is_estimated(weir, user, usage):
    turn = weir.chat(user, script("u", f"usage={usage} deltas=20"), model="demo-fast")
    done = turn.final["data"]
    assert turn.final["type"] == "done" and done["usage"]["estimated"] is True
    assert 0 < done["credits_consumed"] < 0.001


def test_no_done_marker(weir, user):
    """finish_reason and usage came: the answer is whole by the wire's own rules."""
    turn = weir.chat(user, script("n", "fault=no-done deltas=6"), model="demo-fast")
    assert turn.final["type"] == "done" and turn.final["data"]["usage"]["estimated"] is False


# ---- providers do not behave: what they send decides ---------------------------------

ENDS = ["end-close", "end-reset", "end-open", "end-comments", "end-garbage", "end-no-blank", "end-no-line", "end-error"]


@pytest.mark.parametrize("marker", ["both", "finish", "done"])
@pytest.mark.parametrize("fault", ENDS)
def test_complete_when_it_says_so(weir, user, fault, marker):
    """However the connection ends, or does not: done, by the provider's usage, within a second."""
    if (fault, marker) in {("end-error", "done"), ("end-garbage", "done"), ("end-comments", "done")}:
        marker = "both"  # nothing is read after [DONE]: no different
    began = time.monotonic()
    turn = weir.chat(user, script("end", f"fault={fault} marker={marker} deltas=8"), model="demo-fast")
    assert turn.final["type"] == "done", turn.events
    done = turn.final["data"]
    assert done["usage"]["estimated"] is False and done["usage"]["output_tokens"] == 8
    assert done["assistant_message"]["status"] == "success" and done["assistant_message"]["content"] == turn.text
    assert time.monotonic() - began < 2 * busy()
    assert len([r for r in weir.demo_requests() if r["task"] == turn.events[0]["data"]["task_id"]]) <= 1


def test_a_filter_after_the_end(weir, user):
    turn = weir.chat(user, script("end", "fault=end-filter marker=finish deltas=8"), model="demo-fast")
    assert turn.final["data"]["code"] == "content_violation" and turn.final["data"]["credits_consumed"] > 0


@pytest.mark.parametrize("words,code,logged", [
    ("finish=error", "upstream_failed", "finish_reason error"),
    ("finish=network_error", "upstream_failed", "finish_reason network_error"),
    ("finish=unknown", "upstream_failed", "finish_reason no_such_reason"),
    ("finish=empty marker=finish", "upstream_failed", "the answer was cut"),
    ("finish=sensitive", "content_violation", "filtered by the provider"),
    ("fault=error-object", "upstream_failed", "The engine died."),
    ("fault=error-code", "upstream_failed", "336000: Internal error"),
    ("fault=error-frame", "upstream_failed", "The server had an error"),
    ("fault=error-filter", "content_violation", "content_filter"),
])
def test_failed_when_it_says_so(weir, user, words, code, logged):
    turn = weir.chat(user, script("fail", words + " deltas=6"), model="demo-fast")
    data = turn.final["data"]
    assert (turn.final["type"], data["code"]) == ("error", code)
    assert data["assistant_message"]["content"] == turn.text != "" and data["credits_consumed"] > 0
    assert turn.final["data"]["assistant_message"]["status"] == ("llm_error" if code == "upstream_failed" else code)
    task = turn.events[0]["data"]["task_id"]
    wait_until(lambda: any(task in line and logged in line for line in pool_log(weir).splitlines()), "logged", 5)


def test_texts_of_all_shapes(weir, user):
    plain = weir.chat(user, script("shape", "deltas=8"), model="demo-fast").text
    for fault in ("parts", "repeat", "repeat-first", "noise"):
        turn = weir.chat(user, script("shape", f"deltas=8 fault={fault}"), model="demo-fast")
        assert turn.final["type"] == "done" and turn.text == plain, fault
    turn = weir.chat(user, script("shape", "deltas=8 at=8 fault=halves"), model="demo-fast")
    assert turn.final["type"] == "done" and turn.text == plain + "\N{GRINNING FACE}水"
    turn = weir.chat(user, script("shape", "deltas=8 at=8 fault=long-line size=600000"), model="demo-fast")
    assert turn.final["type"] == "done" and len(turn.text) == len(plain) + 600000


def asked(weir, turn):
    return len([r for r in weir.demo_requests() if r["task"] == turn.events[0]["data"]["task_id"]])


def test_a_whole_answer_where_a_stream_was_asked_for(weir, user):
    turn = weir.chat(user, script("whole", "fault=whole deltas=8"), model="demo-fast")
    usage = turn.final["data"]["usage"]
    assert turn.final["type"] == "done" and turn.text and usage == {
        "input_tokens": usage["input_tokens"], "output_tokens": 8, "estimated": False, "finish": "stop",
        "first_token_ms": usage["first_token_ms"]}


@pytest.mark.parametrize("fault,code,tries", [
    ("filter-200", "content_violation", 1), ("html-200", "upstream_failed", 1), ("empty", "upstream_failed", 1),
    ("error-200", "upstream_failed", 3), ("bad-json at=0", "upstream_failed", 1)])
def test_something_else_than_an_answer(weir, user, fault, code, tries):
    """What would only happen again is paid for once."""
    turn = weir.chat(user, script("else", f"fault={fault}"), model="demo-fast")
    assert (turn.final["data"]["code"], turn.final["data"]["credits_consumed"]) == (code, 0)
    assert asked(weir, turn) == tries
    if fault == "html-200":
        assert "no answer, but: <html><head><title>502 Bad Gateway" in pool_log(weir)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_answers(weir, user, encoding):
    plain = weir.chat(user, script("press", "deltas=8"), model="demo-fast").text
    turn = weir.chat(user, script("press", f"deltas=8 encoding={encoding}"), model="demo-fast")
    assert turn.final["type"] == "done" and turn.text == plain


def test_usage_is_bounded(weir, user):
    """Three times the estimate and 64 more: that may be; beyond, or 0, it cannot."""
    turn = weir.chat(user, script("b", "usage=0/4000 deltas=2"), model="demo-fast")
    usage = turn.final["data"]["usage"]
    estimate = -(-len(turn.text.encode()) // 4)
    assert usage["estimated"] is True and usage["output_tokens"] == 3 * estimate + 64 and usage["input_tokens"] > 8
    for told, estimated in ((3 * estimate + 64, False), (3 * estimate + 65, True)):
        usage = weir.chat(user, script("b", f"usage=9/{told} deltas=2"), model="demo-fast").final["data"]["usage"]
        assert (usage["estimated"], usage["input_tokens"], usage["output_tokens"]) == (estimated, 9, 3 * estimate + 64)
    usage = weir.chat(user, script("b", "usage=100000/2 deltas=2"), model="demo-fast").final["data"]["usage"]
    assert usage["estimated"] is True and 64 < usage["input_tokens"] < 200 and usage["output_tokens"] == 2


def test_a_connection_that_ends_well_is_used_again(weir, user):
    """The end of a regular answer is read to its last byte, so that the next one needs no new connection."""
    def kept():
        with urllib.request.urlopen(weir.demo_url.replace("/v1", "") + "/demo/stats") as answer:
            return json.load(answer)["connections_open"] - 1

    for _ in range(3):
        assert weir.chat(user, script("kept", "deltas=3 interval=5"), model="demo-fast").final["type"] == "done"
        assert kept() >= 1


class Flaky(threading.Thread):
    """A provider on a bare socket that answers once on each connection, and closes it at the next question."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.asked, self.answered = [], 0
        self.start()

    def run(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            with conn:
                for answers in (True, False):
                    if not self.read(conn):
                        break
                    if answers:
                        conn.sendall(self.answer())

    def read(self, conn):
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := conn.recv(65536)):
                return False
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
        while len(body) < length:
            body += conn.recv(65536)
        self.asked.append(re.search(rb"X-Weir-Task: *(\S+)", head)[1].decode())
        return True

    def answer(self):
        self.answered += 1
        body = (b'data: {"choices":[{"delta":{"content":"hello"},"finish_reason":"stop"}],'
                b'"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\ndata: [DONE]\n\n')
        return (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


def resends(weir):
    return int(re.search(r"(?m)^weir_upstream_resends_total (\d+)$", weir.get("/metrics").text)[1])


def test_a_request_that_libcurl_sends_twice(weir, user):
    """A kept connection closes without an answer: libcurl asks again without a word. We say so, and charge once."""
    flaky = Flaky()
    weir.weirctl("model", "add", "flaky", "--input", "1", "--output", "1", "--context", "8000", "--max-output", "1000")
    weir.weirctl("channel", "add", "flaky", "--provider", "openai", "--url",
                 f"http://127.0.0.1:{flaky.socket.getsockname()[1]}/v1", "--allow-private", "--model", "flaky=x")
    before, counted, turns = weir.balance(user), resends(weir), []
    for _ in range(8):  # the responders of the pool each have connections of their own
        turns.append(weir.chat(user, "again", model="flaky"))
        assert turns[-1].final["type"] == "done" and turns[-1].text == "hello"
    flaky.socket.close()
    tasks = [t.events[0]["data"]["task_id"] for t in turns]
    twice = [t for t in tasks if flaky.asked.count(t) == 2]
    assert twice and set(flaky.asked) == set(tasks) and len(flaky.asked) == len(tasks) + len(twice)
    assert flaky.answered == len(tasks)
    spent = sum(t.final["data"]["credits_consumed"] for t in turns)
    assert weir.balance(user) == pytest.approx(before - spent, abs=1e-9)
    log = [line for line in pool_log(weir).splitlines() if "upstream_resent" in line and '"flaky"' in line]
    assert [task for task in twice if sum(task in line for line in log) == 1] == twice and len(log) == len(twice)
    assert resends(weir) - counted == len(twice)
    ledger_is_sound(weir)


def test_filtered_after_content(weir, user):
    turn = weir.chat(user, script("f", "finish=content_filter deltas=6"), model="demo-fast")
    assert turn.final["data"]["code"] == "content_violation"
    assert turn.final["data"]["assistant_message"]["status"] == "content_violation"
    assert turn.final["data"]["credits_consumed"] > 0


def test_slices_of_one_byte(weir, user):
    turn = weir.chat(user, script("切片 slices", "fault=slices deltas=30"), model="demo-fast")
    assert turn.final["type"] == "done" and turn.final["data"]["assistant_message"]["content"] == turn.text


def test_a_line_of_ten_megabytes(weir, user):
    turn = weir.chat(user, script("long", "fault=long-line at=3"), model="demo-fast")
    assert turn.final["type"] == "error" and turn.final["data"]["assistant_message"]["content"] == turn.text


def test_retry_then_success(weir, user):
    turn = weir.chat(user, script(f"retry {time.time()}", "fault=500 fail=2"), model="demo-fast")
    assert turn.final["type"] == "done"
    task = turn.events[0]["data"]["task_id"]
    assert [r["status"] for r in weir.demo_requests() if r["task"] == task] == [500, 500, 200]


def test_second_channel(weir, user):
    """A channel that refuses connections is passed over for one that answers."""
    weir.weirctl("model", "add", "two-channels", "--input", "1", "--output", "1", "--context", "8000", "--max-output", "1000")
    weir.weirctl("channel", "add", "dead", "--provider", "openai", "--url", "http://127.0.0.1:1/v1", "--allow-private",
                 "--model", "two-channels=demo-fast", "--priority", "10")
    weir.weirctl("channel", "add", "alive", "--provider", "openai", "--url", weir.demo_url, "--allow-private",
                 "--model", "two-channels=demo-fast")
    turn = weir.chat(user, "which way", model="two-channels")
    assert turn.final["type"] == "done"


def test_private_addresses_are_guarded(weir, user):
    weir.weirctl("model", "add", "guarded", "--input", "1", "--output", "1", "--context", "8000", "--max-output", "1000")
    weir.weirctl("channel", "add", "guarded", "--provider", "openai", "--url", weir.demo_url, "--model", "guarded=demo-fast")
    turn = weir.chat(user, "x", model="guarded")
    assert turn.final["data"]["code"] == "upstream_failed" and turn.final["data"]["credits_consumed"] == 0


# ---- stop, disconnect ---------------------------------------------------------------


def test_stop(weir, user):
    """Stopped from any process within 200 ms of the call; what came is kept and charged."""
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "long", "model": "demo-slow"}, user) as s:
        seen = s.until("content")
        task = seen[0].json["data"]["task_id"]
        asked = time.monotonic()
        answer = weir.post(f"/api/tasks/{task}/abort", None, user)
        rest = list(s.events())
    assert answer.status == 200 and answer.json.get("task", answer.json)["status"] == "cancelled"
    end = [e for e in rest if e.json and e.json["type"] == "cancelled"]
    assert len(end) == 1 and rest[-1].data == "[DONE]"
    assert end[0].at - asked < 0.2
    data = end[0].json["data"]
    assert data["credits_consumed"] > 0 and data["assistant_message"]["status"] == "success"
    again = weir.post(f"/api/tasks/{task}/abort", None, user)
    assert again.status == 200 and again.json.get("task", again.json)["status"] == "cancelled"
    assert weir.post(f"/api/tasks/{task}/abort", None, weir.make_user()).status == 404
    ledger_is_sound(weir)


def test_stop_before_content(weir, user):
    before = weir.balance(user)
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": script("wait", "delay=900"), "model": "demo-fast"}, user) as s:
        task = s.until("start")[0].json["data"]["task_id"]
        weir.post(f"/api/tasks/{task}/abort", None, user)
        end = [e.json for e in s.events() if e.json][-1]
    assert end["type"] == "cancelled" and end["data"]["credits_consumed"] == 0
    assert end["data"]["assistant_message"]["status"] == "error"
    assert weir.balance(user) == before


def wait_task(weir, user, task, status, timeout_s=5):
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        got = weir.get("/api/tasks/" + task, user).json
        if got["status"] == status:
            return got
        time.sleep(0.02)
    raise AssertionError(f"task {task} is {got['status']}, not {status}")


def test_reader_leaves(weir, user):
    """disconnect_grace is 0 here: upstream stops, what was delivered is charged, nothing more."""
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "leave", "model": "demo-slow"}, user) as s:
        task = s.until("content")[0].json["data"]["task_id"]
    task = wait_task(weir, user, task, "cancelled")
    assert task["credits_used"] > 0
    time.sleep(0.1)
    assert weir.demo_requests()[-1]["end"] != "complete"
    ledger_is_sound(weir)


def test_stopping_an_answer_that_is_not_streamed(weir, user):
    """Who waits for the whole is told that there is none, with what there was."""
    path, answers = f"/api/conversations/{weir.conversation(user)}/messages", []
    waiting = threading.Thread(target=lambda: answers.append(
        weir.post(path, {"content": script("whole", "deltas=100 interval=50"), "model": "demo-fast"}, user,
                  headers={"Accept-Language": "zh"})))
    waiting.start()
    until = time.monotonic() + 5
    while not (live := [t for t in weir.get("/api/tasks", user).json["items"] if t["status"] == "running"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.2)
    assert weir.post(f"/api/tasks/{live[0]['id']}/abort", None, user).status == 200
    waiting.join(5)
    assert answers and answers[0].code == "cancelled" and answers[0].status >= 400
    details = answers[0].json["details"]
    assert details["task_id"] == live[0]["id"] and details["assistant_message"]["content"] != ""
    assert answers[0].json["message"] and answers[0].json["request_id"]
    ledger_is_sound(weir)


def ask_raw(conn, weir, user, words):
    """A streamed question on a bare connection, which nobody reads but us."""
    path = f"/api/conversations/{weir.conversation(user)}/messages/stream"
    body = json.dumps({"content": script("big", words), "model": "demo-fast"}).encode()
    params = fcgi_params("POST", path, body, {"Authorization": "Bearer " + user.token})
    conn.begin()
    conn.send(fcgi_record(PARAMS, b"".join(fcgi_pair(k.encode(), v.encode()) for k, v in params.items())))
    conn.send(fcgi_record(PARAMS) + fcgi_record(STDIN, body) + fcgi_record(STDIN))
    until = time.monotonic() + 5
    while not (live := [t for t in weir.get("/api/tasks", user).json["items"] if t["status"] == "running"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    return live[0]["id"]


def test_a_reader_that_takes_its_time(weir, user):
    """The provider is paused, for longer than it may be silent, and nothing of the answer is lost."""
    with Fcgi(weir.fcgi_path) as conn:
        task = ask_raw(conn, weir, user, "deltas=1000 bytes=2000")
        time.sleep(1.3)
        assert weir.get(f"/api/tasks/{task}", user).json["status"] == "running"
        events = conn.answer().body.decode().split("\n\n")
    texts, final = [], None
    for event in events:
        data = next((line[6:] for line in event.split("\n") if line.startswith("data: {")), None)
        final = json.loads(data) if data else final
        if final and data and final["type"] == "content":
            texts.append(final["data"]["text"])
    assert final["type"] == "done" and len("".join(texts).encode()) == 2000000
    assert final["data"]["assistant_message"]["content"] == "".join(texts)


def test_a_reader_that_leaves_what_it_did_not_take(weir, user):
    """While the provider is paused for it: the turn ends, and what was sent is charged."""
    with Fcgi(weir.fcgi_path) as conn:
        task = ask_raw(conn, weir, user, "deltas=1000 bytes=2000")
        time.sleep(0.3)
    assert wait_task(weir, user, task, "cancelled")["credits_used"] > 0
    ledger_is_sound(weir)


# ---- idempotency -------------------------------------------------------------------------


def test_idempotency_key(weir, user):
    conversation = weir.conversation(user)
    path = f"/api/conversations/{conversation}/messages/stream"
    body = {"content": script("once", "deltas=20 interval=20"), "model": "demo-fast"}
    outcomes, lock = [], threading.Lock()
    before = weir.balance(user)

    def ask():
        with weir.stream(path, body, user, headers={"Idempotency-Key": "key-1"}) as s:
            events = [e.json for e in s.events() if e.json] if s.status == 200 else s.answer().text
        with lock:
            outcomes.append(events)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    ask()  # and once more when it is over
    texts = {"".join(e["data"]["text"] for e in events if e["type"] == "content") for events in outcomes}
    finals = [events[-1] for events in outcomes]
    assert len(texts) == 1 and "" not in texts
    assert {f["type"] for f in finals} == {"done"}
    assert len({f["data"]["assistant_message"]["id"] for f in finals}) == 1
    assert len(weir.get(f"/api/conversations/{conversation}/messages", user).json["items"]) == 2
    assert weir.balance(user) == pytest.approx(before - finals[0]["data"]["credits_consumed"], abs=1e-9)
    other = weir.post(path, {"content": "else"}, user, headers={"Idempotency-Key": "key-1"})
    assert (other.status, other.code) == (409, "idempotency_mismatch")
    ledger_is_sound(weir)


def test_idempotent_whole_answer(weir, user):
    conversation = weir.conversation(user)
    path = f"/api/conversations/{conversation}/messages"
    first, second = (weir.post(path, {"content": "whole once", "model": "demo-fast"}, user,
                               headers={"Idempotency-Key": "key-2"}) for _ in range(2))
    assert first.status == second.status == 200
    assert first.json["assistant_message"] == second.json["assistant_message"]


def test_slots(weir):
    """15 for a user, 5 in a conversation, named in the caller's language; freed at the end."""
    user = weir.make_user()
    conversation = weir.conversation(user)
    body = {"content": script("slot", "delay=700 deltas=2"), "model": "demo-fast"}
    streams = [weir.stream(f"/api/conversations/{conversation}/messages/stream", body, user) for _ in range(5)]
    assert [s.status for s in streams] == [200] * 5
    answer = weir.post(f"/api/conversations/{conversation}/messages/stream", body, user, headers={"Accept-Language": "zh"})
    assert (answer.status, answer.code) == (429, "conversation_queue_full") and answer.headers["Retry-After"]
    assert answer.json["message"] == "当前对话任务队列已满，最多同时执行 5 个任务"
    for s in streams:
        list(s.events())
        s.close()
    others = [weir.conversation(user) for _ in range(16)]
    streams = [weir.stream(f"/api/conversations/{c}/messages/stream", body, user) for c in others[:15]]
    assert [s.status for s in streams] == [200] * 15
    limits = weir.get(f"/api/tasks/limits?conversation_id={others[0]}", user).json
    assert limits["global"] == {"active": 15, "limit": 15} and limits["can_start"] is False
    answer = weir.post(f"/api/conversations/{others[15]}/messages/stream", body, user, headers={"Accept-Language": "zh"})
    assert (answer.status, answer.code) == (429, "task_queue_full")
    assert answer.json["message"] == "任务队列已满，最多同时执行 15 个任务"
    for s in streams:
        list(s.events())
        s.close()
    assert weir.chat(user, "free again", model="demo-fast").final["type"] == "done"
    limits = weir.get("/api/tasks/limits", user).json
    assert limits["global"]["active"] == 0
    ledger_is_sound(weir)
