"""The health of channels: who fails is left alone for a while and comes back, whatever dies meanwhile."""

import collections
import http.server
import json
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from weirtest import SLOWNESS, Redis, wait_until

PAUSE_S, TICKET_S = 1, 2
WEIR_CONF = {
    "health": {"failures": "3", "rate_failures": "2", "max_percent": "50", "min_calls": "20", "refusals": "3", "pause": f"{PAUSE_S}s",
               "pause_max": f"{PAUSE_S}s", "ticket": f"{TICKET_S}s", "probe_first": "300ms", "probe_max": "1s", "ping_every": "1h"},
    "upstream": {"retries": "2", "retry_base": "5ms"},
}


class Supplier(http.server.ThreadingHTTPServer):
    """A provider of one kind of answer, or of one for each key; counts what it was asked."""

    daemon_threads = True

    def __init__(self):
        self.mode, self.by_key = "ok", {}
        self.asked = collections.Counter()
        self.go_on = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def set(self, mode="ok", **by_key):
        self.mode, self.by_key = mode, by_key
        self.asked.clear()
        self.go_on.clear()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        self.server.asked[key] += 1
        mode = self.server.by_key.get(key, self.server.mode)
        if mode == "hang":
            self.server.go_on.wait(30)
            self.close_connection = True
        elif mode == "ok":
            self.answer(body)
        else:
            self.send(int(mode), json.dumps({"error": {"message": "not now", "type": "x"}}), "application/json",
                      {"Retry-After": "2"} if mode == "429" else {})

    def answer(self, body):
        if not body.get("stream"):
            self.send(200, json.dumps({"choices": [{"message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
                                       "usage": {"prompt_tokens": 3, "completion_tokens": 1}}), "application/json")
            return
        chunks = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": "fine"}}]},
                  {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                  {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}]
        self.send(200, "".join(f"data: {json.dumps(c)}\n\n" for c in chunks) + "data: [DONE]\n\n", "text/event-stream")

    def send(self, status, text, kind, headers={}):
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Site:
    """Models: `two` of channel bad (asked first) and good, `one` of bad alone, `keyed` of a channel with keys a and b."""

    def __init__(self, weir):
        self.weir, self.admin, self.user = weir, weir.make_user(admin=True), weir.make_user()
        self.bad, self.good, self.keyed = Supplier(), Supplier(), Supplier()
        for model in ("two", "one", "keyed"):
            weir.weirctl("model", "add", model, "--input", "1", "--output", "2", "--context", "8000", "--max-output", "1000")
        self.ids = {}
        self.add("bad", self.bad, ["two", "one"], priority=10)
        self.add("good", self.good, ["two"])
        self.add("keyed", self.keyed, ["keyed"], keys=[{"key": "sk-a", "name": "a"}, {"key": "sk-b", "name": "b"}])
        self.keys = {k["name"]: k["id"] for k in weir.get(f"/api/admin/channels/{self.ids['keyed']}", self.admin).json["keys"]}

    def add(self, name, supplier, models, **more):
        answer = self.weir.post("/api/admin/channels", {"name": name, "provider": "openai", "base_url": supplier.url, "allow_private": True,
                                                        "models": [{"model": m} for m in models], **more}, self.admin)
        assert answer.status == 201, answer
        self.ids[name] = answer.json["id"]

    def turn(self, model):
        return self.weir.chat(self.user, "say something", model=model)

    def breaker(self, channel, key=0):
        found = re.search(rf'weir_channel_breaker{{channel="{self.ids[channel]}",key="{key}"}} (\d)', self.weir.get("/metrics").text)
        return found and ("closed", "open", "half_open", "off")[int(found[1])]

    def await_breaker(self, state, channel, key=0, within_s=10):
        wait_until(lambda: self.breaker(channel, key) == state, f"{channel} {state}: {self.breaker(channel, key)}", within_s, 0.02)

    def events(self, channel):
        items = self.weir.get(f"/api/admin/channels/events?channel_id={self.ids[channel]}", self.admin).json["items"]
        return [(e["kind"], e["key"], e["cause"]) for e in reversed(items)]

    def last_event(self, channel, *event):
        wait_until(lambda: self.events(channel)[-1:] == [event], lambda: f"{event} in {self.events(channel)}", 10, 0.05)

    def mend(self, model="two"):
        """Both work, and nothing is held against them any more."""
        for supplier in (self.bad, self.good, self.keyed):
            supplier.go_on.set()
            supplier.set("ok")

        def closed():
            self.turn(model)
            return self.breaker("bad") in (None, "closed") and self.breaker("good") in (None, "closed")

        wait_until(closed, "everything closed", 20, 0.1)
        for supplier in (self.bad, self.good, self.keyed):
            supplier.asked.clear()


@pytest.fixture(scope="module")
def site(weir):
    return Site(weir)


def test_others_take_over_and_it_comes_back(site):
    """No request fails; both responders leave it alone after three failures in all; one call finds that it works again."""
    site.bad.set("500")
    with ThreadPoolExecutor(3) as pool:
        assert [t.final["type"] for t in pool.map(site.turn, ["two"] * 3)] == ["done"] * 3
    assert site.breaker("bad") == "open" and site.breaker("good") == "closed"
    site.bad.asked.clear()
    with ThreadPoolExecutor(4) as pool:
        turns = list(pool.map(site.turn, ["two"] * 12))
    assert [t.final["type"] for t in turns] == ["done"] * 12
    assert sum(site.bad.asked.values()) <= 2  # but for one that tried it when its time was over
    site.last_event("bad", "down", None, "server")

    site.bad.set("ok")
    site.await_breaker("half_open", "bad")
    assert site.turn("two").final["type"] == "done"
    assert sum(site.bad.asked.values()) == 1 and site.breaker("bad") == "closed"
    site.last_event("bad", "up", None, "server")
    site.turn("two")
    assert sum(site.bad.asked.values()) == 2


def test_the_only_channel_is_asked_all_the_same(site):
    site.mend()
    site.bad.set("429")
    assert site.turn("one").final["type"] == "error"
    assert site.breaker("bad") == "open" and sum(site.bad.asked.values()) == 2  # the third try was spared
    assert site.turn("one").final["type"] == "error"
    assert sum(site.bad.asked.values()) == 3  # asked once, not three times
    site.bad.set("ok")
    assert site.turn("one").final["type"] == "done"
    assert site.breaker("bad") == "closed"


def test_what_a_client_asks_wrongly(site):
    site.mend()
    site.bad.set("400")
    for _ in range(6):
        assert site.turn("two").final["type"] == "error"
    assert site.breaker("bad") == "closed"


def test_a_key_that_is_refused_and_only_that(site):
    site.mend()
    site.keyed.set("ok", **{"sk-a": "401"})
    a, b = site.keys["a"], site.keys["b"]

    def off():
        assert site.turn("keyed").final["type"] == "done"  # the other key answers
        return site.breaker("keyed", a) == "off"

    wait_until(off, "key a off", 10, 0.01)
    assert site.keyed.asked["sk-a"] == 3
    wait_until(lambda: ("key_off", "a", "refused") in site.events("keyed"), "the event", 10, 0.05)
    row = {k["name"]: k for k in site.weir.get(f"/api/admin/channels/{site.ids['keyed']}", site.admin).json["keys"]}
    assert (row["a"]["status"], row["b"]["status"]) == ("off", "active")
    assert row["a"]["off_reason"].startswith("HTTP 401") and "sk-a" not in row["a"]["off_reason"]
    assert site.breaker("keyed", b) == "closed"

    wait_until(lambda: ("probe_failed", "a", "refused") in site.events("keyed"), "a probe that fails", 15, 0.1)
    site.keyed.set("ok")
    wait_until(lambda: site.events("keyed")[-1][0] == "key_on", lambda: f"key_on: {site.events('keyed')}", 15, 0.1)
    site.await_breaker("closed", "keyed", a)
    wait_until(lambda: site.turn("keyed") and site.keyed.asked["sk-a"] > 1, "calls with key a", 10, 0.02)


def test_auto_disable_off(site):
    site.mend()
    path = f"/api/admin/channels/{site.ids['keyed']}"
    assert site.weir.patch(path, {"auto_disable": False}, site.admin).status == 200
    site.keyed.set("ok", **{"sk-b": "403"})
    b = site.keys["b"]
    wait_until(lambda: site.turn("keyed").final["type"] == "done" and site.breaker("keyed", b) != "closed", "key b open", 10, 0.01)
    assert site.breaker("keyed", b) in ("open", "half_open")
    assert {k["status"] for k in site.weir.get(path, site.admin).json["keys"]} == {"active"}
    site.keyed.set("ok")
    wait_until(lambda: site.turn("keyed") and site.breaker("keyed", b) == "closed", "key b closed", 10, 0.1)
    assert site.weir.patch(path, {"auto_disable": True}, site.admin).status == 200


def test_killed_while_half_open(site):
    """Who dies with the ticket is missed for the ticket's time, and no longer."""
    site.mend()
    site.bad.set("500")
    site.turn("two")
    site.await_breaker("open", "bad")
    site.bad.set("hang")
    site.await_breaker("half_open", "bad")
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(site.turn, "two")
        wait_until(lambda: sum(site.bad.asked.values()) == 1, "the call with the ticket", 10, 0.01)
        pids = site.weir.responders()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        died = time.monotonic()
        lost.exception(30)
    wait_until(lambda: set(site.weir.responders()).isdisjoint(pids) and site.weir.get("/healthz").status == 200, "new responders", 20, 0.02)
    site.bad.go_on.set()
    site.bad.set("ok")

    def back():
        assert site.turn("two").final["type"] == "done"
        return site.breaker("bad") == "closed"

    assert site.breaker("bad") in ("half_open", "open")  # they know what their predecessors knew
    wait_until(back, "closed again", (TICKET_S + PAUSE_S) * 2 * SLOWNESS, 0.05)
    assert time.monotonic() - died < (TICKET_S + PAUSE_S) * 2 * SLOWNESS


def test_other_hosts(site):
    """What they say in Redis is heeded; what happens here is said there; nonsense is not believed."""
    site.mend()
    field = f"{site.ids['bad']}:0"
    until_ms = int(time.time() * 1000) + 600000
    with site.weir.redis() as redis:
        assert isinstance(redis, Redis)
        for name, value in (("x", "y"), ("7:", "1 2 3"), (f"{site.ids['good']}:0", f"{until_ms} 99 elsewhere"),
                            (f"{site.ids['good']}:0", "99999999999999999 4 elsewhere")):
            redis.call("HSET", "weir:health", name, value)
        redis.call("HSET", "weir:health", field, f"{until_ms} 4 elsewhere")
        site.await_breaker("open", "bad")
        assert site.turn("two").final["type"] == "done" and not site.bad.asked
        assert site.breaker("good") == "closed"
        redis.call("HDEL", "weir:health", field)
        site.await_breaker("closed", "bad")

        site.bad.set("500")
        site.turn("two")
        wait_until(lambda: redis.call("HGET", "weir:health", field), "told to others", 5, 0.02)
        site.mend()
        wait_until(lambda: redis.call("HGET", "weir:health", field) is None, "told to others", 5, 0.02)
        redis.call("DEL", "weir:health")


def test_pings(site):
    """A channel nobody calls is known to be down before it is needed, and to be up again; one that was called is not pinged."""
    site.mend()
    tries = re.findall(r"weir_channel_tries_total.*", site.weir.get("/metrics").text)
    site.good.set("500")
    with site.weir.pg() as pg:
        def pinged():  # calls of a moment ago may yet be counted
            pg.query("UPDATE channel_health SET next_at = now(),"
                     " last_success_at = CASE WHEN channel_id <> $1 THEN now() END", site.ids["good"])
            return site.breaker("good") == "open"

        wait_until(pinged, "good open by pings alone", 20, 0.7)
    assert ("probe_failed", None, "server") in site.events("good")
    assert [k for k, *_ in site.events("good")].count("probe_failed") == 1 and not site.bad.asked
    site.good.set("ok")
    site.await_breaker("closed", "good", within_s=20)
    assert re.findall(r"weir_channel_tries_total.*", site.weir.get("/metrics").text) == tries
    with site.weir.pg() as pg:
        assert pg.query("SELECT FROM tasks WHERE type <> 'chat'") == []


def test_stats(site):
    site.mend()
    site.bad.set("500")
    site.turn("two")
    path = f"/api/admin/channels/{site.ids['bad']}/stats"

    def told():
        total = site.weir.get(path, site.admin).json["total"]
        return total["server"] >= 3 and total["opens"] >= 1 and total["switches"] >= 1 and total

    before = wait_until(told, "counts of the hour", 10, 0.1) or told()
    site.mend()
    wait_until(lambda: site.weir.get(path, site.admin).json["total"]["successes"] > before["successes"], "more counts", 10, 0.1)
    stats = site.weir.get(path, site.admin).json
    total, hour, key = stats["total"], stats["hours"][-1], stats["keys"][0]
    assert total["tries"] >= total["successes"] + total["server"] and 0 < total["first_byte_ms"] < 5000 * SLOWNESS
    assert total["first_byte_p95_ms"] >= 1 and key["key_id"] == 0 and key["tries"] == total["tries"]
    assert sum(h["tries"] for h in stats["hours"]) == total["tries"] and hour["hour"].endswith(":00:00.000Z")
    with site.weir.pg() as pg:
        pg.query("SELECT channel_hours_sum()")
        used = pg.dicts("SELECT count(*) AS n, sum(cost) AS cost, sum(request_tokens) AS tokens FROM usage WHERE channel_id = $1",
                        site.ids["bad"])[0]
    total = site.weir.get(path, site.admin).json["total"]
    assert (total["calls"], total["request_tokens"], total["cost"]) == (int(used["n"]), int(used["tokens"]), float(used["cost"]))
    keys = site.weir.get(f"/api/admin/channels/{site.ids['keyed']}/stats", site.admin).json["keys"]
    assert {k["key"] for k in keys if k["tries"]} == {"a", "b"}
    assert site.weir.get(path + "?from=2020-01-01&to=2020-01-02", site.admin).json["hours"] == []


def test_channels_tell_their_health(site):
    site.mend()
    site.turn("two")
    site.keyed.set("ok", **{"sk-a": "429"})
    wait_until(lambda: site.turn("keyed") and site.breaker("keyed", site.keys["a"]) == "open", "key a open", 10, 0.01)
    listed = {c["name"]: c for c in site.weir.get("/api/admin/channels", site.admin).json["items"]}
    health = listed["bad"]["health"]
    assert health["state"] == "closed" and health["calls"] > 0 and health["first_byte_ms"] > 0 and health["open_until"] is None
    assert health["last_success_at"] > health["last_error"]["at"] and health["last_error"]["class"] == "server"
    keys = {k["name"]: k["health"] for k in listed["keyed"]["keys"]}
    assert (keys["a"]["state"], keys["b"]["state"], listed["keyed"]["health"]["state"]) == ("open", "closed", "closed")
    assert keys["a"]["open_until"] and keys["a"]["last_error"]["http_status"] == 429 and keys["a"]["errors_per_mille"] > 0
    assert listed["keyed"]["health"] == site.weir.get(f"/api/admin/channels/{site.ids['keyed']}", site.admin).json["health"]


def test_metrics(site):
    text = site.weir.get("/metrics").text
    label = f'{{channel="{site.ids["bad"]}",key="0"'
    for name in ("tries", "successes", "skips", "switches", "opens"):
        assert int(re.search(rf"weir_channel_{name}_total{re.escape(label)}}} (\d+)", text)[1]) > 0, name
    assert int(re.search(rf'weir_channel_failures_total{re.escape(label)},class="server"}} (\d+)', text)[1]) > 0
    assert re.search(rf'weir_channel_failures_total{re.escape(label)},class="client"}} [1-9]', text)


def test_events_are_a_list(site):
    first = site.weir.get("/api/admin/channels/events?limit=2", site.admin).json
    assert len(first["items"]) == 2 and first["has_more"] is True
    second = site.weir.get(f"/api/admin/channels/events?limit=2&before_id={first['items'][-1]['id']}", site.admin).json
    assert second["items"][0]["id"] < first["items"][-1]["id"]
    one = site.weir.get(f"/api/admin/channels/events?channel_id={site.ids['bad']}", site.admin).json["items"][0]
    assert one["channel"] == "bad" and one["host"] and one["at"]
    for path in ("/api/admin/channels/events", f"/api/admin/channels/{site.ids['bad']}/stats"):
        assert site.weir.get(path).status == 401
        assert site.weir.get(path, site.user).status == 403
    for query in ("channel_id=x", "channel_id=0", "limit=0", "before_id=999999999"):
        assert site.weir.get(f"/api/admin/channels/events?{query}", site.admin).status == 400, query
    for query in ("from=yesterday", "to=2026-13-01", "from=2026-02-02&to=2026-02-01", "from=2020-01-01&to=2020-06-01"):
        assert site.weir.get(f"/api/admin/channels/{site.ids['bad']}/stats?{query}", site.admin).status == 400, query
    assert site.weir.get("/api/admin/channels/999999/stats", site.admin).status == 404


def test_nobody_paid_wrongly(site):
    site.weir.audit()
