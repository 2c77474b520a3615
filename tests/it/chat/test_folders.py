"""Conversations in order: folders, views, many at once, temporary ones, and titles that a model makes."""

import json
import threading
import uuid

import pytest
from weirtest import wait_until

WEIR_CONF = {"chat": {"title_model": "demo-fast", "temporary_kept": "1h"}}
MESSAGES = [{"role": "user", "content": "What is a weir?"}, {"role": "assistant", "content": "A low dam."}]


@pytest.fixture
def me(weir):
    return weir.make_user()


@pytest.fixture(scope="module")
def stranger(weir):
    return weir.make_user()


def held(weir, user, n=1):
    """Conversations that were held elsewhere, the last made first."""
    made = [weir.post("/api/import/conversation", {"messages": MESSAGES, "title": f"held {i}"}, user).json["id"] for i in range(n)]
    return made[::-1]


def arrange(weir, user, ids, action, **more):
    return weir.post("/api/conversations/arrange", {"ids": ids, "action": action, **more}, user)


def listed(weir, user, query=""):
    answer = weir.get("/api/conversations?limit=100" + query, user)
    assert answer.status == 200, answer
    return [c["id"] for c in answer.json["items"]]


def folder(weir, user, name="Work"):
    answer = weir.post("/api/folders", {"name": name}, user)
    assert answer.status == 201, answer
    return answer.json


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    assert answer.json["message"] and (field is None or answer.json["details"]["field"] == field), answer


# ---- folders -----------------------------------------------------------------


def test_folders(weir, me, stranger):
    assert weir.get("/api/folders", me).json == {"items": [], "has_more": False}
    a, b = folder(weir, me, " Work 工作 "), folder(weir, me, "Home")
    assert (a["name"], a["conversations"]) == ("Work 工作", 0)
    changed = weir.patch(f"/api/folders/{b['id']}", {"position": 0, "name": "At home"}, me)
    assert changed.status == 200 and changed.json["name"] == "At home"
    assert [f["id"] for f in weir.get("/api/folders", me).json["items"]] == [b["id"], a["id"]]
    for answer in (weir.patch(f"/api/folders/{a['id']}", {"name": "mine"}, stranger), weir.delete(f"/api/folders/{a['id']}", stranger),
                   weir.patch(f"/api/folders/{uuid.uuid4()}", {"position": 0}, me), weir.delete("/api/folders/x", me)):
        refused(answer, 404, "not_found")
    assert weir.get("/api/folders", stranger).json["items"] == []
    assert weir.delete(f"/api/folders/{b['id']}", me).status == 204
    assert [f["id"] for f in weir.get("/api/folders", me).json["items"]] == [a["id"]]


@pytest.mark.parametrize("body, field", [({}, "name"), ({"name": ""}, "name"), ({"name": "  "}, "name"), ({"name": "x" * 61}, "name"),
                                         ({"name": 7}, "name"), ({"name": "a\nb"}, "name")])
def test_a_folder_is_refused(weir, stranger, body, field):
    refused(weir.post("/api/folders", body, stranger), 400, "invalid_request", field)


def test_as_many_folders_as_may_be(weir, me):
    with weir.pg() as pg:
        pg.query("INSERT INTO conversation_folders (id, user_id, name, position) SELECT gen_random_uuid(), $1, 'f' || n, n"
                 " FROM generate_series(1, 100) n", me.id)
    refused(weir.post("/api/folders", {"name": "one more"}, me), 409, "conflict")


# ---- views and many at once -----------------------------------------------------


def test_views(weir, me):
    pinned, put, archived, loose = held(weir, me, 4)
    work = folder(weir, me)["id"]
    assert arrange(weir, me, [pinned], "pin").status == 204
    assert arrange(weir, me, [put], "move", folder_id=work).status == 204
    assert arrange(weir, me, [archived], "archive").status == 204
    assert listed(weir, me) == [pinned, put, loose]
    assert listed(weir, me, "&view=all") == [pinned, put, loose]
    assert listed(weir, me, "&view=loose") == [loose]
    assert listed(weir, me, "&view=pinned") == [pinned]
    assert listed(weir, me, "&view=archived") == [archived]
    assert listed(weir, me, f"&folder_id={work}") == [put]
    assert listed(weir, me, "&view=archived&q=held") == [archived]
    assert [f["conversations"] for f in weir.get("/api/folders", me).json["items"]] == [1]
    one = weir.get(f"/api/conversations/{put}", me).json
    assert (one["folder_id"], one["pinned"], one["archived"], one["temporary_until"]) == (work, False, False, None)
    assert weir.delete(f"/api/folders/{work}", me).status == 204
    assert listed(weir, me, "&view=loose") == [put, loose]
    refused(weir.get("/api/conversations?view=mine", me), 400, "invalid_request", "view")
    refused(weir.get("/api/conversations?folder_id=mine", me), 400, "invalid_request", "folder_id")


def test_what_is_arranged_keeps_its_place(weir, me):
    ids = held(weir, me, 3)
    for action in ("pin", "unpin", "archive", "unarchive", "move"):
        assert arrange(weir, me, ids[1:], action).status == 204
    assert listed(weir, me) == ids


def test_all_or_none(weir, me, stranger):
    ids, theirs = held(weir, me, 3), held(weir, stranger)
    for action in ("pin", "archive", "move", "delete"):
        refused(arrange(weir, me, ids + theirs, action), 404, "not_found")
    refused(arrange(weir, me, ids, "move", folder_id=folder(weir, stranger)["id"]), 404, "not_found")
    assert listed(weir, me, "&view=loose") == ids and listed(weir, stranger, "&view=loose")[0] == theirs[0]
    assert arrange(weir, me, ids[:2], "delete").status == 204
    assert listed(weir, me) == ids[2:]
    refused(weir.get(f"/api/conversations/{ids[0]}", me), 404, "not_found")


@pytest.mark.parametrize("body, field", [
    ({"action": "pin"}, "ids"), ({"ids": [], "action": "pin"}, "ids"), ({"ids": ["x"], "action": "pin"}, "ids"),
    ({"ids": "x", "action": "pin"}, "ids"), ({"ids": [str(uuid.uuid4())] * 201, "action": "pin"}, "ids"),
    ({"ids": [str(uuid.uuid4())]}, "action"), ({"ids": [str(uuid.uuid4())], "action": "burn"}, "action"),
    ({"ids": [str(uuid.uuid4())], "action": "move", "folder_id": 7}, "folder_id")])
def test_arrange_refuses(weir, stranger, body, field):
    refused(weir.post("/api/conversations/arrange", body, stranger), 400, "invalid_request", field)


def test_deleting_many_stops_what_is_written_in_them(weir, me):
    conversation, started, events = weir.conversation(me), threading.Event(), []

    def run():
        with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "slowly", "model": "demo-slow"}, me) as s:
            for event in s.events():
                if event.json:
                    events.append(event.json)
                    if event.json["type"] == "content":
                        started.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(60)
    assert arrange(weir, me, [conversation, *held(weir, me)], "delete").status == 204
    thread.join(60)
    assert not thread.is_alive() and events[-1]["type"] == "cancelled"
    credits = weir.get("/api/me/credits", me).json
    assert credits["held"] == 0 and credits["balance"] < 1000


def test_other_pages_are_told(weir, me):
    ids = held(weir, me, 2)
    told = []
    with weir.stream("/api/events", None, me, method="GET", timeout_s=60) as s:
        events = s.events()
        with weir.redis() as r:
            wait_until(lambda: int(r.call("PUBSUB", "NUMSUB", f"weir:user:{me.id}")[1]) > 0, "the subscription")
        arrange(weir, me, ids, "archive")
        arrange(weir, me, ids, "delete")
        while len(told) < 3:
            event = next(events).json
            if event["type"] == "conversation":
                told.append((event["data"]["action"], event["data"]["id"]))
    assert told[0] == ("arranged", ids[0]) and sorted(told[1:]) == sorted(("deleted", i) for i in ids)


def test_export_many(weir, me, stranger):
    ids = held(weir, me, 2)
    answer = weir.post("/api/conversations/export", {"ids": ids[::-1]}, me)
    assert answer.status == 200 and "conversations.json" in answer.headers["Content-Disposition"]
    file = json.loads(answer.body)
    assert (file["format"], file["version"]) == ("weir-conversations", 1)
    assert [c["title"] for c in file["conversations"]] == ["held 0", "held 1"]
    one = json.loads(weir.get(f"/api/conversations/{ids[1]}/export", me).body)
    assert file["conversations"][0] == one and [m["content"] for m in one["messages"]] == [m["content"] for m in MESSAGES]
    text = weir.post("/api/conversations/export", {"ids": ids, "format": "markdown"}, me).body.decode()
    assert text.startswith("# held 1\n") and "\n---\n\n# held 0\n" in text and text.count("A low dam.") == 2
    refused(weir.post("/api/conversations/export", {"ids": ids + held(weir, stranger)}, me), 404, "not_found")
    refused(weir.post("/api/conversations/export", {"ids": ids, "format": "pdf"}, me), 400, "invalid_request", "format")


# ---- temporary --------------------------------------------------------------------


def test_temporary(weir, me):
    made = weir.post("/api/conversations", {"temporary": True}, me).json
    assert made["temporary_until"] > made["created_at"]
    conversation = made["id"]
    assert weir.chat(me, "a secret", conversation, model="demo-fast").final["type"] == "done"
    assert len(weir.get(f"/api/conversations/{conversation}/messages", me).json["items"]) == 2
    for query in ("", "&view=loose", "&view=archived", "&view=pinned", "&q=secret"):
        assert listed(weir, me, query) == []
    with weir.pg() as pg:  # and its words are looked at, and left out
        wait_until(lambda: pg.query("SELECT FROM message_news") == [], "the worker has seen it", 60)
    assert weir.get("/api/search?q=secret", me).json["items"] == []
    for answer in (weir.post(f"/api/conversations/{conversation}/share", None, me), weir.get(f"/api/conversations/{conversation}/export", me),
                   weir.post("/api/conversations/export", {"ids": [conversation]}, me), arrange(weir, me, [conversation], "pin")):
        refused(answer, 409, "conflict")
    spent = weir.get("/api/me/credits", me).json
    history = weir.get("/api/me/credits/history", me).json["items"]
    assert arrange(weir, me, [conversation], "delete").status == 204
    assert weir.get("/api/me/credits", me).json == spent and spent["balance"] < 1000
    assert weir.get("/api/me/credits/history", me).json["items"] == history
    with weir.pg() as pg:
        assert pg.query("SELECT count(*) FROM conversation_messages WHERE user_id = $1", me.id) == [("0",)]


def test_temporary_goes_in_time_unless_kept(weir, me):
    over, kept = (weir.post("/api/conversations", {"temporary": True}, me).json["id"] for _ in range(2))
    for conversation in (over, kept):
        weir.chat(me, "a secret", conversation, model="demo-fast")
    assert arrange(weir, me, [kept], "keep").status == 204
    with weir.pg() as pg:
        pg.query("UPDATE conversations SET temporary_until = now() WHERE id = $1 AND temporary_until IS NOT NULL", over)
    wait_until(lambda: weir.get(f"/api/conversations/{over}", me).status == 404, "it is removed", 60)
    assert listed(weir, me) == [kept]
    wait_until(lambda: {hit["conversation_id"] for hit in weir.get("/api/search?q=secret", me).json["items"]} == {kept}, "it is found", 60)


# ---- titles ------------------------------------------------------------------------


def test_a_model_makes_the_title(weir, me, admin):
    conversation = weir.conversation(me)
    question = "How do rivers begin, and why do they never seem to end anywhere near here?"
    weir.chat(me, question, conversation, model="demo")
    first = "How do rivers begin, and why do they nev…"
    wait_until(lambda: weir.get(f"/api/conversations/{conversation}", me).json["title"] != first, 60)
    made = weir.get(f"/api/conversations/{conversation}", me).json
    assert made["title"] and len(made["title"]) <= 60 and made["title_is_custom"] is False
    with weir.pg() as pg:
        rows = pg.query("SELECT op, cost, model, channel, status, request_tokens > 0, metadata->>'borne' FROM usage"
                        " WHERE user_id = $1 ORDER BY op", me.id)
    assert [r[0] for r in rows] == ["chat", "title"]
    assert rows[1][2:6] == ("demo-fast", "demo", "completed", "t") and float(rows[1][1]) == 0 and float(rows[1][6]) > 0
    history = weir.get("/api/me/credits/history", me).json["items"]
    assert sum("title" in json.dumps(item) for item in history) == 0
    # and once
    weir.chat(me, "And end?", conversation, model="demo")
    assert weir.get(f"/api/conversations/{conversation}", me).json["title"] == made["title"]


def test_a_title_of_ones_own_stays(weir, me):
    conversation = weir.conversation(me)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream", {"content": "slowly", "model": "demo-slow"}, me) as s:
        for event in s.events():
            if event.json and event.json["type"] == "content":
                break
        assert weir.patch(f"/api/conversations/{conversation}", {"title": "Mine"}, me).status == 200
        for event in s.events():
            pass
    # another's is made after it, in the same queue
    other = weir.conversation(me)
    weir.chat(me, "Something else that is long enough to be shortened at once", other, model="demo")
    wait_until(lambda: not weir.get(f"/api/conversations/{other}", me).json["title"].startswith("Something else that is long enough to be…"), 60)
    mine = weir.get(f"/api/conversations/{conversation}", me).json
    assert (mine["title"], mine["title_is_custom"]) == ("Mine", True)
