"""Channels with several keys: who is asked, in what order, what is said otherwise, and what admins see of it."""

import http.server
import json
import threading
import uuid

import pytest
from weirtest import wait_until

WEIR_CONF = {"upstream": {"region": "us"}}
PATH = "/v1/chat/completions"
ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
          "usage": {"prompt_tokens": 3, "completion_tokens": 2}}


def chunk(delta, finish=None):
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta, 'finish_reason': finish}]})}\n\n"


STREAM = chunk({"role": "assistant", "content": "Hello"}) + chunk({}, "stop") + "data: [DONE]\n\n"


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers as the key says: "sk-401-…" is refused with 401, others are answered.  Also a proxy: of whole URLs."""

    def do_GET(self):
        self.note(b"")
        if "credits" in self.path:
            self.tell({"data": {"total_credits": 100.5, "total_usage": 25.25}})
        elif "user/balance" in self.path:
            self.tell({"is_available": True, "balance_infos": [{"currency": "CNY", "total_balance": "110.00"}]})
        elif "odd" in self.path:
            self.tell({"models": "none"})
        else:
            self.tell({"data": [{"id": "b-model"}, {"id": "a-model"}, {"id": "a-model"}, {"id": 7}], "object": "list"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.note(body)["key"] or ""
        if key.startswith("sk-4") or key.startswith("sk-5"):
            self.tell({"error": {"message": "no"}}, int(key[3:6]))
        elif json.loads(body).get("stream"):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(STREAM.encode())
        else:
            self.tell(ANSWER)

    def note(self, body):
        auth = self.headers.get("Authorization") or ""
        asked = {"path": self.path, "key": auth.removeprefix("Bearer ") or self.headers.get("x-api-key") or self.headers.get("x-goog-api-key"),
                 "headers": {k.lower(): v for k, v in self.headers.items()}, "body": json.loads(body) if body else None,
                 "port": self.server.server_port}
        ASKED.append(asked)
        return asked

    def tell(self, answer, status=200):
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


ASKED = []


@pytest.fixture(scope="module")
def port():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def user(weir):
    return weir.make_user()


class Shop:
    """A model of its own, and the channels that serve it."""

    def __init__(self, weir, admin, port):
        self.weir, self.admin, self.port = weir, admin, port
        self.model = f"m-{uuid.uuid4()}"
        weir.weirctl("model", "add", self.model, "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")

    def set(self, **change):
        models = self.weir.get("/api/admin/models?limit=100", self.admin).json["items"]
        ident = next(m["id"] for m in models if m["name"] == self.model)
        answer = self.weir.patch(f"/api/admin/models/{ident}", change, self.admin)
        assert answer.status == 200, answer
        return answer.json

    def channel(self, *keys, **more):
        body = {"name": f"c-{uuid.uuid4()}", "provider": "openai", "base_url": f"http://127.0.0.1:{self.port}/v1", "allow_private": True,
                "keys": [{"key": k, "name": k} for k in keys], "models": [{"model": self.model, "upstream_name": "theirs"}], **more}
        answer = self.weir.post("/api/admin/channels", body, self.admin)
        assert answer.status == 201, answer
        return answer.json

    def ask(self, user, headers=None, **more):
        """(the answer, the keys that were tried)."""
        before = len(ASKED)
        answer = self.weir.post(PATH, {"model": self.model, "messages": [{"role": "user", "content": "hi"}], **more}, user, headers=headers)
        return answer, [a["key"] for a in ASKED[before:]]

    def route(self, **more):
        answer = self.weir.post("/api/admin/route-test", {"model": self.model, **more}, self.admin)
        assert answer.status == 200, answer
        return answer.json

    def places(self, **more):
        return [(i["key"], i["why"]) for i in self.route(**more)["items"]]


@pytest.fixture
def shop(weir, admin, port):
    return Shop(weir, admin, port)


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer


def audited(weir, action, channel):
    with weir.pg() as pg:
        rows = pg.query("SELECT details::text FROM audit_log WHERE action = $1 AND object = $2 ORDER BY id DESC LIMIT 1",
                        action, f"channel:{channel}")
    assert rows, f"no {action} in the audit log"
    return rows[0][0] or ""


# ---- who is asked ------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_a_key_that_is_refused_hands_over_to_the_next(shop, user, status):
    shop.channel(f"sk-{status}-a", "sk-b")
    shop.channel("sk-c", priority=-1)
    for _ in range(2):
        answer, keys = shop.ask(user)
        assert answer.status == 200 and keys in ([f"sk-{status}-a", "sk-b"], ["sk-b"]), keys
    shop.weir.audit()


def test_then_the_next_channel(shop, user):
    shop.channel("sk-401-a", "sk-401-b")
    shop.channel("sk-c", priority=-1)
    answer, keys = shop.ask(user)
    assert answer.status == 200 and sorted(keys[:2]) == ["sk-401-a", "sk-401-b"] and keys[2:] == ["sk-c"]
    answer, keys = shop.ask(user, stream=True)
    assert answer.status == 200 and keys[-1] == "sk-c" and "[DONE]" in answer.text


def test_what_is_no_key_s_fault_passes_by_its_other_keys(shop, user):
    shop.channel("sk-500-a", "sk-500-b")
    shop.channel("sk-c", priority=-1)
    answer, keys = shop.ask(user)
    assert answer.status == 200 and len(set(keys)) == 2 and keys[-1] == "sk-c", keys


def test_keys_take_turns(shop, user):
    shop.channel("sk-a", "sk-b", "sk-c")
    with_one = [shop.ask(user)[1][0] for _ in range(60)]
    assert {k: with_one.count(k) for k in ("sk-a", "sk-b", "sk-c")} == pytest.approx({"sk-a": 20, "sk-b": 20, "sk-c": 20}, abs=3)


def test_a_session_stays(shop, user):
    """With the same channel and key, in whatever way a client tells it."""
    for _ in range(4):
        shop.channel("sk-a" + str(uuid.uuid4()), "sk-b" + str(uuid.uuid4()))
    session = str(uuid.uuid4())
    ways = [({"x-claude-code-session-id": session}, {}), ({"session-id": session}, {}), ({"thread-id": session}, {}),
            (None, {"prompt_cache_key": session})]
    first = {tuple(shop.ask(user, headers=h, **m)[1]) for h, m in ways * 3}
    assert len(first) == 1
    others = {tuple(shop.ask(user, headers={"session-id": str(uuid.uuid4())})[1]) for _ in range(24)}
    assert len(others) > 4, "others go elsewhere"


def test_a_conversation_stays(weir, admin, user):
    """Its turns are a session, of which the route explainer knows by the conversation's id."""
    model = f"m-{uuid.uuid4()}"
    weir.weirctl("model", "add", model, "--input", "1", "--output", "2", "--context", "32000", "--max-output", "400")
    for n in range(4):
        made = weir.post("/api/admin/channels", {
            "name": f"{model}-{n}", "provider": "openai", "base_url": weir.demo_url, "allow_private": True, "keys": [{"key": "sk"}],
            "models": [{"model": model, "upstream_name": "demo-fast"}]}, admin)
        assert made.status == 201, made
    used = set()
    for _ in range(8):
        conversation = weir.conversation(user)
        for _ in range(3):
            with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "hi", "model": model}, user) as s:
                assert s.status == 200, s.answer()
                assert list(s.events())[-1].data == "[DONE]"
        with weir.pg() as pg:
            channels = pg.query("SELECT DISTINCT u.channel_id FROM usage u JOIN tasks t ON t.id = u.task_id WHERE t.conversation_id = $1",
                                conversation)
        told = weir.post("/api/admin/route-test", {"model": model, "session": conversation, "key": None}, admin).json
        assert len(channels) == 1
        used.add(channels[0][0])
    assert len(used) > 1
    assert told["by_session"] is True


def test_groups_and_blacklists(shop, user):
    shop.channel("sk-vip", groups=["vip"], priority=9)
    shop.channel("sk-ours", blacklist=[shop.model], priority=8)
    shop.channel("sk-theirs", blacklist=["theirs"], priority=7)
    shop.channel("sk-eu", region="eu", priority=10)
    shop.channel("sk-us", region="us", priority=6)
    off = shop.channel("sk-disabled", enabled=False, priority=5)
    answer, keys = shop.ask(user)
    assert answer.status == 200 and keys == ["sk-us"]
    told = shop.route()
    assert told["strategy"] == "weighted" and told["group"] == "default" and told["by_session"] is False
    found = {i["channel"]: i["why"] for i in told["items"]}
    assert sorted(found.values()) == ["blacklisted", "blacklisted", "candidate", "channel_disabled", "group", "region"]
    assert told["region"] == "us", "where this host is"
    assert found[off["name"]] == "channel_disabled"
    assert {w for _, w in shop.places(group="vip", region="eu")} >= {"candidate", "region", "blacklisted"}
    assert [p for p in shop.places(group="vip", region="eu") if p[1] == "candidate"] == [("sk-eu", "candidate"), ("sk-vip", "candidate")]


def test_a_model_that_a_group_cannot_reach(shop, user):
    channel = shop.channel("sk-vip", groups=["vip"])
    refused_now = shop.ask(user)[0]
    assert refused_now.status == 404 and refused_now.json["error"]["code"] == "model_not_found", "nothing to try again"
    assert shop.model not in [m["id"] for m in shop.weir.get("/v1/models", user).json["data"]]
    assert shop.model not in [m["name"] for m in shop.weir.get("/api/models?limit=100", user).json["items"]]
    assert shop.weir.patch(f"/api/admin/channels/{channel['id']}", {"groups": None}, shop.admin).json["groups"] == []
    assert shop.ask(user)[0].status == 200
    assert shop.model in [m["id"] for m in shop.weir.get("/v1/models", user).json["data"]]
    assert shop.model in [m["name"] for m in shop.weir.get("/api/models?limit=100", user).json["items"]]


@pytest.mark.parametrize("strategy", ["weighted", "random", "round_robin", "weighted_round_robin", "least_errors", "lowest_latency",
                                      "consistent_hash"])
def test_every_strategy_serves(shop, user, strategy):
    assert shop.set(strategy=strategy)["strategy"] == strategy
    shop.channel("sk-a")
    shop.channel("sk-b")
    shop.channel("sk-last", weight=0)
    seen = [tuple(shop.ask(user)[1]) for _ in range(8)]
    assert all(len(s) == 1 and s[0] != "sk-last" for s in seen)
    if strategy == "round_robin":
        assert len(set(seen)) == 2
    if strategy == "consistent_hash":
        assert len(set(seen)) == 1
    told = shop.route(group="default")
    assert told["strategy"] == strategy and [i["why"] for i in told["items"]] == ["candidate"] * 3
    assert told["items"][2]["key"] == "sk-last"


def test_a_group_has_its_own_strategy(shop):
    shop.channel("sk-a")
    shop.set(strategy="random", group_strategies={"vip": "round_robin"})
    assert shop.route(group="vip")["strategy"] == "round_robin" and shop.route()["strategy"] == "random"


def test_what_is_told_happens(shop, user, admin):
    for n in range(3):
        shop.channel(f"sk-{n}a", f"sk-{n}b", priority=n % 2)
    shop.channel("sk-401-x", priority=5)
    key = shop.weir.post("/api/keys", {"name": "route"}, user).json
    for n in range(6):
        session = f"session {n}"
        told = shop.route(session=session, key=key["id"])
        assert told["by_session"] is True and told["strategy"] == "consistent_hash"
        order = [i["key"] for i in told["items"] if i["position"]]
        assert [i["position"] for i in told["items"] if i["position"]] == list(range(1, 8))
        assert shop.ask(user, headers={"session-id": session})[1] == order[:2], "the first refuses"
        printed = shop.weir.weirctl("route", shop.model, "--session", session, "--key", key["id"]).stdout.splitlines()
        assert order[0] in printed[2] and order[1] in printed[3]
    refused(shop.weir.post("/api/admin/route-test", {"model": "none-such"}, admin), 400, "invalid_request", "model")
    refused(shop.weir.post("/api/admin/route-test", {"model": shop.model, "key": str(uuid.uuid4())}, admin), 400, "invalid_request", "key")
    refused(shop.weir.post("/api/admin/route-test", {"model": shop.model}, user), 403, "forbidden")


def test_a_key_in_a_group_of_its_own(shop, user, admin):
    shop.channel("sk-all")
    shop.channel("sk-vip", groups=["gold"], priority=5)
    assert shop.weir.post("/api/admin/groups", {"name": "gold"}, admin).status in (201, 409)
    key = shop.weir.post("/api/keys", {"name": "in gold"}, user).json
    assert shop.route(key=key["id"])["group"] == "default"
    assert shop.ask(user)[1] == ["sk-all"]
    assert shop.weir.request("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": "gold"}).status == 200
    told = shop.route(key=key["id"])
    assert told["group"] == "gold" and told["items"][0]["key"] == "sk-vip"
    assert shop.ask(user, headers={"Authorization": "Bearer " + key["key"]})[1] == ["sk-vip"]


def test_as_often_as_may_be(weir, shop, user):
    """Who was asked as often as it may be in this minute is none of those that are tried."""
    shop.channel("sk-a", "sk-b", rpm=5, priority=1)
    with_second = shop.channel("sk-c")
    weir.patch(f"/api/admin/channels/{with_second['id']}/keys/{with_second['keys'][0]['id']}", {"rpm": 2}, shop.admin)
    asked = [shop.ask(user) for _ in range(8)]
    assert [keys[0] in ("sk-a", "sk-b") for _, keys in asked[:7]] == [True] * 5 + [False] * 2
    assert [a.status for a, _ in asked] == [200] * 7 + [503] and asked[7][1] == []
    assert int(asked[7][0].headers["Retry-After"]) > 0
    before = len(ASKED)
    turn = weir.chat(user, "hello", model=shop.model)
    assert turn.status == 503 and len(ASKED) == before


# ---- what is said otherwise ------------------------------------------------------------


def test_overrides(shop, user):
    channel = shop.channel("sk-a", param_override={"temperature": 0.25, "seed": None, "service_tier": "flex", "own": {"a": [1]}},
                           header_override={"X-Team": "blue", "Accept": None})
    assert channel["param_override"]["own"] == {"a": [1]} and channel["header_override"] == {"X-Team": "blue", "Accept": None}
    assert shop.ask(user, temperature=1, seed=7, service_tier="priority", top_p=0.5)[0].status == 200
    asked = ASKED[-1]
    assert asked["headers"]["x-team"] == "blue" and asked["body"]["temperature"] == 0.25 and asked["body"]["service_tier"] == "flex"
    assert "seed" not in asked["body"] and asked["body"]["own"] == {"a": [1]} and asked["body"]["top_p"] == 0.5
    assert asked["body"]["model"] == "theirs" and asked["body"]["messages"] == [{"role": "user", "content": "hi"}]
    assert shop.weir.post(f"/api/admin/channels/{channel['id']}/test", {}, shop.admin).json["ok"] is True
    assert ASKED[-1]["headers"]["x-team"] == "blue", "a test asks as a call does"


def test_a_proxy(shop, user):
    """Plain HTTP goes to the proxy as a whole URL; the proxy may be at a private address, what is behind it may not."""
    channel = shop.channel("sk-a", base_url="http://models.example/v1", allow_private=False,
                           proxy=f"http://me:hush@127.0.0.1:{shop.port}")
    assert channel["has_proxy"] is True and "hush" not in json.dumps(channel)
    assert shop.ask(user)[0].status == 200
    assert ASKED[-1]["path"] == "http://models.example/v1/chat/completions"
    assert ASKED[-1]["headers"]["proxy-authorization"].startswith("Basic ")
    assert "hush" not in audited(shop.weir, "channel.create", channel["id"])
    path = f"/api/admin/channels/{channel['id']}"
    shop.weir.patch(path, {"base_url": "http://127.0.0.1:9/v1"}, shop.admin)
    before = len(ASKED)
    assert "private" in shop.weir.post(path + "/test", {}, shop.admin).json["detail"] and len(ASKED) == before
    assert shop.weir.patch(path, {"proxy": None, "allow_private": True, "base_url": f"http://127.0.0.1:{shop.port}/v1"},
                           shop.admin).json["has_proxy"] is False
    assert shop.ask(user)[0].status == 200 and ASKED[-1]["path"] == "/v1/chat/completions"


@pytest.mark.parametrize("change, field", [
    ({"proxy": "ftp://x"}, "proxy"), ({"proxy": "http://x/path"}, "proxy"), ({"proxy": "http://"}, "proxy"),
    ({"header_override": {"Host": "x"}}, "header_override"), ({"header_override": {"authorization": "x"}}, "header_override"),
    ({"header_override": {"X": "a\nb"}}, "header_override"), ({"header_override": []}, "header_override"),
    ({"param_override": {"model": "x"}}, "param_override"), ({"param_override": {"STREAM": True}}, "param_override"),
    ({"groups": ["x"] * 101}, "groups"), ({"blacklist": [1]}, "blacklist"), ({"rpm": 0}, "rpm"), ({"region": "x" * 65}, "region"),
    ({"keys": [{"name": "x"}]}, "keys"), ({"keys": ["x"]}, "keys"), ({"keys": [{"key": "x", "weight": -1}]}, "keys"),
])
def test_what_channels_refuse(weir, admin, change, field):
    body = {"name": f"c-{uuid.uuid4()}", "provider": "openai", "base_url": "https://example.org", **change}
    refused(weir.post("/api/admin/channels", body, admin), 400, "invalid_request", field)
    with weir.pg() as pg:
        assert pg.query("SELECT count(*) FROM channels WHERE name = $1", body["name"])[0][0] == "0"


@pytest.mark.parametrize("change, field", [({"strategy": "best"}, "strategy"), ({"group_strategies": {"vip": "best"}}, "group_strategies"),
                                           ({"group_strategies": {"": "random"}}, "group_strategies")])
def test_what_strategies_refuse(shop, change, field):
    models = shop.weir.get("/api/admin/models?limit=100", shop.admin).json["items"]
    ident = next(m["id"] for m in models if m["name"] == shop.model)
    refused(shop.weir.patch(f"/api/admin/models/{ident}", change, shop.admin), 400, "invalid_request", field)


# ---- keys --------------------------------------------------------------------------------


def test_keys_one_by_one(shop, user, admin):
    weir, channel = shop.weir, shop.channel("sk-a")
    path = f"/api/admin/channels/{channel['id']}/keys"
    made = weir.post(path, {"key": "sk-secret-b", "name": "b", "weight": 2, "rpm": 10, "sort": 5}, admin)
    assert made.status == 201 and "sk-secret-b" not in made.text
    key = next(k for k in made.json["keys"] if k["name"] == "b")
    assert (key["status"], key["weight"], key["rpm"], key["sort"]) == ("active", 2, 10, 5)
    assert "sk-secret-b" not in audited(weir, "channel.key_add", channel["id"])
    refused(weir.post(path, {"key": "x", "name": "b"}, admin), 409, "conflict", "name")
    refused(weir.post(path, {"name": "c"}, admin), 400, "invalid_request", "key")
    off = weir.patch(f"{path}/{key['id']}", {"enabled": False, "rpm": None}, admin).json["keys"][1]
    assert off["status"] == "disabled" and off["off_at"] and off["rpm"] is None and off["weight"] == 2
    audited(weir, "channel.key_update", channel["id"])
    assert ("b", "key_disabled") in shop.places()
    assert {shop.ask(user)[1][0] for _ in range(4)} == {"sk-a"}
    with weir.pg() as pg:
        pg.query("UPDATE channel_keys SET status = 'off', off_reason = 'HTTP 401', off_at = now() WHERE id = $1", key["id"])
    wait_until(lambda: ("b", "key_off") in shop.places(), "responders look for themselves")
    assert {shop.ask(user)[1][0] for _ in range(4)} == {"sk-a"}
    on = weir.patch(f"{path}/{key['id']}", {"key": "sk-new-b"}, admin).json["keys"][1]
    assert (on["status"], on["off_reason"], on["off_at"]) == ("active", None, None), "another key, another chance"
    assert {shop.ask(user)[1][0] for _ in range(6)} == {"sk-a", "sk-new-b"}
    other = shop.channel("sk-other")
    for answer in (weir.patch(f"/api/admin/channels/{other['id']}/keys/{key['id']}", {"weight": 1}, admin),
                   weir.delete(f"/api/admin/channels/{other['id']}/keys/{key['id']}", admin),
                   weir.post("/api/admin/channels/999999/keys", {"key": "x"}, admin)):
        refused(answer, 404, "not_found")
    refused(weir.patch(f"/api/admin/channels/{channel['id']}", {"api_key": "x"}, admin), 400, "invalid_request", "api_key")
    assert weir.delete(f"{path}/{key['id']}", admin).status == 204
    audited(weir, "channel.key_delete", channel["id"])
    replaced = weir.patch(f"/api/admin/channels/{channel['id']}", {"api_key": "sk-only"}, admin).json
    assert [k["name"] for k in replaced["keys"]] == ["sk-a"]


def test_weirctl_keys(shop, user):
    channel = shop.channel("sk-a")["name"]

    def ctl(*words, **more):
        return shop.weir.weirctl(*words, **more).stdout

    ctl("channel-key", "add", channel, "--name", "second", "--key-stdin", "--weight", "0", input="sk-second\n")
    listed = ctl("channel-key", "list", channel)
    assert "second" in listed and "sk-second" not in listed
    ctl("channel-key", "disable", channel, "--name", "sk-a")
    assert shop.ask(user)[1] == ["sk-second"]
    ctl("channel-key", "enable", channel, "--name", "sk-a")
    ctl("channel-key", "set", channel, "--name", "second", "--rename", "third", "--key-stdin", input="sk-third\n")
    assert "third" in ctl("channel-key", "list", channel)
    ctl("channel-key", "remove", channel, "--name", "third")
    assert "third" not in ctl("channel-key", "list", channel)
    ctl("channel", "set", channel, "--groups", "vip,staff", "--tag", "t", "--params", '{"seed": 5}', "--rpm", "9", "--no-auto-disable")
    with shop.weir.pg() as pg:
        row = pg.query("SELECT groups::text, tag, param_override::text, rpm, auto_disable FROM channels WHERE name = $1", channel)[0]
    assert tuple(row) == ("{vip,staff}", "t", '{"seed": 5}', "9", "f")


# ---- what providers tell -------------------------------------------------------------------


def test_on_and_off(shop, user, admin):
    channel = shop.channel("sk-a")
    path = f"/api/admin/channels/{channel['id']}"
    assert shop.weir.post(f"/api/admin/channels/{channel['id']}/disable", None, admin).json["enabled"] is False
    assert shop.ask(user)[0].status == 503
    assert shop.weir.post(f"/api/admin/channels/{channel['id']}/enable", None, admin).json["enabled"] is True
    assert shop.ask(user)[0].status == 200
    audited(shop.weir, "channel.disable", channel["id"])
    audited(shop.weir, "channel.enable", channel["id"])
    for verb in ("enable", "disable", "fetch-models", "balance", "test"):
        refused(shop.weir.post(f"/api/admin/channels/999999/{verb}", None, admin), 404, "not_found")
        refused(shop.weir.post(f"{path}/{verb}", None, user), 403, "forbidden")


def test_models_of_a_provider(shop, admin):
    channel = shop.channel("sk-a")
    told = shop.weir.post(f"/api/admin/channels/{channel['id']}/fetch-models", None, admin).json
    assert told == {"ok": True, "http_status": 200, "error": None, "detail": "", "models": ["a-model", "b-model"]}
    assert (ASKED[-1]["path"], ASKED[-1]["key"]) == ("/v1/models", "sk-a")
    audited(shop.weir, "channel.fetch_models", channel["id"])
    for provider, path in (("anthropic", "/v1/models?limit=1000"), ("gemini", "/v1beta/models?pageSize=1000")):
        other = shop.channel("sk-b", provider=provider, base_url=f"http://127.0.0.1:{shop.port}")
        assert shop.weir.post(f"/api/admin/channels/{other['id']}/fetch-models", None, admin).json["ok"] is True
        assert (ASKED[-1]["path"], ASKED[-1]["key"]) == (path, "sk-b")
    odd = shop.channel("sk-a", base_url=f"http://127.0.0.1:{shop.port}/odd/v1")
    told = shop.weir.post(f"/api/admin/channels/{odd['id']}/fetch-models", None, admin).json
    assert (told["ok"], told["error"], told["models"]) == (False, "upstream_failed", [])
    gone = shop.channel("sk-a", base_url="http://127.0.0.1:1/v1")
    told = shop.weir.post(f"/api/admin/channels/{gone['id']}/fetch-models", None, admin).json
    assert (told["ok"], told["http_status"]) == (False, 0) and told["detail"]
    assert shop.weir.weirctl("channel", "models", channel["name"]).stdout.splitlines() == ["a-model", "b-model"]


def test_balances(shop, admin):
    proxy = f"http://127.0.0.1:{shop.port}"
    router = shop.channel("sk-a", "sk-b", base_url="http://openrouter.ai/api/v1", proxy=proxy)
    told = shop.weir.post(f"/api/admin/channels/{router['id']}/balance", None, admin).json["items"]
    assert [(i["name"], i["ok"], i["balance"], i["currency"]) for i in told] == [("sk-a", True, 75.25, "USD"), ("sk-b", True, 75.25, "USD")]
    assert {a["key"] for a in ASKED[-2:]} == {"sk-a", "sk-b"} and ASKED[-1]["path"] == "http://openrouter.ai/api/v1/credits"
    kept = shop.weir.get(f"/api/admin/channels/{router['id']}", admin).json["keys"][0]
    assert (kept["balance"], kept["balance_currency"]) == (75.25, "USD") and kept["balance_at"]
    deep = shop.channel("sk-a", base_url="http://api.deepseek.com/v1", proxy=proxy)
    told = shop.weir.post(f"/api/admin/channels/{deep['id']}/balance", None, admin).json["items"][0]
    assert (told["balance"], told["currency"]) == (110, "CNY") and ASKED[-1]["path"] == "http://api.deepseek.com/user/balance"
    assert "110.000000 CNY" in shop.weir.weirctl("channel", "balance", deep["name"]).stdout
    plain = shop.channel("sk-a")
    told = shop.weir.post(f"/api/admin/channels/{plain['id']}/balance", None, admin).json["items"][0]
    assert (told["supported"], told["ok"], told["balance"], told["error"]) == (False, False, None, None)
    audited(shop.weir, "channel.balance", plain["id"])


def test_all_are_tested(shop, admin):
    good, bad, empty = shop.channel("sk-a"), shop.channel("sk-401-b"), shop.channel("sk-c", models=[])
    found, after = {}, 0
    for _ in range(5):
        page = shop.weir.post("/api/admin/channels/test-all", {"after_id": after}, admin).json
        found.update({i["channel"]: i for i in page["items"]})
        if not page["has_more"]:
            break
        after = page["items"][-1]["channel_id"]
    assert found[good["name"]]["ok"] is True and found[bad["name"]]["http_status"] == 401
    assert found[empty["name"]]["error"] == "conflict" and found[empty["name"]]["detail"]
    audited(shop.weir, "channel.test", "all")


def test_one_key_is_tested(shop, admin):
    channel = shop.channel("sk-a", "sk-401-b")
    path = f"/api/admin/channels/{channel['id']}/test"
    for key, status in zip(channel["keys"], (200, 401)):
        assert shop.weir.post(path, {"key_id": key["id"]}, admin).json["http_status"] == status
    refused(shop.weir.post(path, {"key_id": 999999}, admin), 404, "not_found")
    shop.weir.patch(f"/api/admin/channels/{channel['id']}", {"test_model": "none"}, admin)
    assert shop.weir.post(path, {}, admin).json["model"] == shop.model
