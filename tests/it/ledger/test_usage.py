"""GET /api/usage and what belongs to it: sums, records, CSV; one's own, and for admins everybody's."""

import csv
import io
import re

import pytest
from keylib import sweep
from weirtest import wait_until


def say(weir, user, content="What was used?", model="demo-fast"):
    return weir.chat(user, content, model=model)


@pytest.fixture(scope="module")
def used(weir):
    """A user with two turns of one model and one of another."""
    user = weir.make_user()
    for model in ("demo-fast", "demo-fast", "demo"):
        assert say(weir, user, model=model).final["type"] == "done"
    return user


def test_records(weir, used):
    page = weir.get("/api/usage/records", used).json
    assert [r["model"] for r in page["items"]] == ["demo", "demo-fast", "demo-fast"] and page["has_more"] is False
    first = page["items"][0]
    assert first["status"] == "completed" and first["cost"] > 0 and first["response_tokens"] > 0 and first["latency_ms"] >= 0
    assert "channel" not in first and "user_id" not in first
    one = weir.get("/api/usage/records?limit=1", used).json
    assert one["has_more"] and one["items"] == page["items"][:1]
    older = weir.get(f"/api/usage/records?limit=1&before_id={one['items'][0]['id']}", used).json
    assert older["items"] == page["items"][1:2]
    newer = weir.get(f"/api/usage/records?after_id={older['items'][0]['id']}", used).json
    assert newer["items"] == page["items"][:1]
    assert [r["model"] for r in weir.get("/api/usage/records?model=demo", used).json["items"]] == ["demo"]
    assert weir.get("/api/usage/records?status=failed", used).json["items"] == []
    assert weir.get("/api/usage/records?to=2001-01-01", used).json["items"] == []


def test_of_others_nothing(weir, used, user):
    ours = weir.get("/api/usage/records", used).json["items"]
    assert weir.get("/api/usage/records", user).json["items"] == []
    assert weir.get(f"/api/usage/records?before_id={ours[0]['id']}", user).status == 400
    assert weir.get(f"/api/usage/records?user_id={used.id}", user).json["items"] == []
    for path in ("/api/admin/usage", "/api/admin/usage/records", "/api/admin/usage/records.csv"):
        assert weir.get(path, user).status == 403


def test_sums(weir, used):
    records = weir.get("/api/usage/records", used).json["items"]
    by_model = weir.get("/api/usage?group_by=model", used).json
    assert by_model["total"]["calls"] == 3
    assert by_model["total"]["cost"] == pytest.approx(sum(r["cost"] for r in records))
    assert by_model["total"]["request_tokens"] == sum(r["request_tokens"] for r in records)
    assert {i["name"]: i["calls"] for i in by_model["items"]} == {"demo": 1, "demo-fast": 2}
    days = weir.get("/api/usage", used).json
    assert sum(i["calls"] for i in days["items"]) == 3 and all(len(i["name"]) == 10 for i in days["items"])
    assert weir.get("/api/usage?from=2001-01-01&to=2001-01-02", used).json["total"] == {
        "calls": 0, "errors": 0, "request_tokens": 0, "response_tokens": 0, "cached_tokens": 0, "cache_write_tokens": 0,
        "reasoning_tokens": 0, "cost": 0, "latency_ms": None, "first_token_ms": None}
    hours = weir.get("/api/usage?group_by=hour&model=demo", used).json
    assert sum(i["calls"] for i in hours["items"]) == 1 and hours["total"]["latency_ms"] >= hours["total"]["first_token_ms"]


def test_sums_when_calls_are_summed_up_and_removed(weir, used):
    paths = [f"/api/usage?group_by={g}&from=2020-01-01" for g in ("day", "hour", "model", "key", "status")]
    before = [weir.get(path, used).json for path in paths]
    for _ in range(3):
        sweep(weir)
    with weir.pg() as pg:
        assert int(pg.one("SELECT coalesce(sum(calls), 0) FROM usage_days WHERE user_id = $1", used.id)) == 3
    for path, then in zip(paths, before):
        now = weir.get(path, used).json
        assert (now["items"], now["total"]) == (then["items"], then["total"]), path


def test_old_calls_are_removed(weir):
    """Those of a database of their own begin with an old one; what they came to stays."""
    user = weir.make_user()
    with weir.pg() as pg:
        pg.query("INSERT INTO usage (id, created_at, user_id, model, status, cost) OVERRIDING SYSTEM VALUE"
                 " VALUES (0, now() - interval '401 days', $1, 'old', 'completed', 2)", user.id)
        pg.query("INSERT INTO usage_days SELECT (created_at AT TIME ZONE 'UTC')::date, user_id, key_id, model, channel, status, 1, 0,"
                 " 0, 0, 0, 0, 0, cost, 0, 0, 0, 0, 0 FROM usage WHERE id = 0")
    sweep(weir)
    assert weir.get("/api/usage/records", user).json["items"] == []
    assert weir.get("/api/usage?group_by=model&from=2020-01-01", user).json["items"][0]["cost"] == 2
    weir.audit()


def test_usage_events(weir):
    """Two calls at once are one event, or two that add up."""
    user = weir.make_user()
    with weir.stream("/api/events", user=user, method="GET") as events:
        costs = [say(weir, user).final["data"]["credits_consumed"] for _ in range(2)]
        calls = spent = 0
        while calls < 2:
            news = events.until("usage")[-1].json["data"]
            calls, spent = calls + news["calls"], spent + news["cost"]
            assert news["failed"] == 0 and news["response_tokens"] > 0
    assert spent == pytest.approx(sum(costs))


@pytest.mark.parametrize("query", ("group_by=colour", "group_by=user", "from=yesterday", "from=2026-99-99", "key_id=x", "limit=0"))
def test_bad_questions(weir, used, query):
    path = "/api/usage/records" if query == "limit=0" else "/api/usage"
    assert weir.get(f"{path}?{query}", used).code == "invalid_request"


def test_csv(weir, used):
    answer = weir.get("/api/usage/records.csv", used)
    assert answer.headers["Content-Type"].startswith("text/csv") and "usage.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [r["model"] for r in rows] == ["demo", "demo-fast", "demo-fast"] and "channel" not in rows[0]
    assert int(rows[0]["total_tokens"]) == int(rows[0]["request_tokens"]) + int(rows[0]["response_tokens"])
    rest = list(csv.DictReader(io.StringIO(weir.get(f"/api/usage/records.csv?before_id={rows[0]['id']}", used).text)))
    assert [r["id"] for r in rest] == [r["id"] for r in rows[1:]]
    assert weir.get("/api/usage/records.csv?before_id=x", used).code == "invalid_request"


def bill(record):
    """What the lines of its bill add up to."""
    for line in record["metadata"]["lines"]:
        assert line["cost"] == pytest.approx(line["units"] * line["price"] / line["per"], abs=1e-6)
    return sum(line["cost"] for line in record["metadata"]["lines"]) * record["metadata"].get("ratio", 1)


@pytest.mark.parametrize("way", ["chat", "hold", "allowance"])
def test_the_bill_and_the_tries(weir, admin, way):
    """Of a turn, of a call with a hold of its own, and of one that took from an allowance."""
    user = weir.make_user(credits="1000")
    ask = "[[demo fault=500 fail=1 usage=100/50]] once more"
    key = {"Idempotency-Key": "bill"} if way == "hold" else {}
    body = {"model": "demo-fast", "messages": [{"role": "user", "content": ask}]}
    if way == "chat":
        assert say(weir, user, ask).final["type"] == "done"
    else:
        for _ in range(3 if way == "allowance" else 0):
            assert weir.post("/v1/chat/completions", {**body, "messages": [{"role": "user", "content": "warm"}]}, user).status == 200
        assert weir.post("/v1/chat/completions", body, user, headers=key).status == 200
    records = wait_until(lambda: (found := weir.get(f"/api/admin/usage/records?user_id={user.id}", admin).json["items"])
                         and len(found) == (4 if way == "allowance" else 1) and found, "the records")
    with weir.pg() as pg:
        by_allowance = pg.one("SELECT allowance_id IS NOT NULL FROM usage WHERE id = $1", records[0]["id"])
    assert (by_allowance == "t") == (way == "allowance")
    counts = {n: int(m) for n, m in re.findall(r"^weir_allowance_(\w+)_total (\d+)$", weir.get("/metrics").text, re.M)}
    assert 0 < counts["rounds"] <= counts["calls"] if by_allowance == "t" else set(counts) == {"rounds", "calls"}
    assert [set(line) for line in records[0]["metadata"]["lines"]] == [{"meter", "units", "price", "per", "cost"}] * 2
    assert bill(records[0]) == pytest.approx(records[0]["cost"]) and records[0]["cost"] > 0
    tried, = records[0]["metadata"]["tries"]
    assert (tried["channel"], tried["model"], tried["status"]) == (records[0]["channel"], "demo-fast", 500)
    assert tried["code"] == "upstream_failed" and tried["ms"] >= 0
    assert all("tries" not in r["metadata"] for r in records[1:])
    assert "metadata" not in weir.get("/api/usage/records", user).json["items"][0]


def test_admins_see_all(weir, used, admin):
    records = weir.get(f"/api/admin/usage/records?user_id={used.id}", admin).json["items"]
    assert len(records) == 3 and records[0]["channel"] and records[0]["user_id"] == used.id
    assert records[0]["channel_id"] and records[0]["total_tokens"] > 0
    rows = list(csv.DictReader(io.StringIO(weir.get(f"/api/admin/usage/records.csv?user_id={used.id}", admin).text)))
    assert [r["channel"] for r in rows] == [r["channel"] for r in records]
    assert weir.get(f"/api/admin/usage/records?user_id={used.id}&channel=nobody", admin).json["items"] == []
    assert weir.get(f"/api/admin/usage?user_id={used.id}&channel=nobody", admin).json["total"]["calls"] == 0
    sums = weir.get(f"/api/admin/usage?group_by=channel&user_id={used.id}", admin).json
    assert sums["total"]["calls"] == 3 and sums["items"][0]["name"]
    everybody = weir.get("/api/admin/usage?group_by=user", admin).json
    assert used.id in [i["name"] for i in everybody["items"]]
    assert weir.get("/api/admin/usage/records?limit=1", admin).json["has_more"]
