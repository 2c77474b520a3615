"""PUT /api/conversations/{conversation_id}/messages/{message_id}/verdict, GET /api/admin/verdicts, GET /api/admin/verdicts/sums."""

import uuid

import pytest


@pytest.fixture
def answer(weir, user):
    turn = weir.chat(user, "judge me", model="demo-fast")
    message = turn.final["data"]["assistant_message"]
    return turn.conversation, message["id"]


def judge(weir, user, answer, verdict, **more):
    return weir.request("PUT", f"/api/conversations/{answer[0]}/messages/{answer[1]}/verdict", user, {"verdict": verdict, **more})


def told(weir, user, answer):
    return weir.get(f"/api/conversations/{answer[0]}/messages", user).json["items"][-1]["verdict"]


def mine(weir, admin, answer):
    return [v for v in weir.get("/api/admin/verdicts?limit=100", admin).json["items"] if v["id"] == answer[1]]


def test_given_changed_and_taken_back(weir, user, admin, answer):
    assert told(weir, user, answer) is None
    assert judge(weir, user, answer, "down", note="  wrong\nnumbers").status == 204
    assert told(weir, user, answer) == "down"
    one, = mine(weir, admin, answer)
    assert (one["verdict"], one["note"].strip(), one["model"], one["user_id"]) == ("down", "wrong\nnumbers", "demo-fast", user.id)
    assert set(one) == {"id", "user_id", "model", "verdict", "note", "at"}, "nothing of what was said"
    assert judge(weir, user, answer, "up").status == 204
    assert [v["note"] for v in mine(weir, admin, answer)] == [None]
    assert judge(weir, user, answer, "none").status == 204
    assert told(weir, user, answer) is None and mine(weir, admin, answer) == []


def test_lists_and_sums(weir, admin):
    user = weir.make_user()
    given = []
    for verdict in ("up", "down", "up"):
        turn = weir.chat(user, "judge", model="demo-slow" if verdict == "down" else "demo-fast")
        given.append((turn.conversation, turn.final["data"]["assistant_message"]["id"]))
        assert judge(weir, user, given[-1], verdict).status == 204
    page = weir.get("/api/admin/verdicts?limit=2", admin).json
    assert [v["id"] for v in page["items"]] == [given[2][1], given[1][1]] and page["has_more"]
    older = weir.get(f"/api/admin/verdicts?limit=1&before_id={given[1][1]}", admin).json
    assert [v["id"] for v in older["items"]] == [given[0][1]]
    assert {v["verdict"] for v in weir.get("/api/admin/verdicts?verdict=down", admin).json["items"]} == {"down"}
    assert {v["model"] for v in weir.get("/api/admin/verdicts?model=demo-slow", admin).json["items"]} == {"demo-slow"}
    sums = {s["model"]: s for s in weir.get("/api/admin/verdicts/sums?days=1", admin).json["items"]}
    assert sums["demo-slow"]["down"] >= 1 and sums["demo-fast"]["up"] >= 2


def test_refusals(weir, user, admin, answer):
    question = weir.get(f"/api/conversations/{answer[0]}/messages", user).json["items"][0]["id"]
    assert judge(weir, weir.make_user(), answer, "up").status == 404
    assert judge(weir, None, answer, "up").status == 401
    assert judge(weir, user, (answer[0], question), "up").status == 404, "of answers only"
    assert judge(weir, user, (answer[0], str(uuid.uuid4())), "up").status == 404
    assert judge(weir, user, (str(uuid.uuid4()), answer[1]), "up").status == 404
    for bad in ("sideways", None, 1):
        assert judge(weir, user, answer, bad).status == 400
    assert judge(weir, user, answer, "up", note="x" * 2001).status == 400
    assert told(weir, user, answer) is None
    for path in ("/api/admin/verdicts", "/api/admin/verdicts/sums"):
        assert weir.get(path, user).status == 403
    for query in ("?verdict=x", f"?before_id={uuid.uuid4()}"):
        assert weir.get("/api/admin/verdicts" + query, admin).status == 400
    assert weir.get("/api/admin/verdicts/sums?days=0", admin).status == 400
