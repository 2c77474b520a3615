"""F8: what a model provider can do wrong, with a second channel in reserve.

Failover only before the first delivered byte; a typed end; memory within its cap; a charge by the rule. How each fault
looks to a user of a single channel is told by tests/it/chat/test_stream.py.
"""

import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import (MANY, PATIENCE_S, SANITIZED, Proxy, events_of, post_bytes, prove, resident_bytes, scale, script, send,  # noqa: E402
                      simultaneous)
from weirtest import Services, busy, wait_until  # noqa: E402

FIRST_BYTE_S, IDLE_S = 2, 3
CONF = {"upstream": {"first_byte_timeout": f"{FIRST_BYTE_S}s", "idle_timeout": f"{IDLE_S}s", "connect_timeout": "1s",
                 "retry_base": "20ms", "retries": "1", "max_answer_bytes": "1m"}}


@pytest.fixture(scope="module")
def wired():
    """Model `two`: a channel that plays the faults, through the proxy, and one that works."""
    with Services() as weir, Proxy(weir) as px:
        import weirtest
        weir.up({**CONF, **MANY})
        port = weirtest.free_port()
        px(f"add up 127.0.0.1:{port} 127.0.0.1:{weir.demo_port}")
        weir.weirctl("model", "add", "two", "--input", "1", "--output", "2", "--context", "8000", "--max-output", "1000")
        weir.weirctl("model", "add", "one", "--input", "1", "--output", "2", "--context", "8000", "--max-output", "1000")
        weir.weirctl("channel", "add", "bad", "--provider", "openai", "--url", f"http://127.0.0.1:{port}/v1", "--key-stdin",
                     "--allow-private", "--model", "two=demo-fast", "--model", "one=demo-fast", "--priority", "10", input="demo\n")
        weir.weirctl("channel", "add", "good", "--provider", "openai", "--url", weir.demo_url, "--key-stdin",
                     "--allow-private", "--model", "two=demo", input="demo\n")
        yield weir, px, weir.make_user()


def asked(weir, task, at_least=1):
    """What the provider was asked for this task; its log is written as each request ends."""
    def entries():
        return [e for e in weir.demo_requests() if e.get("task") == task]

    wait_until(lambda: len(entries()) >= at_least, "the provider's log", 60, 0.05)
    return entries()


def turn_of(weir, user, content, model):
    began = time.monotonic()
    turn = weir.chat(user, content, model=model)
    assert turn.status == 200 and turn.closed, turn.answer
    return turn, time.monotonic() - began


# Directives with model=NAME count for that channel only: the good one is asked for "demo".
BEFORE = ["fault=refuse", "fault=close", "fault=401", "fault=429", "fault=500", "fault=503", "fault=quota", "fault=html",
          "fault=redirect", "fault=stall-before", "fault=stall-headers", "fault=empty", "fault=bad-json;at=0",
          "fault=reset;at=0", "fault=big-header", "fault=html-200", "fault=error-200", "fault=error-frame;at=0",
          "fault=error-object;at=0", "fault=error-code;at=0", "fault=bomb;at=0", "finish=error;fault=empty"]


@pytest.mark.parametrize("words", BEFORE)
def test_failover_before_the_first_byte(wired, words):
    weir, px, user = wired
    turn, _ = turn_of(weir, user, f"over [[demo deltas=6 pace=0]] [[demo model=demo-fast {words}]]", "two")
    if "stall" in words:  # the time to the first byte is spent: only a fallback model would get new time
        assert turn.final["type"] == "error" and turn.final["data"]["code"] == "upstream_timeout"
        assert turn.final["data"]["credits_consumed"] == 0
        return
    assert turn.final["type"] == "done", turn.events
    entries = asked(weir, turn.events[0]["data"]["task_id"])
    wait_until(lambda: entries[-1]["model"] == "demo" or entries.extend(asked(weir, turn.events[0]["data"]["task_id"])),
               "the other channel's log", 20, 0.05)
    assert sum(e["model"] == "demo" for e in asked(weir, turn.events[0]["data"]["task_id"])) == 1
    assert turn.final["data"]["usage"]["output_tokens"] == 6


AFTER = ["fault=stall-after", "fault=reset", "fault=reset-mid", "fault=cut", "fault=error-mid", "fault=bad-json",
         "fault=long-line", "fault=no-finish", "fault=filter-mid", "fault=error-frame", "fault=error-object",
         "fault=error-code", "fault=error-filter", "fault=bomb", "finish=error", "finish=network_error", "finish=unknown",
         "finish=sensitive", "finish=empty marker=finish", "fault=end-filter marker=finish"]


@pytest.mark.parametrize("words", AFTER)
def test_no_failover_after_the_first_byte(wired, words):
    weir, px, user = wired
    before = weir.balance(user)
    turn, took = turn_of(weir, user, f"stay [[demo model=demo-fast {words} at=5 deltas=12]]", "two")
    data = turn.final["data"]
    filtered = "filter" in words or "sensitive" in words
    code = "content_violation" if filtered else "upstream_timeout" if words == "fault=stall-after" else "upstream_failed"
    assert (turn.final["type"], data["code"]) == ("error", code), turn.final
    assert turn.text and data["assistant_message"]["content"] == turn.text
    assert 0 < data["credits_consumed"] < 0.001 and weir.balance(user) == pytest.approx(before - data["credits_consumed"], abs=1e-9)
    assert {e["model"] for e in asked(weir, turn.events[0]["data"]["task_id"])} == {"demo-fast"}, "nobody else was asked"
    assert took < (IDLE_S + 8) * busy()


ENDS = ["close", "reset", "open", "no-blank", "no-line"]


@pytest.mark.parametrize("words", ["fault=slices deltas=30", "usage=none deltas=20", "usage=wrong deltas=20", "fault=comments",
                                   "fault=no-done deltas=8", "usage=huge deltas=4", "usage=0/4000 deltas=4",
                                   "fault=parts deltas=8", "fault=repeat deltas=8", "fault=repeat-first deltas=8",
                                   "fault=halves deltas=8", "fault=noise deltas=8", "fault=whole deltas=8",
                                   "fault=long-line size=600000 deltas=4", "encoding=gzip deltas=8", "encoding=deflate deltas=8",
                                   "fault=bomb size=600000 deltas=4", *(f"fault=end-{end} marker={marker} deltas=8"
                                                                        for end in ENDS for marker in ("both", "finish", "done"))])
def test_odd_but_good_answers(wired, words):
    weir, px, user = wired
    turn, took = turn_of(weir, user, f"odd [[demo model=demo-fast {words}]]", "two")
    assert "fault=end" not in words or took < IDLE_S * busy(), "nothing is waited for that long after the end"
    assert turn.final["type"] == "done" and turn.final["data"]["credits_consumed"] > 0
    assert turn.final["data"]["credits_consumed"] < (1 if "size=" in words else 0.01)


# ---- the wire, below what a provider knows of ----------------------------------------


@pytest.fixture
def clean(wired):
    yield wired
    wired[1]("clear up")
    wired[1]("cut up")


def test_nobody_there(clean):
    """Connections are accepted and nothing is behind them."""
    weir, px, user = clean
    px("mode up hole")
    px("cut up")
    turn, took = turn_of(weir, user, "hole", "one")
    assert turn.final["data"]["code"] == "upstream_timeout" and turn.final["data"]["credits_consumed"] == 0
    assert took < (FIRST_BYTE_S + 8) * busy()


def test_refused_connections_go_to_the_other_channel(clean):
    weir, px, user = clean
    px("mode up refuse")
    px("cut up")
    turn, _ = turn_of(weir, user, "refused", "two")
    assert turn.final["type"] == "done"


@pytest.mark.parametrize("rule", ["stall=1 fin=0", "fin=0"])
def test_half_open(clean, rule):
    """The network goes without a word in the middle of an answer."""
    weir, px, user = clean
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": script("gone", "deltas=40 interval=50"), "model": "one"}, user, timeout_s=PATIENCE_S) as s:
        s.until("content")
        px(f"set up down {rule}")
        if "stall" not in rule:
            px("set up down drop=1000000000")
        end = [e.json for e in s.events() if e.json][-1]
    assert end["type"] == "error" and end["data"]["code"] == "upstream_timeout"
    assert end["data"]["credits_consumed"] > 0


@pytest.mark.parametrize("n_bytes", [0, 1, 100, 300, 301, 302, 400, 1000])
def test_cut_anywhere(clean, n_bytes):
    """The connection ends after so many bytes of an answer, wherever that is: one channel, a typed end or an answer."""
    weir, px, user = clean
    px("cut up")  # a new connection, so that the count starts with its answer
    px(f"set up down cut={n_bytes}")
    turn, _ = turn_of(weir, user, script(f"cut {n_bytes}", "deltas=30 interval=10"), "one")
    data = turn.final["data"]
    if turn.text and turn.final["type"] == "error":
        assert data["code"] == "upstream_failed" and data["credits_consumed"] > 0
    else:  # cut before the first byte: tried again
        assert turn.final["type"] == "done"


def test_one_byte_at_a_time_and_slow(clean):
    weir, px, user = clean
    px("set up down slice=1")
    turn, _ = turn_of(weir, user, script("slow 慢", "deltas=10 echo=1"), "one")
    assert turn.final["type"] == "done" and turn.text.strip().startswith("slow 慢")
    px("set up down slice=0 rate=4000")
    turn, _ = turn_of(weir, user, script("slower", "deltas=12"), "one")
    assert turn.final["type"] == "done"


# ---- memory -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["long-line", "bomb size=20000000"])
def test_memory_cap(wired, fault):
    """Lines of ten megabytes, or of twenty in gzip, many at once: nobody keeps more of them than of an answer."""
    weir, px, user = wired
    crowd = scale(16, 100)
    conversations = [weir.conversation(user) for _ in range(crowd)]
    send(weir, user, conversations[0], "warm")
    before = resident_bytes(weir.responders())
    answers = simultaneous(weir.port, [post_bytes(
        f"/api/conversations/{c}/messages/stream",
        {"content": script("long", f"fault={fault} at=3 first=300"), "model": "demo-fast"}, user) for c in conversations])
    for status, body in answers:
        assert status == 200
        events = events_of(body)
        assert events[-1] == "[DONE]" and events[-2]["type"] == "error"
    grown = resident_bytes(weir.responders()) - before
    # a line may fill the parser's cap before it is refused, not its own length
    assert SANITIZED or grown < crowd * (3 << 20) + (16 << 20), f"{grown >> 20} MiB more"
    # The provider goes on packing what nobody reads any more, and would be late for who comes next.
    for _, body in answers:
        asked(weir, events_of(body)[0]["data"]["task_id"])


def test_afterwards(wired):
    weir, px, user = wired
    px("clear up")
    turn, _ = turn_of(weir, user, "fine", "two")
    assert turn.final["type"] == "done", turn.final
    prove(weir)
