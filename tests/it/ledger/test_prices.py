"""Prices as rows: kept, imported, quoted; frozen with a call; by group, threshold and hours; unknown refuses."""

import json
import threading
import time
import uuid

import pytest

from weirtest import wait_until

CHAT = "/v1/chat/completions"


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer


def audited(weir, action, object):
    with weir.pg() as pg:
        return int(pg.one("SELECT count(*) FROM audit_log WHERE action = $1 AND object = $2", action, object))


@pytest.fixture
def model(weir, admin):
    """A model of its own behind the demo's channel, without any price."""
    name = f"m-{uuid.uuid4()}"
    weir.weirctl("model", "add", name, "--input", "1", "--output", "1", "--context", "1000000", "--max-output", "1000")
    with weir.pg() as pg:
        pg.query("INSERT INTO channel_models (channel_id, model_id, upstream_name)"
                 " SELECT c.id, m.id, 'demo-fast' FROM channels c, llm_models m WHERE c.name = 'demo' AND m.name = $1", name)
    put(weir, admin, models=[name])
    return name


@pytest.fixture
def group(weir, admin):
    name = "g" + uuid.uuid4().hex[:12]
    assert weir.post("/api/admin/groups", {"name": name, "ratio": 0.5}, admin).status == 201
    return name


def put(weir, admin, *rows, status=200, **more):
    answer = weir.request("PUT", "/api/admin/prices", admin, {"rows": list(rows), **more})
    assert answer.status == status, answer
    time.sleep(0.1)  # until the other responder heard of it, by Redis
    return answer.json


def row(model, meter, price, **more):
    return {"model": model, "meter": meter, "unit_price": price, **more}


def ask(model, content="[[demo usage=1000/500]] hello", **more):
    return {"model": model, "messages": [{"role": "user", "content": content + " x" * 2000}], **more}


def paid(weir, user):
    with weir.pg() as pg:
        return [float(r[0]) for r in pg.query("SELECT cost FROM usage WHERE user_id = $1 ORDER BY id", user.id)]


# ---- keeping them ----------------------------------------------------------------


def test_rows(weir, admin, model):
    done = put(weir, admin, row(model, "input", 3), row(model, "output", "4.5", per=1000, min_context=7),
               row(model, "call", 0.000001, valid_from="2020-01-01T00:00:00Z", hours="22:00-06:00", time_zone="Asia/Shanghai"))
    assert (done["added"], done["changed"], done["removed"], done["same"], done["dry_run"]) == (3, 0, 0, 0, False)
    page = weir.get(f"/api/admin/prices?model={model}", admin).json
    assert [(r["meter"], r["unit_price"], r["per"], r["min_context"]) for r in page["items"]] == [
        ("call", 0.000001, 1, 0), ("output", 4.5, 1000, 7), ("input", 3, 1000000, 0)]
    assert page["items"][0]["hours"] == "22:00-06:00" and page["items"][0]["valid_from"] == "2020-01-01T00:00:00.000Z"
    assert page["items"][2]["valid_from"] is None and page["items"][2]["group"] is None and page["items"][2]["tier"] == "standard"
    assert [r["meter"] for r in weir.get(f"/api/admin/prices?model={model}&meter=input", admin).json["items"]] == ["input"]
    assert weir.get(f"/api/admin/prices?model={model}&group=default", admin).json["items"] == []
    assert len(weir.get(f"/api/admin/prices?model={model}&group=&tier=standard", admin).json["items"]) == 3
    one = weir.get(f"/api/admin/prices?model={model}&limit=1", admin).json
    assert one["has_more"] and len(weir.get(f"/api/admin/prices?model={model}&before_id={one['items'][0]['id']}", admin).json["items"]) == 2
    done = put(weir, admin, row(model, "input", 5), row(model, "output", "4.5", per=1000, min_context=7))
    assert (done["added"], done["changed"], done["same"]) == (0, 1, 1)
    assert (done["items"][0]["before"], done["items"][0]["unit_price"]) == (3, 5)
    assert audited(weir, "price.put", "prices") > 0
    done = put(weir, admin, row(model, "input", 6), models=[model], dry_run=True)
    assert (done["changed"], done["removed"], done["dry_run"]) == (1, 2, True)
    assert len(weir.get(f"/api/admin/prices?model={model}", admin).json["items"]) == 3
    assert put(weir, admin, row(model, "input", 6), models=[model])["removed"] == 2
    (left,) = weir.get(f"/api/admin/prices?model={model}", admin).json["items"]
    assert weir.delete(f"/api/admin/prices/{left['id']}", admin).status == 204
    assert audited(weir, "price.delete", f"price:{left['id']}") == 1
    refused(weir.delete(f"/api/admin/prices/{left['id']}", admin), 404, "not_found")


@pytest.mark.parametrize("bad, says", [
    ({"model": "none-such"}, "model"), ({"group": "none-such"}, "group"), ({"meter": "tea"}, "meter"), ({"tier": "fast"}, "tier"),
    ({"unit_price": -1}, "unit_price"), ({"unit_price": "x"}, "unit_price"), ({"unit_price": None}, "unit_price"),
    ({"per": 0}, "per"), ({"per": 2000000}, "per"), ({"min_context": -1}, "min_context"), ({"valid_from": "soon"}, "valid_from"),
    ({"hours": "22:00-22:00"}, "hours"), ({"hours": "24:00-06:00"}, "hours"), ({"hours": "always-now"}, "hours"), ({"hours": "22时至6时吧好吧好的"}, "hours"),
    ({"hours": "22:00-06:00", "time_zone": "Mars/Phobos"}, "time_zone"),
])
def test_bad_rows(weir, admin, model, bad, says):
    answer = weir.request("PUT", "/api/admin/prices", admin, {"rows": [row(model, "output", 1), {**row(model, "input", 1), **bad}]})
    assert says in refused(answer, 400, "invalid_request", "rows").json["details"]["problem"], answer
    assert "1" in answer.json["details"]["problem"]
    assert weir.get(f"/api/admin/prices?model={model}", admin).json["items"] == [], "all or nothing"


def test_more_that_is_refused(weir, admin, user, model):
    assert "twice" in refused(weir.request("PUT", "/api/admin/prices", admin, {"rows": [row(model, "input", 1), row(model, "input", 2)]}), 400,
                              "invalid_request", "rows").json["details"]["problem"]
    refused(weir.request("PUT", "/api/admin/prices", admin, {"rows": [7]}), 400, "invalid_request", "rows")
    refused(weir.request("PUT", "/api/admin/prices", admin, {"rows": [], "models": ["none-such"]}), 400, "invalid_request", "models")
    refused(weir.request("PUT", "/api/admin/prices", admin, {}), 400, "invalid_request", "rows")
    for method, path, body in (("GET", "", None), ("PUT", "", {"rows": []}), ("POST", "/import", {}), ("POST", "/quote", {}),
                               ("DELETE", "/1", None)):
        refused(weir.request(method, "/api/admin/prices" + path, user, body), 403, "forbidden")
        refused(weir.request(method, "/api/admin/prices" + path, None, body), 401, "unauthenticated")


def test_the_model_shows_its_base_rows(weir, admin, user, model):
    def shown():
        (found,) = [m for m in weir.get("/api/admin/models?limit=100", admin).json["items"] if m["name"] == model]
        return found["price_input_per_mtok"], found["price_output_per_mtok"], found["price_per_call"], found["id"]

    assert shown()[:3] == (None, None, 0)
    put(weir, admin, row(model, "input", 0.003, per=1000), row(model, "output", 4), row(model, "input", 9, min_context=100),
        row(model, "output", 9, tier="flex"), row(model, "call", 9, hours="00:00-23:59"))
    assert shown()[:3] == (3, 4, 0)
    assert weir.patch(f"/api/admin/models/{shown()[3]}", {"price_input_per_mtok": 7, "price_per_call": "0.5"}, admin).status == 200
    assert shown()[:3] == (7, 4, 0.5)
    (offered,) = [m for m in weir.get("/api/models?limit=100", user).json["items"] if m["name"] == model]
    assert offered["ratio"] == 1
    assert [(p["meter"], p["min_context"], p["unit_price"]) for p in offered["prices"]][:3] == [("input", 0, 7), ("input", 100, 9), ("output", 0, 4)]


# ---- imports ---------------------------------------------------------------------

LITELLM = {
    "sample_spec": {"input_cost_per_token": 0, "mode": "one of: chat"},
    "vendor/MODEL": {
        "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08,
        "cache_creation_input_token_cost": 1.875e-07, "cache_creation_input_token_cost_above_1hr": 3e-07,
        "input_cost_per_token_above_200k_tokens": 3e-07, "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 6e-07,
        "input_cost_per_token_flex": 7.5e-08, "output_cost_per_token_above_272k_tokens_priority": 2e-06,
        "output_cost_per_token_flex_above_272k_tokens": 1e-06, "input_cost_per_token_batches": 1e-07,
        "output_cost_per_reasoning_token": 9e-07, "output_cost_per_image": 0.04, "search_context_cost_per_query": {"x": 1},
        "max_tokens": 4096, "litellm_provider": "vendor", "mode": "chat", "input_cost_per_pixel": 1, "ocr_cost_per_page": -1,
    },
    "other": {"max_tokens": 1},
}


def test_import_of_a_public_list(weir, admin, model):
    prices = json.loads(json.dumps(LITELLM).replace("MODEL", model))
    body = {"format": "litellm", "prices": prices, "credits_per_usd": 100, "dry_run": True}
    answer = weir.post("/api/admin/prices/import", body, admin)
    assert answer.status == 200 and answer.json["added"] == 13 and answer.json["dry_run"] is True, answer
    assert "demo" in answer.json["unmatched"] and model not in answer.json["unmatched"]
    assert answer.json["refused"] == [f"{model}: ocr_cost_per_page"]
    assert weir.get(f"/api/admin/prices?model={model}", admin).json["items"] == []
    assert weir.post("/api/admin/prices/import", {**body, "dry_run": False}, admin).json["added"] == 13
    found = {(r["meter"], r["tier"], r["min_context"]): (r["unit_price"], r["per"]) for r in weir.get(f"/api/admin/prices?model={model}", admin).json["items"]}
    assert found == {
        ("input", "standard", 0): (15, 1000000), ("output", "standard", 0): (60, 1000000), ("cached_input", "standard", 0): (7.5, 1000000),
        ("cache_write", "standard", 0): (18.75, 1000000), ("cache_write_1h", "standard", 0): (30, 1000000),
        ("input", "standard", 200001): (30, 1000000), ("cache_write_1h", "standard", 200001): (60, 1000000),
        ("input", "flex", 0): (7.5, 1000000), ("output", "priority", 272001): (200, 1000000), ("output", "flex", 272001): (100, 1000000),
        ("input", "batch", 0): (10, 1000000), ("reasoning", "standard", 0): (90, 1000000), ("image", "standard", 0): (4, 1)}
    again = weir.post("/api/admin/prices/import", {**body, "dry_run": False, "credits_per_usd": 200}, admin).json
    assert (again["added"], again["changed"], again["same"]) == (0, 13, 0)
    named = weir.post("/api/admin/prices/import", {**body, "prices": {"theirs": prices[f"vendor/{model}"]}, "models": {model: "theirs"}}, admin).json
    assert named["changed"] == 13
    assert audited(weir, "price.import", "prices") > 0


def test_import_of_ours(weir, admin, model):
    rows = [row(model, "input", 1), row(model, "output", 2)]
    done = weir.post("/api/admin/prices/import", {"format": "weir", "prices": {"rows": rows}}, admin)
    assert done.status == 200 and done.json["added"] == 2 and done.json["unmatched"] == []
    refused(weir.post("/api/admin/prices/import", {"format": "weir", "prices": {"rows": 7}}, admin), 400, "invalid_request", "prices")
    refused(weir.post("/api/admin/prices/import", {"format": "csv", "prices": {}}, admin), 400, "invalid_request", "format")
    refused(weir.post("/api/admin/prices/import", {"format": "litellm", "prices": {}, "credits_per_usd": -1}, admin), 400, "invalid_request", "credits_per_usd")
    nothing = weir.post("/api/admin/prices/import", {"format": "litellm", "prices": {model: {"input_cost_per_token": 1e300}, "demo": 7}}, admin).json
    assert nothing["refused"] == [f"{model}: input_cost_per_token"]
    assert nothing["added"] == 0 and model in nothing["unmatched"] and "demo" in nothing["unmatched"]


def test_an_import_rounds_nothing_away(weir, admin, model):
    tell = lambda **more: weir.post("/api/admin/prices/import", {"format": "litellm", "prices": {model: more.pop("entry")}, **more}, admin)  # noqa: E731
    tiny = tell(entry={"input_cost_per_token": 1e-13, "output_cost_per_token": 1.5e-12, "input_cost_per_character": 1.5e-8, "input_cost_per_query": 0}).json
    assert sorted(tiny["refused"]) == [f"{model}: input_cost_per_token", f"{model}: output_cost_per_token"] and tiny["added"] == 2, tiny
    found = {r["meter"]: (r["unit_price"], r["per"]) for r in weir.get(f"/api/admin/prices?model={model}", admin).json["items"]}
    assert found == {"character": (0.000015, 1000), "query": (0, 1)}, "as exact as prices can be, and free only what is free"
    for wrong, field in (({"credits_per_usd": 0}, "credits_per_usd"), ({"models": {model: 5}}, "models"), ({"models": {model: ""}}, "models")):
        refused(tell(entry={"input_cost_per_token": 1}, **wrong), 400, "invalid_request", field)


def test_weirctl(weir, model):
    assert "1 added" in weir.weirctl("price", "set", model, "input", "2.5").stdout
    assert "1 changed" in weir.weirctl("price", "set", model, "input", "3").stdout
    weir.weirctl("price", "set", model, "output", "4", "--tier", "flex", "--min-context", "100", "--hours", "22:00-06:00", "--time-zone", "Europe/Berlin")
    listed = weir.weirctl("price", "list", "--model", model).stdout
    assert model in listed and "flex" in listed and "22:00-06:00 Europe/Berlin" in listed
    rows = json.loads(weir.weirctl("price", "list", "--model", model, "--json").stdout)["rows"]
    assert len(rows) == 2
    assert "2 same" in weir.weirctl("price", "import", "-", input=json.dumps({"rows": rows})).stdout
    told = weir.weirctl("price", "import", "-", "--litellm", "--credits-per-usd", "10", "--dry-run",
                        input=json.dumps({model: {"input_cost_per_token": 1e-6}})).stdout
    assert "1 changed" in told and "dry run" in told
    assert weir.weirctl("price", "set", model, "tea", "1", check=False).returncode != 0
    assert weir.weirctl("price", "import", "-", input="{", check=False).returncode != 0
    assert weir.weirctl("price", check=False).returncode != 0


# ---- quotes ----------------------------------------------------------------------


def test_quotes(weir, admin, model, group):
    quote = lambda **more: weir.post("/api/admin/prices/quote", {"model": model, "units": {"input": 1000, "output": 100}, **more}, admin)  # noqa: E731
    refused(quote(), 503, "price_unknown")
    put(weir, admin, row(model, "input", 10), row(model, "output", 40), row(model, "input", 20, min_context=2000), row(model, "input", 1, group=group),
        row(model, "output", 4, hours="22:00-06:00", time_zone="Asia/Shanghai"))
    answer = quote(at="2026-07-01T12:00:00Z")
    assert answer.status == 200, answer
    assert answer.json["cost"] == 0.014 and [(ln["meter"], ln["units"], ln["cost"]) for ln in answer.json["lines"]] == [
        ("input", 1000, 0.01), ("output", 100, 0.004)]
    assert quote(at="2026-07-01T14:00:00Z").json["cost"] == 0.0104, "ten at night in Shanghai"
    mine = quote(group=group, at="2026-07-01T12:00:00Z").json
    assert mine["ratio"] == 0.5 and mine["cost"] == 0.0025
    long = quote(units={"input": 1500, "cached_input": 500}, at="2026-07-01T12:00:00Z").json
    assert long["cost"] == 0.04 and {ln["charged_as"] for ln in long["lines"]} == {"input"} and long["lines"][0]["min_context"] == 2000
    refused(quote(tier="priority"), 503, "price_unknown")
    refused(quote(units={"image": 1}), 503, "price_unknown")
    refused(quote(units={"tea": 1}), 400, "invalid_request", "units")
    refused(quote(units={"input": -1}), 400, "invalid_request", "units")
    refused(quote(units={"input": 10**30}), 400, "invalid_request", "body")
    for many in (10**12 + 1, 10**18, 1e30):
        refused(quote(units={"input": many}), 400, "invalid_request", "units")
        refused(quote(units={"image": many}), 400, "invalid_request", "units")
    assert quote(units={"input": 10**12, "output": 10**12}).status == 200
    refused(quote(group="none-such"), 400, "invalid_request", "group")
    refused(quote(model="none-such"), 400, "invalid_request", "model")
    refused(quote(at="noon"), 400, "invalid_request", "at")


# ---- what calls pay --------------------------------------------------------------


def test_an_unknown_price_refuses(weir, admin, model):
    user = weir.make_user()
    for answer in (weir.post(CHAT, ask(model), user), weir.post(CHAT, ask(model, stream=True), user)):
        assert answer.status == 503 and "price" in answer.json["error"]["message"], answer
    turn = weir.chat(user, "hello", model=model)
    assert (turn.status, turn.answer.code) == (503, "price_unknown")
    put(weir, admin, row(model, "input", 0))
    assert weir.post(CHAT, ask(model), user).status == 503, "half a price is none"
    put(weir, admin, row(model, "output", 0))
    assert weir.post(CHAT, ask(model), user).status == 200
    assert paid(weir, user) == [0], "what is said to be free is free"
    assert weir.balance(user) == 1000
    weir.audit()


def test_groups_and_thresholds(weir, admin, model, group):
    put(weir, admin, row(model, "input", 1000), row(model, "output", 2000), row(model, "input", 3000, min_context=1001))
    user = weir.make_user()
    assert weir.post(CHAT, ask(model), user).status == 200
    assert weir.post(CHAT, ask(model, "[[demo usage=1001/500]] hi"), user).status == 200
    assert paid(weir, user) == [2, 4.003]
    assert weir.patch(f"/api/admin/users/{user.id}", {"group": group}, admin).json["group"] == group
    assert weir.post(CHAT, ask(model), user).status == 200
    put(weir, admin, row(model, "input", 500, group=group))
    assert weir.post(CHAT, ask(model), user).status == 200
    assert weir.chat(user, "[[demo usage=1000/500]] in a chat" + " x" * 2000, model=model).final["data"]["credits_consumed"] == 0.75
    assert sorted(paid(weir, user)[2:]) == [0.75, 0.75, 1]
    key = weir.post("/api/keys", {"name": "k"}, weir.make_user()).json
    assert weir.request("PUT", f"/api/admin/keys/{key['id']}/group", admin, {"group": group}).json == {"id": key["id"], "group": group}
    assert weir.get("/api/me/quota", key["key"]).json["group"] == group
    assert weir.post(CHAT, ask(model), key["key"]).status == 200
    with weir.pg() as pg:
        assert float(pg.one("SELECT spent FROM api_keys WHERE id = $1", key["id"])) == 0.75
    weir.audit()


def test_what_was_cached_and_thought(weir, admin, model):
    put(weir, admin, row(model, "input", 1000), row(model, "cached_input", 100), row(model, "output", 2000))
    user = weir.make_user()
    assert weir.post(CHAT, ask(model, "[[demo usage=1000/500 cached=400]] hi"), user).status == 200
    assert paid(weir, user) == [1.64]


@pytest.mark.parametrize("chat", [False, True])
def test_a_price_is_frozen_when_the_call_opens(weir, admin, model, chat):
    """An admin changes it in mid-stream: the call pays what it began with, the next what holds then."""
    put(weir, admin, row(model, "input", 1000), row(model, "output", 2000))
    user = weir.make_user()
    content = "[[demo usage=1000/100 deltas=100 interval=15]] slowly" + " x" * 2000
    if chat:
        path, body = f"/api/conversations/{weir.conversation(user)}/messages/stream", {"content": content, "model": model}
    else:
        path, body = CHAT, ask(model, content, stream=True)
    with weir.stream(path, body, user) as s:
        events = s.events()
        next(events), next(events), next(events)
        put(weir, admin, row(model, "input", 100), row(model, "output", 100))
        with weir.pg() as pg:
            kept = json.loads(pg.one("SELECT prices FROM tasks WHERE user_id = $1 AND completed_at IS NULL", user.id))
        assert kept["rows"] == [["input", 0, 1000000000, 1000000], ["output", 0, 2000000000, 1000000]]
        list(events)
    wait_until(lambda: paid(weir, user), "the settlement")
    assert weir.post(CHAT, ask(model), user).status == 200
    assert paid(weir, user) == [1.2, 0.15]
    weir.audit()


def test_many_while_it_changes(weir, admin, model):
    """Whatever the moment, a call pays one price or the other, never a mixture."""
    put(weir, admin, row(model, "input", 1000), row(model, "output", 1000))
    user, stop = weir.make_user(), threading.Event()

    def change():
        price = 2000
        while not stop.is_set():
            put(weir, admin, row(model, "input", price), row(model, "output", price))
            price = 3000 - price

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(12):
            assert weir.post(CHAT, ask(model), user).status == 200
    finally:
        stop.set()
        thread.join()
    assert set(paid(weir, user)) <= {1.5, 3}
    weir.audit()
