"""GET /api/usage and what belongs to it: sums, records, CSV; one's own, and for admins everybody's."""

import csv
import io

import pytest


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
    for path in ("/api/admin/usage", "/api/admin/usage/records"):
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
        "calls": 0, "request_tokens": 0, "response_tokens": 0, "cost": 0}


@pytest.mark.parametrize("query", ("group_by=colour", "group_by=user", "from=yesterday", "from=2026-99-99", "key_id=x", "limit=0"))
def test_bad_questions(weir, used, query):
    path = "/api/usage/records" if query == "limit=0" else "/api/usage"
    assert weir.get(f"{path}?{query}", used).code == "invalid_request"


def test_csv(weir, used):
    answer = weir.get("/api/usage/records.csv", used)
    assert answer.headers["Content-Type"].startswith("text/csv") and "usage.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [r["model"] for r in rows] == ["demo", "demo-fast", "demo-fast"] and "channel" not in rows[0]


def test_admins_see_all(weir, used, admin):
    records = weir.get(f"/api/admin/usage/records?user_id={used.id}", admin).json["items"]
    assert len(records) == 3 and records[0]["channel"] and records[0]["user_id"] == used.id
    sums = weir.get(f"/api/admin/usage?group_by=channel&user_id={used.id}", admin).json
    assert sums["total"]["calls"] == 3 and sums["items"][0]["name"]
    everybody = weir.get("/api/admin/usage?group_by=user", admin).json
    assert used.id in [i["name"] for i in everybody["items"]]
    assert weir.get("/api/admin/usage/records?limit=1", admin).json["has_more"]
