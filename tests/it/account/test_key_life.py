"""The life of API keys: labels and filters, an end at once, locks of admins, reminders, rotation by itself."""

import csv
import io
import json
import uuid

import pytest
from keylib import audited, mails_to, make, refused, sweep
from weirtest import wait_until

WEIR_CONF = {"limits": {"rate_write": "5000/1m", "rate_read": "5000/1m", "rate_relay": "5000/1m"}}
QUOTA = "/api/me/quota"


@pytest.fixture
def someone(weir):
    return weir.make_user()


# ---- lists ---------------------------------------------------------------------------


def test_labels_and_filters(weir, someone):
    blue, red, plain = (make(weir, someone, name=n, label=l) for n, l in (("Ship", " blue "), ("shop", "red"), ("Other", None)))
    assert (blue["label"], plain["label"], plain["auto_rotate"], plain["collectable"]) == ("blue", None, False, False)
    for query, found in (("label=blue", [blue]), ("q=SH", [red, blue]), ("q=blu", [blue]), ("label=green", []),
                         (f"q={red['prefix']}", [red]), ("status=active&label=red", [red])):
        items = weir.get(f"/api/keys?{query}", someone).json["items"]
        assert [k["id"] for k in items] == [k["id"] for k in found], query
        rows = list(csv.DictReader(io.StringIO(weir.get(f"/api/keys/export?{query}", someone).text)))
        assert [r["id"] for r in rows] == [k["id"] for k in found], query
    changed = weir.patch(f"/api/keys/{blue['id']}", {"label": "  "}, someone).json
    assert changed["label"] is None and changed["name"] == "Ship"
    refused(weir.get("/api/keys?q=" + "x" * 300, someone), 400, "invalid_request", "q")


def test_admins_see_all(weir, someone, user, admin):
    mine, theirs = make(weir, someone, name="=mine"), make(weir, user)
    items = weir.get(f"/api/admin/keys?user_id={someone.id}", admin).json["items"]
    assert [(k["id"], k["user_id"], k["user"]) for k in items] == [(mine["id"], someone.id, someone.login)]
    assert [k["id"] for k in weir.get(f"/api/admin/keys?q={someone.login.upper()}", admin).json["items"]] == [mine["id"]]
    everybody = weir.get("/api/admin/keys?limit=2", admin).json
    assert [k["id"] for k in everybody["items"]] == [theirs["id"], mine["id"]]
    assert weir.get(f"/api/admin/keys?before_id={mine['id']}", admin).status == 200
    rows = list(csv.DictReader(io.StringIO(weir.get(f"/api/admin/keys/export?user_id={someone.id}", admin).text)))
    assert [(r["id"], r["user"], r["name"]) for r in rows] == [(mine["id"], someone.login, "'=mine")] and "hash" not in rows[0]
    assert mine["key"][10:] not in json.dumps(items)
    for path in ("/api/admin/keys", "/api/admin/keys/export"):
        refused(weir.get(path, someone), 403, "forbidden")
        refused(weir.get(path), 401, "unauthenticated")
    refused(weir.get("/api/admin/keys?user_id=7", admin), 400, "invalid_request", "user_id")


# ---- an end, a lock -------------------------------------------------------------------


def test_expired_at_once(weir, someone, user):
    key = make(weir, someone)
    for who in (user, None):
        assert weir.post(f"/api/keys/{key['id']}/expire", None, who).status == (404 if who else 401)
    ended = weir.post(f"/api/keys/{key['id']}/expire", None, someone).json
    assert ended["status"] == "expired" and ended["revoked_at"]
    refused(weir.get(QUOTA, key["key"]), 401, "unauthenticated")
    refused(weir.post(f"/api/keys/{key['id']}/expire", None, someone), 409, "conflict")
    refused(weir.post("/api/keys/7/expire", None, someone), 404, "not_found")
    again = weir.patch(f"/api/keys/{key['id']}", {"expires_at": None}, someone).json
    assert again["status"] == "active" and weir.get(QUOTA, key["key"]).status == 200
    assert len(audited(weir, "key.expire", key)) == 1


def test_locked_by_an_admin(weir, someone, admin):
    key = make(weir, someone)
    path = f"/api/admin/keys/{key['id']}"
    for verb in ("lock", "unlock"):
        refused(weir.post(f"/api/admin/keys/{key['id']}/{verb}", None, someone), 403, "forbidden")
        refused(weir.post(f"/api/admin/keys/{uuid.uuid4()}/{verb}", None, admin), 404, "not_found")
    refused(weir.post(path + "/unlock", None, admin), 409, "conflict")
    refused(weir.post(path + "/lock", {"reason": "x" * 201}, admin), 400, "invalid_request", "reason")
    locked = weir.post(path + "/lock", {"reason": "seen on a forum"}, admin).json
    assert (locked["status"], locked["lock_reason"], locked["user"]) == ("locked", "seen on a forum", someone.login)
    assert locked["locked_at"]
    refused(weir.get(QUOTA, key["key"]), 403, "forbidden")
    shown = weir.get(f"/api/keys/{key['id']}", someone).json
    assert (shown["status"], shown["lock_reason"]) == ("locked", "seen on a forum")
    refused(weir.post(f"/api/keys/{key['id']}/expire", None, someone), 409, "conflict")
    wait_until(lambda: mails_to(weir, someone.login), "the mail")
    assert "seen on a forum" in mails_to(weir, someone.login)[0].get_content()
    unlocked = weir.post(path + "/unlock", None, admin).json
    assert (unlocked["status"], unlocked["lock_reason"], unlocked["locked_at"]) == ("active", None, None)
    assert weir.get(QUOTA, key["key"]).status == 200
    (who, details), = audited(weir, "key.lock", key)
    assert who == admin.id and "seen on a forum" in details and len(audited(weir, "key.unlock", key)) == 1
    weir.post(f"/api/keys/{key['id']}/revoke", None, someone)
    refused(weir.post(path + "/lock", None, admin), 409, "conflict")


def test_locked_on_the_command_line(weir, someone):
    key = make(weir, someone)
    weir.weirctl("key", "lock", someone.login, key["id"], "lost laptop")
    assert weir.get(f"/api/keys/{key['id']}", someone).json["lock_reason"] == "lost laptop"
    weir.weirctl("key", "unlock", someone.login, key["prefix"])
    assert weir.get(QUOTA, key["key"]).status == 200


# ---- reminders ------------------------------------------------------------------------


def test_reminders(weir, someone):
    key = make(weir, someone, name="Nightly", expires_at="2100-01-01T00:00:00Z")
    weir.patch("/api/me", {"locale": "zh"}, someone)
    with weir.stream("/api/events", user=someone, method="GET") as events:
        with weir.pg() as pg:
            pg.query("UPDATE api_keys SET expires_at = now() + interval '6 days', created_at = now() - interval '9 days'"
                     " WHERE id = $1", key["id"])
        sweep(weir)
        news = events.until("notification")[-1]
    assert "Nightly" in news.json["data"]["text"] and "到期" in news.json["data"]["title"]
    mail, = wait_until(lambda: mails_to(weir, someone.login), "the mail")
    assert "到期" in mail["Subject"] and key["prefix"] in mail.get_content() and key["key"] not in mail.get_content()
    sweep(weir)
    assert len(mails_to(weir, someone.login)) == 1
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET expires_at = now() + interval '20 hours', reminded_end = now() + interval '20 hours'"
                 " WHERE id = $1", key["id"])
    sweep(weir)
    sweep(weir)
    assert len(mails_to(weir, someone.login)) == 2


# ---- rotation by itself ------------------------------------------------------------------


def test_rotation_by_itself(weir, someone, user):
    refused(weir.post("/api/keys", {"name": "n", "auto_rotate": True}, someone), 400, "invalid_request", "auto_rotate")
    refused(weir.post("/api/keys", {"name": "n", "auto_rotate": True, "rotate_every_days": 0}, someone), 400, "invalid_request",
            "rotate_every_days")
    key = make(weir, someone, name="Nightly", label="ci", models=["demo-fast"], auto_rotate=True, rotate_every_days=30)
    assert key["rotates_at"] and not key["collectable"]
    path = f"/api/keys/{key['id']}"
    refused(weir.patch(path, {"rotate_every_days": None}, someone), 400, "invalid_request", "auto_rotate")
    refused(weir.post(f"/api/keys/{key['id']}/collect", None, someone), 409, "conflict")
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET created_at = now() - interval '31 days' WHERE id = $1", key["id"])
    sweep(weir)
    old = weir.get(path, someone).json
    assert old["status"] == "rotated" and weir.get(QUOTA, key["key"]).status == 200, "accepted beside the new one"
    new = weir.get(f"/api/keys/{old['rotated_to']}", someone).json
    assert (new["name"], new["label"], new["models"], new["auto_rotate"], new["collectable"]) == ("Nightly", "ci", ["demo-fast"],
                                                                                                True, True)
    assert "key" not in new
    mail, = wait_until(lambda: mails_to(weir, someone.login), "the mail")
    assert "rotated" in mail["Subject"] and "wk-" in mail.get_content()
    sweep(weir)
    assert len(weir.get("/api/keys", someone).json["items"]) == 2, "one at a time"
    collect = f"/api/keys/{new['id']}/collect"
    refused(weir.post(collect, None, user), 404, "not_found")
    refused(weir.post(collect), 401, "unauthenticated")
    collected = weir.post(collect, None, someone)
    assert collected.status == 200 and collected.json["key"].startswith(new["prefix"]) and not collected.json["collectable"]
    assert weir.get(QUOTA, collected.json["key"]).status == 200
    refused(weir.post(collect, None, someone), 409, "conflict")
    assert "auto" in audited(weir, "key.rotate", key)[0][1] and len(audited(weir, "key.collect", new)) == 1
    with weir.pg() as pg:
        assert pg.one("SELECT secret_sealed IS NULL FROM api_keys WHERE id = $1", new["id"]) in (True, "t")
        logged = pg.query("SELECT details::text FROM audit_log")
    assert collected.json["key"][10:] not in str(logged)


@pytest.mark.parametrize("locale, subject, text", [("en", "An API key was rotated", "The old one is accepted until"),
                                                   ("zh", "API 密钥已自动轮换", "旧密钥有效至")])
def test_the_owner_is_mailed_of_a_rotation(weir, someone, locale, subject, text):
    """Once, in the owner's language, with what to do and until when, and without a secret; a page that is open is told too."""
    weir.patch("/api/me", {"locale": locale}, someone)
    key = make(weir, someone, name="Nightly", auto_rotate=True, rotate_every_days=30)
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET created_at = now() - interval '31 days' WHERE id = $1", key["id"])
    with weir.stream("/api/events", user=someone, method="GET") as events:
        sweep(weir)
        news = events.until("notification")[-1]
    assert news.json["data"]["title"] == subject and text in news.json["data"]["text"]
    mail, = wait_until(lambda: mails_to(weir, someone.login), "the mail")
    old = weir.get(f"/api/keys/{key['id']}", someone).json
    body = mail.get_content()
    assert mail["Subject"] == subject and "Nightly" in body and old["prefix"] in body and text in body
    assert old["expires_at"][:16] in body, (old["expires_at"], body)
    new = weir.post(f"/api/keys/{old['rotated_to']}/collect", None, someone).json
    assert key["key"] not in body and new["key"] not in body
    sweep(weir)
    assert len(mails_to(weir, someone.login)) == 1


def test_a_sealed_secret_that_cannot_be_opened_stays(weir, someone):
    key = make(weir, someone)
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET secret_sealed = '\\x00' WHERE id = $1", key["id"])
    assert weir.post(f"/api/keys/{key['id']}/collect", None, someone).status == 503
    assert weir.get(f"/api/keys/{key['id']}", someone).json["collectable"]
    weir.post(f"/api/keys/{key['id']}/revoke", None, someone)
    refused(weir.post(f"/api/keys/{key['id']}/collect", None, someone), 409, "conflict")
