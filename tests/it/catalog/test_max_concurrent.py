"""channels.max_concurrent: so many calls at once over all processes of a host; who is full is passed over, not refused while
another can take it; what dies gives back."""

import http.server
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from weirtest import wait_until

WEIR_CONF = {"limits": {"user_tasks": "100", "conversation_tasks": "100"}, "upstream": {"retries": "1", "retry_base": "5ms"}}
FINE = "".join(f"data: {json.dumps(c)}\n\n" for c in (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "fine"}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}})) + "data: [DONE]\n\n"


class Supplier(http.server.ThreadingHTTPServer):
    """A provider that answers when it is let, and knows how many wait and how many did at most."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self):
        self.lock, self.go_on = threading.Lock(), threading.Event()
        self.now = self.most = self.asked = 0
        self.status = 200
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def count(self, n):
        with self.lock:
            self.now += n
            self.asked += n > 0
            self.most = max(self.most, self.now)

    def again(self, status=200):
        self.go_on.clear()
        with self.lock:
            self.most, self.asked, self.status = self.now, 0, status


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.count(1)
        self.server.go_on.wait(30)
        body = FINE.encode() if self.server.status == 200 else b'{"error": {"message": "no"}}'
        self.server.count(-1)
        try:
            self.send_response(self.server.status)
            self.send_header("Content-Type", "text/event-stream" if self.server.status == 200 else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *args):
        pass


class Site:
    """Models: `both` of channel narrow (asked first, two at once) and wide, `one` of narrow alone."""

    def __init__(self, weir):
        self.weir, self.admin, self.user = weir, weir.make_user(admin=True), weir.make_user()
        self.narrow, self.wide = Supplier(), Supplier()
        for model in ("both", "one"):
            weir.weirctl("model", "add", model, "--input", "1", "--output", "2", "--context", "8000", "--max-output", "1000")
        self.id = self.add("narrow", self.narrow, ["both", "one"], priority=10, max_concurrent=2)
        self.add("wide", self.wide, ["both"])
        self.key = weir.post("/api/keys", {"name": "k"}, self.user).json["key"]
        self.pool = ThreadPoolExecutor(16)

    def add(self, name, supplier, models, **more):
        answer = self.weir.post("/api/admin/channels", {"name": name, "provider": "openai", "base_url": supplier.url, "allow_private": True,
                                                        "models": [{"model": m} for m in models], **more}, self.admin)
        assert answer.status == 201, answer
        return answer.json["id"]

    def channel(self):
        return self.weir.get(f"/api/admin/channels/{self.id}", self.admin).json

    def ask(self, model):
        """A call of the API, whole; its status."""
        body = {"model": model, "messages": [{"role": "user", "content": "say something"}], "stream": True}
        answer = self.weir.post("/v1/chat/completions", body, self.key)
        if answer.status == 200:
            assert '"content": "fine"' in answer.text and "[DONE]" in answer.text, answer
        return answer.status

    def chat(self, model):
        return self.weir.chat(self.user, "say something", model=model).final["type"]

    def begin(self, supplier, n, ask, model):
        """n calls, which `supplier` has then."""
        futures = [self.pool.submit(ask, model) for _ in range(n)]
        wait_until(lambda: supplier.now == n, lambda: f"{n} calls, not {supplier.now}", 10)
        return futures

    def idle(self):
        for supplier in (self.narrow, self.wide):
            supplier.go_on.set()
        wait_until(lambda: self.channel()["running"] == 0, lambda: f"nothing running: {self.channel()['running']}", 10)
        for supplier in (self.narrow, self.wide):
            supplier.again()


@pytest.fixture(scope="module")
def sites(weir):
    return Site(weir)


@pytest.fixture
def site(sites):
    sites.idle()
    yield sites
    sites.idle()


def test_who_is_full_is_passed_over(site):
    futures = [site.pool.submit(site.ask if n % 2 else site.chat, "both") for n in range(8)]
    wait_until(lambda: site.narrow.now + site.wide.now == 8, lambda: f"all of them: {site.narrow.now}, {site.wide.now}", 10)
    assert (site.narrow.now, site.wide.now) == (2, 6)
    assert site.channel()["running"] == 2 and site.channel()["max_concurrent"] == 2
    site.narrow.go_on.set()
    wait_until(lambda: site.narrow.now == 0, "the two end")
    wait_until(lambda: site.channel()["running"] == 0, "their places are free")
    assert site.ask("both") == 200 and site.narrow.asked == 3, "it is asked first again"
    site.wide.go_on.set()
    assert [f.result() for f in futures] == ["done", 200] * 4
    assert (site.narrow.most, site.wide.most) == (2, 6)


def test_nobody_else_is_left(site):
    """Then it is refused at once, as 503 that may be tried again, and nothing is charged."""
    two = site.begin(site.narrow, 2, site.ask, "one")
    assert site.ask("one") == 503
    assert site.chat("one") == "error"
    assert site.narrow.asked == 2
    failed = site.weir.get("/api/usage/records?status=failed", site.user).json["items"]
    assert len(failed) == 2 and {(f["cost"], f["error_code"]) for f in failed} == {(0, "unavailable")}, failed
    site.narrow.go_on.set()
    assert [f.result() for f in two] == [200, 200]
    assert site.ask("one") == 200


def test_failures_and_readers_that_leave_give_back(site):
    site.narrow.again(status=400)
    site.narrow.go_on.set()
    for _ in range(3):
        assert site.ask("one") == 400
    site.narrow.again(status=500)
    site.narrow.go_on.set()
    for _ in range(3):
        assert site.ask("one") in (502, 503)
    assert site.channel()["running"] == 0
    site.narrow.again()
    conversation = site.weir.conversation(site.user)
    with site.weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "x", "model": "one"}, site.user) as s:
        task = next(s.events()).json["data"]["task_id"]
        wait_until(lambda: site.channel()["running"] == 1, "it runs", 10)
        assert site.weir.post(f"/api/tasks/{task}/abort", None, site.user).status == 200
    wait_until(lambda: site.channel()["running"] == 0, "it was stopped, and has no place any more", 10)


def test_a_change_holds_for_the_next_call(site):
    two = site.begin(site.narrow, 2, site.ask, "one")
    change = site.weir.patch(f"/api/admin/channels/{site.id}", {"max_concurrent": 3}, site.admin)
    assert change.status == 200 and change.json["max_concurrent"] == 3
    third = []

    def got_in():
        third.append(site.pool.submit(site.ask, "one"))
        wait_until(lambda: third[-1].done() or site.narrow.now == 3, "refused or asked")
        return site.narrow.now == 3

    wait_until(got_in, "a third", 10, 0.1)
    unlimited = site.weir.patch(f"/api/admin/channels/{site.id}", {"max_concurrent": None}, site.admin).json
    assert unlimited["max_concurrent"] is None and unlimited["running"] is None
    site.narrow.go_on.set()
    assert [f.result() for f in (*two, third[-1])] == [200] * 3
    assert site.weir.patch(f"/api/admin/channels/{site.id}", {"max_concurrent": 2}, site.admin).json["running"] == 0
    for wrong in (0, -1, "2", 1.5, 1000001):
        answer = site.weir.patch(f"/api/admin/channels/{site.id}", {"max_concurrent": wrong}, site.admin)
        assert (answer.status, answer.json["details"]["field"]) == (400, "max_concurrent"), wrong
    site.weir.weirctl("channel", "set", "narrow", "--max-concurrent", "2")


def test_many_at_once_never_go_beyond(site):
    """Two processes, many short calls: never more than two, none refused."""
    site.narrow.go_on.set()
    site.wide.go_on.set()
    assert set(site.pool.map(site.ask, ["both"] * 120)) == {200}
    assert site.narrow.most <= 2 and site.narrow.asked > 2


def test_a_killed_process_gives_back(site):
    """kill -9 with two calls at work: their places are free as soon as it is missed."""
    site.begin(site.narrow, 2, site.ask, "one")
    for pid in site.weir.responders():
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(site.weir.responders()) == 2, "responders again")
    wait_until(lambda: site.weir.get("/api/me", site.user).status == 200, "the site", 10)
    wait_until(lambda: site.channel()["running"] == 0, lambda: f"free: {site.channel()['running']}", 15)
    site.narrow.go_on.set()
    wait_until(lambda: site.ask("one") == 200, "it is asked again", 10)
