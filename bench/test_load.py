"""The load tool against weir-demo: what it must count, and what it must not miss."""

import json
import os
import subprocess

import pytest
import weirstack

PATH = "/v1/chat/completions"
ANTHROPIC = ("-H", "x-api-key: demo", "-H", "anthropic-version: 2023-06-01")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A weir-demo on a loopback port, and one more on a unix socket."""
    stack = weirstack.Stack(str(tmp_path_factory.mktemp("load")))
    stack.start_demo()
    stack.asked = lambda: open(stack.demo_log).readlines() if os.path.exists(stack.demo_log) else []
    stack.unix = stack.sockets + "/demo"
    stack.daemons.start("demo-unix", [stack.program("weir-demo"), "--listen", "unix:" + stack.unix, "--quiet"])
    weirstack.wait_until(lambda: os.path.exists(stack.unix), "weir-demo on a unix socket")
    yield stack
    stack.stop_all()
    stack.remove()


def load(demo, words, *options, address=None, stream=True, lines=1, check=True, wire=PATH):
    """Runs the tool on requests with this script; its report."""
    body = {"model": "demo-fast", "stream": stream, "max_tokens": 100,
            "messages": [{"role": "user", "content": f"[[demo {words}]]"}]}
    path = demo.folder + "/targets"
    with open(path, "w") as f:
        f.write(f"POST\t{wire}\t-\t{json.dumps(body)}\n" * lines)
    done = subprocess.run(
        [os.path.join(weirstack.build_dir(), "bench/load/load"), "-a", address or f"127.0.0.1:{demo.demo_port}",
         "-f", path, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    if not check:
        return done
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_closed_loop_counts_every_request(demo):
    before = len(demo.asked())
    report = load(demo, "ts=1 deltas=7", "-c", "4", "-n", "40")
    assert (report["requests"], report["ok"], report["failed"], report["errors"]) == (40, 40, 0, {})
    assert report["deltas"] == report["added"]["count"] == 280
    assert report["peak_active"] == 4 and report["connects"] == 4
    assert 0 < report["added"]["p50_us"] < 1e6
    assert report["first_content"]["p50_us"] <= report["completion"]["p50_us"]
    weirstack.wait_until(lambda: len(demo.asked()) - before == 40, "40 lines in the log", 5)


def test_times_of_a_paced_stream(demo):
    report = load(demo, "deltas=5 first=100 interval=50", "-c", "3", "-n", "3")
    assert 100e3 <= report["first_content"]["min_us"] < 250e3
    assert 300e3 <= report["completion"]["min_us"] < 600e3


def test_open_loop_counts_from_the_due_time(demo):
    """One connection, 50 ms each, 40 requests a second: the last of 40 waits a second for its turn."""
    report = load(demo, "delay=50 deltas=1", "-c", "1", "-r", "40", "-d", "1")
    assert report["requests"] == 40 and report["failed"] == 0
    assert report["completion"]["max_us"] > 900e3
    assert report["lateness"]["max_us"] > 850e3


def test_requests_that_found_no_connection_are_failures(demo):
    report = load(demo, "delay=400 deltas=1", "-c", "1", "-r", "20", "-d", "1", "-D", "0.1")
    assert report["errors"]["unsent"] > 10
    assert report["errors"]["unfinished"] == 1


@pytest.mark.parametrize("words,kind", [
    ("fault=429", "status 429 rate_limit_exceeded"),
    ("fault=500", "status 500 "),
    ("fault=cut at=2", "response cut"),
    ("fault=reset at=2", "Connection reset by peer"),
    ("fault=close", "closed"),
    ("fault=no-finish", "stream cut"),
    ("fault=no-done", "stream cut"),
    ("fault=error-mid at=2", "event "),
])
def test_failures_by_kind(demo, words, kind):
    report = load(demo, words + " deltas=4", "-c", "2", "-n", "6")
    assert report["ok"] == 0 and report["failed"] == 6
    assert list(report["errors"])[0].startswith(kind), report["errors"]
    assert report["completion"]["count"] == 0


def test_time_out(demo):
    report = load(demo, "fault=stall-after at=1 deltas=3", "-c", "1", "-n", "1", "-t", "0.5")
    assert report["errors"] == {"timeout": 1}


def test_bodies_that_are_no_streams(demo):
    report = load(demo, "deltas=4", "-c", "2", "-n", "10", stream=False)
    assert report["ok"] == 10 and report["deltas"] == 0 and report["body_bytes"] > 1000


def test_streams_of_anthropic(demo):
    report = load(demo, "ts=1 deltas=7", "-c", "2", "-n", "10", *ANTHROPIC, wire="/v1/messages")
    assert (report["ok"], report["errors"]) == (10, {})
    assert report["deltas"] == report["added"]["count"] == 70
    cut = load(demo, "fault=cut at=2 deltas=4", "-c", "1", "-n", "2", *ANTHROPIC, wire="/v1/messages")
    assert cut["ok"] == 0 and cut["failed"] == 2


def test_slices_of_one_byte(demo):
    report = load(demo, "fault=slices deltas=3 ts=1", "-c", "1", "-n", "2")
    assert report["ok"] == 2 and report["deltas"] == report["added"]["count"] == 6


def test_one_connection_each(demo):
    report = load(demo, "deltas=1", "-c", "2", "-n", "8", "-1")
    assert report["ok"] == 8 and report["connects"] == 8


def test_unix_socket(demo):
    report = load(demo, "deltas=2", "-c", "2", "-n", "8", address="unix:" + demo.unix)
    assert report["ok"] == 8 and report["connects"] == 2


def test_nobody_there(demo):
    report = load(demo, "x=1", "-c", "1", "-n", "3", address="127.0.0.1:1")
    assert report["errors"] == {"Connection refused": 3}


def test_usage(demo):
    assert load(demo, "", "-c", "0", check=False).returncode == 2
    assert load(demo, "", "-m", "3", check=False).returncode == 2
    assert load(demo, "", address="nowhere", check=False).returncode == 2
    with open(demo.folder + "/bad", "w") as f:
        f.write("GET /\n")
    assert load(demo, "", "-f", demo.folder + "/bad", check=False).returncode == 1
