"""Administration: accounts, credits, models, channels, agents, and that all of it is audited."""

import json
import uuid

import pytest

from weirtest import wait_until

MISSING = str(uuid.uuid4())


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer


def name():
    return f"n-{uuid.uuid4()}"


def audited(weir, action, object):
    with weir.pg() as pg:
        rows = pg.query("SELECT user_id, result, details, ip FROM audit_log WHERE action = $1 AND object = $2"
                        " ORDER BY id DESC LIMIT 1", action, object)
    assert rows, f"no {action} of {object} in the audit log"
    return {"user_id": rows[0][0], "result": rows[0][1], "details": json.loads(rows[0][2]), "ip": rows[0][3]}


def new_model(**more):
    return {"name": name(), "context_tokens": 1000, "max_output_tokens": 100, "price_input_per_mtok": 0.1,
            "price_output_per_mtok": "2.5", **more}


def test_users_may_not(weir, user):
    for method, path in [("GET", "/api/admin/users"), ("GET", f"/api/admin/users/{user.id}"),
                         ("PATCH", f"/api/admin/users/{user.id}"), ("POST", f"/api/admin/users/{user.id}/credits"),
                         ("GET", "/api/admin/models"), ("GET", "/api/admin/providers"), ("POST", "/api/admin/models"), ("GET", "/api/admin/channels"),
                         ("POST", "/api/admin/channels"), ("GET", "/api/admin/agents"), ("POST", "/api/admin/agents"),
                         ("GET", "/api/admin/debug-logs")]:
        refused(weir.request(method, path, user, {} if method in ("POST", "PATCH") else None), 403, "forbidden")


# ---- accounts --------------------------------------------------------------------


def test_find_users(weir, admin):
    user = weir.make_user(credits="12.5")
    found = weir.get(f"/api/admin/users?q={user.login.upper()}", admin)
    assert found.status == 200 and [u["id"] for u in found.json["items"]] == [user.id]
    one = weir.get(f"/api/admin/users/{user.id}", admin).json
    assert one == found.json["items"][0]
    assert one["email"] == user.login and one["credits"] == 12.5 and one["held"] == 0
    assert one["role"] == "user" and one["status"] == "active"
    assert "password" not in json.dumps(one)
    refused(weir.get(f"/api/admin/users/{MISSING}", admin), 404, "not_found")
    refused(weir.get("/api/admin/users/nonsense", admin), 404, "not_found")
    assert weir.get("/api/admin/users?role=admin&status=active", admin).json["items"][0]["role"] == "admin"
    assert weir.get("/api/admin/users?status=disabled&q=" + user.login, admin).json["items"] == []


def test_users_page(weir, admin):
    made = [weir.make_user(credits="0").id for _ in range(3)][::-1]
    page = weir.get("/api/admin/users?limit=2", admin).json
    assert [u["id"] for u in page["items"]] == made[:2] and page["has_more"] is True
    page = weir.get(f"/api/admin/users?limit=1&before_id={made[1]}", admin).json
    assert [u["id"] for u in page["items"]] == made[2:]
    page = weir.get(f"/api/admin/users?after_id={made[2]}", admin).json
    assert [u["id"] for u in page["items"]] == made[:2] and page["has_more"] is False
    refused(weir.get(f"/api/admin/users?before_id={MISSING}", admin), 400, "invalid_request", "before_id")


def test_disabling_works_at_once(weir, admin):
    user = weir.make_user()
    assert weir.get("/api/me", user).status == 200
    answer = weir.patch(f"/api/admin/users/{user.id}", {"status": "disabled"}, admin)
    assert answer.status == 200 and answer.json["status"] == "disabled"
    for _ in range(4):  # whichever process answers
        assert weir.get("/api/me", user).status in (401, 403)
    assert weir.post("/api/auth/login", {"login": user.login, "password": user.password}).status in (401, 403)
    assert audited(weir, "user.update", f"user:{user.id}")["user_id"] == admin.id
    assert weir.patch(f"/api/admin/users/{user.id}", {"status": "active"}, admin).status == 200
    assert weir.get("/api/me", user).status == 401, "old sessions stay revoked"
    weir.sign_in(user.login, user.password)


def test_change_role_and_nickname(weir, admin):
    user = weir.make_user()
    answer = weir.patch(f"/api/admin/users/{user.id}", {"role": "admin", "nickname": " Ann "}, admin)
    assert answer.status == 200 and answer.json["role"] == "admin" and answer.json["nickname"] == "Ann"
    assert weir.get("/api/admin/users", user).status == 200
    assert weir.patch(f"/api/admin/users/{user.id}", {"role": "user"}, admin).status == 200
    refused(weir.get("/api/admin/users", user), 403, "forbidden")
    refused(weir.patch(f"/api/admin/users/{user.id}", {"role": "god"}, admin), 400, "invalid_request", "role")
    refused(weir.patch(f"/api/admin/users/{user.id}", {"status": None, "role": 3}, admin), 400, "invalid_request",
            "role")
    refused(weir.patch(f"/api/admin/users/{MISSING}", {"role": "user"}, admin), 404, "not_found")


def test_admins_cannot_lock_themselves_out(weir, admin):
    for change in ({"status": "disabled"}, {"role": "user"}):
        refused(weir.patch(f"/api/admin/users/{admin.id}", change, admin), 409, "conflict")
    assert weir.patch(f"/api/admin/users/{admin.id}", {"role": "admin", "nickname": "Root"}, admin).status == 200


# ---- credits ---------------------------------------------------------------------


def test_grant_and_take(weir, admin):
    user = weir.make_user(credits="0")
    path = f"/api/admin/users/{user.id}/credits"
    answer = weir.post(f"/api/admin/users/{user.id}/credits", {"amount": "10.000001", "reason": "welcome"}, admin)
    assert answer.status == 200 and answer.json == {"balance": 10.000001}
    assert weir.post(path, {"amount": -4, "reason": "mistake"}, admin).json == {"balance": 6.000001}
    low = refused(weir.post(path, {"amount": -7, "reason": "too much"}, admin), 409, "conflict")
    assert low.json["details"]["balance"] == 6.000001
    assert weir.balance(user) == 6.000001
    entry = audited(weir, "credits.grant", f"user:{user.id}")
    assert entry["result"] == "conflict" and entry["user_id"] == admin.id and entry["details"]["reason"] == "too much"
    history = weir.get(f"/api/admin/users/{user.id}/credits/history", admin).json["items"]
    assert [(h["change_amount"], h["balance_after"], h["description"]) for h in history] == [
        (-4, 6.000001, "mistake"), (10.000001, 10.000001, "welcome")]
    assert history[0]["actor_id"] == admin.id and history[0]["change_type"] == "admin_adjustment"
    older = weir.get(f"/api/admin/users/{user.id}/credits/history?before_id={history[0]['id']}", admin).json["items"]
    assert [h["id"] for h in older] == [history[1]["id"]]
    weir.audit()


def test_a_grant_with_a_key_is_made_once(weir, admin):
    user = weir.make_user(credits="0")
    path = f"/api/admin/users/{user.id}/credits"
    key = {"Idempotency-Key": name()}
    for _ in range(3):
        assert weir.post(path, {"amount": 5, "reason": "once"}, admin, headers=key).json == {"balance": 5}
    assert weir.balance(user) == 5


def test_a_refused_grant_with_a_key_is_audited(weir, admin):
    user = weir.make_user(credits="1")
    refused(weir.post(f"/api/admin/users/{user.id}/credits", {"amount": -2, "reason": "too much"}, admin,
                      headers={"Idempotency-Key": name()}), 409, "conflict")
    entry = audited(weir, "credits.grant", f"user:{user.id}")
    assert entry["result"] == "conflict" and entry["user_id"] == admin.id and entry["details"]["reason"] == "too much"


def test_nobody_is_told_of_a_grant_that_was_not_committed(weir, admin):
    user = weir.make_user(credits="1")
    path = f"/api/admin/users/{user.id}/credits"
    with weir.stream("/api/events", user=user, method="GET") as events:
        with weir.redis() as redis:
            wait_until(lambda: redis.call("PUBSUB", "NUMSUB", f"weir:user:{user.id}")[1] >= 1, "subscribed", 10)
        with weir.denied("UPDATE ON idempotency_keys"):
            assert weir.post(path, {"amount": 5, "reason": "lost"}, admin,
                             headers={"Idempotency-Key": name()}).status >= 500
        assert weir.post(path, {"amount": 7, "reason": "kept"}, admin, headers={"Idempotency-Key": name()}).status == 200
        told = events.until("balance")[-1].json
    assert told["data"]["balance"] == 8
    with weir.pg() as pg:
        rows = pg.query("SELECT result FROM audit_log WHERE action = 'credits.grant' AND object = $1 AND user_id = $2",
                        f"user:{user.id}", admin.id)
    assert [r[0] for r in rows] == ["ok"]


@pytest.mark.parametrize("body, field", [
    ({"amount": 0, "reason": "x"}, "amount"), ({"amount": "1.0000001", "reason": "x"}, "amount"),
    ({"amount": 1e300, "reason": "x"}, "amount"), ({"amount": "NaN", "reason": "x"}, "amount"),
    ({"amount": 1}, "reason"), ({"amount": 1, "reason": ""}, "reason"), ({"reason": "x"}, "amount"),
    ({"amount": True, "reason": "x"}, "amount"), ({"amount": 1, "reason": "x" * 201}, "reason"),
])
def test_grant_refuses(weir, admin, user, body, field):
    before = weir.balance(user)
    refused(weir.post(f"/api/admin/users/{user.id}/credits", body, admin), 400, "invalid_request", field)
    assert weir.balance(user) == before


def test_grant_to_nobody(weir, admin):
    refused(weir.post(f"/api/admin/users/{MISSING}/credits", {"amount": 1, "reason": "x"}, admin), 404, "not_found")
    refused(weir.get(f"/api/admin/users/{MISSING}/credits/history", admin), 404, "not_found")
    user = weir.make_user()
    refused(weir.get(f"/api/admin/users/{user.id}/credits/history?before_id=999999999", admin), 400,
            "invalid_request", "before_id")


# ---- models ----------------------------------------------------------------------


def test_models(weir, admin, user):
    body = new_model(abilities=["vision", "tools"], display_name="Nice", price_per_call="0.000001", sort=-5)
    made = weir.post("/api/admin/models", body, admin)
    assert made.status == 201, made
    model = made.json
    assert model["price_input_per_mtok"] == 0.1 and model["price_output_per_mtok"] == 2.5
    assert model["price_per_call"] == 0.000001 and model["abilities"] == ["vision", "tools"]
    assert model["enabled"] is True and model["is_default"] is False and model["channels"] == []
    path = f"/api/admin/models/{model['id']}"
    assert weir.get(f"/api/admin/models/{model['id']}", admin).json == model
    changed = weir.patch(f"/api/admin/models/{model['id']}", {"enabled": False, "price_output_per_mtok": 3}, admin)
    assert changed.status == 200 and changed.json["enabled"] is False and changed.json["price_output_per_mtok"] == 3
    assert changed.json["abilities"] == ["vision", "tools"], "what is absent stays"
    assert audited(weir, "model.update", f"model:{model['id']}")["details"]["enabled"] is False
    items = weir.get("/api/admin/models?limit=1", admin).json
    assert items["items"][0]["id"] == model["id"] and items["has_more"] is True
    after = weir.get(f"/api/admin/models?after_id={model['id']}", admin).json["items"]
    assert model["id"] not in [m["id"] for m in after] and len(after) >= 3
    back = weir.get(f"/api/admin/models?before_id={after[0]['id']}", admin).json["items"]
    assert [m["id"] for m in back] == [model["id"]]
    assert weir.delete(f"/api/admin/models/{model['id']}", admin).status == 204
    refused(weir.get(path, admin), 404, "not_found")
    refused(weir.delete(path, admin), 404, "not_found")
    refused(weir.patch(path, {"sort": 1}, admin), 404, "not_found")
    audited(weir, "model.delete", f"model:{model['id']}")


@pytest.mark.parametrize("change, field", [
    ({"name": ""}, "name"), ({"name": "x" * 201}, "name"), ({"type": "magic"}, "type"),
    ({"context_tokens": 0}, "context_tokens"), ({"context_tokens": 10**12}, "context_tokens"),
    ({"context_tokens": 1.5}, "context_tokens"), ({"max_output_tokens": 2000}, "max_output_tokens"),
    ({"price_input_per_mtok": -1}, "price_input_per_mtok"), ({"price_output_per_mtok": "x"}, "price_output_per_mtok"),
    ({"price_per_call": 10**9}, "price_per_call"), ({"abilities": "vision"}, "abilities"),
    ({"abilities": [1]}, "abilities"), ({"enabled": "yes"}, "enabled"), ({"sort": 10**9}, "sort"),
])
def test_models_refuse(weir, admin, change, field):
    refused(weir.post("/api/admin/models", new_model(**change), admin), 400, "invalid_request", field)


def test_model_names_are_unique(weir, admin):
    body = new_model()
    assert weir.post("/api/admin/models", body, admin).status == 201
    taken = refused(weir.post("/api/admin/models", body, admin), 409, "conflict")
    assert taken.json["details"]["field"] == "name"


def test_one_default_per_type(weir, admin):
    def defaults():
        return [m["name"] for m in weir.get("/api/admin/models?limit=100", admin).json["items"]
                if m["is_default"] and m["type"] == "chat"]

    assert defaults() == ["demo"]
    made = weir.post("/api/admin/models", new_model(is_default=True), admin).json
    assert defaults() == [made["name"]]
    picture = weir.post("/api/admin/models", new_model(is_default=True, type="image"), admin).json
    assert picture["is_default"] is True and defaults() == [made["name"]]
    demo = [m for m in weir.get("/api/admin/models?limit=100", admin).json["items"] if m["name"] == "demo"][0]
    assert weir.patch(f"/api/admin/models/{demo['id']}", {"is_default": True}, admin).status == 200
    assert defaults() == ["demo"]


# ---- channels --------------------------------------------------------------------


def test_channels(weir, admin):
    key = "sk-" + name()
    body = {"name": name(), "provider": "openai", "base_url": weir.demo_url, "api_key": key, "priority": -10,
            "weight": 3, "allow_private": True, "enabled": False,
            "models": [{"model": "demo"}, {"model": "demo-slow", "upstream_name": "demo-fast"}]}
    made = weir.post("/api/admin/channels", body, admin)
    assert made.status == 201, made
    channel = made.json
    assert channel["has_key"] is True and key not in made.text and "api_key" not in channel
    assert channel["models"] == [{"model": "demo", "upstream_name": "demo"},
                                 {"model": "demo-slow", "upstream_name": "demo-fast"}]
    with weir.pg() as pg:
        sealed = pg.query("SELECT key_enc::text FROM channel_keys WHERE channel_id = $1", str(channel["id"]))[0][0]
        assert key.encode().hex() not in sealed, "sealed"
        audit = pg.query("SELECT string_agg(details::text, ' ') FROM audit_log")[0][0]
        assert key not in audit, "no secret in the audit log"
    assert key not in open(weir.daemons.log("pool")).read(), "no secret in a log"
    path = f"/api/admin/channels/{channel['id']}"
    assert weir.get(f"/api/admin/channels/{channel['id']}", admin).json == channel
    assert channel["id"] in [c["id"] for c in weir.get("/api/admin/channels", admin).json["items"]]
    on = weir.patch(f"/api/admin/channels/{channel['id']}", {"enabled": True}, admin).json
    assert on["enabled"] is True and on["has_key"] is True and on["models"] == channel["models"]
    off = weir.patch(path, {"enabled": False, "api_key": None, "models": []}, admin).json
    assert off["enabled"] is False and off["has_key"] is False and off["models"] == []
    assert audited(weir, "channel.create", f"channel:{channel['id']}")["details"]["api_key"] == "(set)"
    assert weir.delete(f"/api/admin/channels/{channel['id']}", admin).status == 204
    for answer in (weir.get(path, admin), weir.delete(path, admin), weir.patch(path, {"weight": 1}, admin),
                   weir.post(path + "/test", {}, admin)):
        refused(answer, 404, "not_found")


def test_channels_page(weir, admin):
    first = weir.get("/api/admin/channels", admin).json["items"][0]
    made = weir.post("/api/admin/channels", {"name": first["name"] + "-next", "provider": "openai",
                                             "base_url": "https://example.org", "enabled": False}, admin).json
    after = weir.get(f"/api/admin/channels?after_id={first['id']}&limit=1", admin).json
    assert [c["id"] for c in after["items"]] == [made["id"]]
    before = weir.get(f"/api/admin/channels?before_id={made['id']}", admin).json
    assert [c["id"] for c in before["items"]] == [first["id"]]
    refused(weir.get("/api/admin/channels?after_id=99999", admin), 400, "invalid_request", "after_id")
    refused(weir.post("/api/admin/channels", {"name": made["name"], "provider": "openai",
                                              "base_url": "https://example.org"}, admin), 409, "conflict")


@pytest.mark.parametrize("change, field", [
    ({"provider": "nobody"}, "provider"), ({"base_url": "ftp://example.org"}, "base_url"),
    ({"base_url": "http://"}, "base_url"), ({"base_url": "https://" + "x" * 2048}, "base_url"),
    ({"weight": -1}, "weight"), ({"models": ["demo"]}, "models"),
    ({"models": [{"model": "demo"}, {"model": "demo"}]}, "models"), ({"models": [{"model": "nothing"}]}, "models"),
    ({"models": [{"upstream_name": "x"}]}, "models"), ({"models": {"model": "demo"}}, "models"),
    ({"api_key": ""}, "api_key"), ({"api_key": "two\nlines"}, "api_key"), ({"priority": 10**10}, "priority"),
])
def test_channels_refuse(weir, admin, change, field):
    body = {"name": name(), "provider": "openai", "base_url": "https://example.org", **change}
    refused(weir.post("/api/admin/channels", body, admin), 400, "invalid_request", field)
    with weir.pg() as pg:
        assert pg.query("SELECT count(*) FROM channels WHERE name = $1", body["name"])[0][0] == "0"


def test_a_channel_is_tested(weir, admin):
    channel = [c for c in weir.get("/api/admin/channels", admin).json["items"] if c["name"] == "demo"][0]
    answer = weir.post(f"/api/admin/channels/{channel['id']}/test", {"model": "demo-fast"}, admin)
    assert answer.status == 200 and answer.json["ok"] is True, answer
    assert answer.json["http_status"] == 200 and answer.json["model"] == "demo-fast" and answer.json["error"] is None
    assert weir.post(f"/api/admin/channels/{channel['id']}/test", None, admin).json["ok"] is True
    refused(weir.post(f"/api/admin/channels/{channel['id']}/test", {"model": "else"}, admin), 400, "invalid_request",
            "model")


def test_a_channel_that_does_not_answer(weir, admin):
    def probe(upstream, **more):
        body = {"name": name(), "provider": "openai", "base_url": weir.demo_url, "allow_private": True,
                "enabled": False, "models": [{"model": "demo", "upstream_name": upstream}], **more}
        made = weir.post("/api/admin/channels", body, admin).json
        answer = weir.post(f"/api/admin/channels/{made['id']}/test", {}, admin)
        assert answer.status == 200 and answer.json["ok"] is False, answer
        return answer.json

    assert probe("demo;fault=401")["http_status"] == 401
    assert probe("demo;fault=500")["error"] == "upstream_failed"
    assert probe("demo;fault=close")["http_status"] == 0
    assert probe("demo", base_url="http://127.0.0.1:1/v1")["http_status"] == 0
    assert "private" in probe("demo", allow_private=False)["detail"]
    empty = weir.post("/api/admin/channels", {"name": name(), "provider": "openai", "base_url": weir.demo_url,
                                              "enabled": False}, admin).json
    refused(weir.post(f"/api/admin/channels/{empty['id']}/test", {}, admin), 409, "conflict")


# ---- agents ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(weir, admin):
    return {m["name"]: m["id"] for m in weir.get("/api/admin/models?limit=100", admin).json["items"]}


def test_agents(weir, admin, models):
    body = {"name": "Helper", "prompt": "Be kind.", "model_id": models["demo"], "fallback_model_id":
            models["demo-fast"], "temperature": 0.7, "timeout_seconds": 5, "description": "Helps."}
    made = weir.post("/api/admin/agents", body, admin)
    assert made.status == 201, made
    agent = made.json
    assert {k: agent[k] for k in body} == body
    assert agent["model"] == "demo" and agent["fallback_model"] == "demo-fast" and agent["enabled"] is True
    path = f"/api/admin/agents/{agent['id']}"
    assert weir.get(f"/api/admin/agents/{agent['id']}", admin).json == agent
    changed = weir.patch(f"/api/admin/agents/{agent['id']}", {"fallback_model_id": None, "temperature": None}, admin)
    assert changed.json["fallback_model_id"] is None and changed.json["temperature"] is None
    assert changed.json["prompt"] == "Be kind." and changed.json["timeout_seconds"] == 5
    off = weir.patch(path, {"enabled": False}, admin).json
    assert agent["id"] in [a["id"] for a in weir.get("/api/admin/agents", admin).json["items"]]
    assert off["enabled"] is False
    in_use = refused(weir.delete(f"/api/admin/models/{models['demo']}", admin), 409, "conflict")
    assert "agent" in in_use.json["message"]
    audited(weir, "agent.update", f"agent:{agent['id']}")
    assert weir.delete(f"/api/admin/agents/{agent['id']}", admin).status == 204
    for answer in (weir.get(path, admin), weir.delete(path, admin), weir.patch(path, {"name": "x"}, admin),
                   weir.post(path + "/route-test", None, admin), weir.post(path + "/prompt-preview",
                                                                           {"content": "x"}, admin)):
        refused(answer, 404, "not_found")


@pytest.mark.parametrize("change, field", [
    ({"name": ""}, "name"), ({"model_id": 999999}, "model_id"), ({"model_id": "demo"}, "model_id"),
    ({"model_id": 10**30}, "body"), ({"fallback_model_id": 999999}, "fallback_model_id"),
    ({"timeout_seconds": 0}, "timeout_seconds"), ({"timeout_seconds": 3601}, "timeout_seconds"),
    ({"temperature": 2.5}, "temperature"), ({"temperature": "hot"}, "temperature"), ({"prompt": "x" * 32001}, "prompt"),
])
def test_agents_refuse(weir, admin, models, change, field):
    body = {"name": "x", "model_id": models["demo"], **change}
    refused(weir.post("/api/admin/agents", body, admin), 400, "invalid_request", field)


def test_route_test_and_preview_cost_nothing(weir, admin, models):
    agent = weir.post("/api/admin/agents", {"name": "Tested", "prompt": "You are a poet.", "model_id": models["demo"],
                                            "fallback_model_id": models["demo-fast"]}, admin).json
    asked, balance = len(weir.demo_requests()), weir.balance(admin)
    route = weir.post(f"/api/admin/agents/{agent['id']}/route-test", None, admin)
    assert route.status == 200, route
    assert route.json["model"]["name"] == "demo" and route.json["fallback"]["name"] == "demo-fast"
    channel = route.json["model"]["channels"][0]
    assert channel["name"] == "demo" and channel["has_key"] is True and "api_key" not in channel
    assert route.json["timeout_seconds"] == 120
    preview = weir.post(f"/api/admin/agents/{agent['id']}/prompt-preview", {"content": "A poem, please."}, admin)
    assert preview.json["messages"] == [{"role": "system", "content": "You are a poet."},
                                        {"role": "user", "content": "A poem, please."}]
    assert preview.json["model"] == "demo" and 0 < preview.json["input_tokens"] < 50
    refused(weir.post(f"/api/admin/agents/{agent['id']}/prompt-preview", {}, admin), 400, "invalid_request", "content")
    assert len(weir.demo_requests()) == asked and weir.balance(admin) == balance
    logs = weir.get(f"/api/admin/debug-logs?agent_id={agent['id']}", admin).json["items"]
    assert [(log["kind"], log["model"], log["cost"]) for log in logs] == [("preview", "demo", 0), ("route", "demo", 0)]
    assert logs[0]["admin_id"] == admin.id and logs[0]["request"] == {"content": "A poem, please."}
    older = weir.get(f"/api/admin/debug-logs?before_id={logs[0]['id']}&limit=1", admin).json["items"]
    assert [log["id"] for log in older] == [logs[1]["id"]]
    refused(weir.get("/api/admin/debug-logs?before_id=99999999", admin), 400, "invalid_request", "before_id")
    refused(weir.get("/api/admin/debug-logs?agent_id=x", admin), 400, "invalid_request", "agent_id")


def execute(weir, admin, agent, content):
    with weir.stream(f"/api/admin/agents/{agent}/execution-test", {"content": content}, admin) as s:
        assert s.status == 200, s.answer()
        return [e.json for e in s.events() if e.json]


def test_execution_test_charges_nobody(weir, admin, models):
    agent = weir.post("/api/admin/agents", {"name": "Run", "prompt": "You are a poet.",
                                            "model_id": models["demo-fast"]}, admin).json["id"]
    asked, balance = len(weir.demo_requests()), weir.balance(admin)
    with weir.pg() as pg:
        def traces():
            return [pg.query(f"SELECT count(*) FROM {t}")[0] for t in
                    ("conversations", "conversation_messages", "tasks", "credit_transactions", "credits_history")]

        before = traces()
        events = execute(weir, admin, agent, "A poem, please.")
        assert [e["type"] for e in events if e["type"] != "content"] == ["start", "done"]
        assert traces() == before, "nothing but the debug log"
    assert len(weir.demo_requests()) == asked + 1 and weir.balance(admin) == balance
    log = weir.get(f"/api/admin/debug-logs?agent_id={agent}", admin).json["items"][0]
    assert log["kind"] == "execution" and log["model"] == "demo-fast" and log["error"] is None
    assert log["input_tokens"] > 0 and log["output_tokens"] > 0 and log["cost"] > 0, log
    refused(weir.post(f"/api/admin/agents/{agent}/execution-test", {"content": ""}, admin), 400, "invalid_request",
            "content")
    refused(weir.post(f"/api/admin/agents/{MISSING}/execution-test", {"content": "x"}, admin), 404, "not_found")


def test_a_failed_execution_is_recorded_too(weir, admin):
    model = weir.post("/api/admin/models", new_model(), admin).json
    weir.post("/api/admin/channels", {"name": name(), "provider": "openai", "base_url": weir.demo_url,
                                      "allow_private": True,
                                      "models": [{"model": model["name"], "upstream_name": "demo;fault=401"}]}, admin)
    agent = weir.post("/api/admin/agents", {"name": "Broken", "model_id": model["id"]}, admin).json["id"]
    assert execute(weir, admin, agent, "Hello?")[-1]["type"] == "error"
    log = weir.get(f"/api/admin/debug-logs?agent_id={agent}", admin).json["items"][0]
    assert log["kind"] == "execution" and log["error"] and log["cost"] == 0, log


def test_a_route_that_leads_nowhere(weir, admin):
    lonely = weir.post("/api/admin/models", new_model(), admin).json
    agent = weir.post("/api/admin/agents", {"name": "Lost", "model_id": lonely["id"]}, admin).json
    refused(weir.post(f"/api/admin/agents/{agent['id']}/route-test", None, admin), 503, "unavailable")
    log = weir.get(f"/api/admin/debug-logs?agent_id={agent['id']}", admin).json["items"][0]
    assert log["kind"] == "route" and lonely["name"] in log["error"]
