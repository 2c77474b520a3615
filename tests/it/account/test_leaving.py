"""Accounts that take everything along, and that go."""

import json
import os
import struct
import urllib.parse
import uuid
import zlib

from weirtest import wait_until

PASSWORD = "correct horse battery"


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer.json


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"") + os.urandom(8))


# What has rows of an account that is gone: its money, who it was to it, and what was done about it.
MONEY = {"account_exits", "audit_log", "credit_transactions", "credits_history", "jobs", "tasks", "usage"}


def somebody(weir):
    """A user with something of each kind: (user, what he said, his key)."""
    user = weir.make_user(password=PASSWORD)
    said = f"my secret is {uuid.uuid4()}"
    turn = weir.chat(user, said)
    assert turn.status == 200 and turn.text
    upload = weir.post("/api/uploads", png(), user, headers={"Content-Type": "image/png"})
    assert upload.status == 201, upload
    key = weir.post("/api/keys", {"name": "my laptop"}, user)
    assert key.status == 201, key
    assert weir.patch("/api/me/preferences", {"theme": "dark"}, user).status == 200
    for path, body in (("/api/assistants", {"name": "my fox"}), ("/api/prompts", {"name": "my words", "text": "about weirs"}),
                       ("/api/folders", {"name": "my folder"})):
        made = weir.post(path, body, user)
        assert made.status == 201, made
    return user, said, key.json["key"]


def models(weir, key):
    return weir.request("GET", "/v1/models", headers={"Authorization": "Bearer " + key})


def rows(weir, sql, *args):
    with weir.pg() as pg:
        return pg.query(sql, *args)


def jobs(weir, user):
    return rows(weir, "SELECT kind, status, error, attempts FROM jobs WHERE user_id = $1", user.id)


def path_of(url):
    at = urllib.parse.urlsplit(url)
    return at.path + "?" + at.query


# ---- taking it along ---------------------------------------------------------


def test_export(weir):
    user, said, key = somebody(weir)
    refused(weir.get("/api/me/export", user), 404, "not_found")
    begun = weir.post("/api/me/export", None, user)
    assert begun.status == 202 and begun.json["status"] in ("pending", "ready"), begun
    wait_until(lambda: weir.get("/api/me/export", user).json["status"] == "ready", lambda: jobs(weir, user), timeout_s=60)
    now = weir.get("/api/me/export", user).json
    path = path_of(now["url"])
    file = weir.get(path)  # whoever has the link
    assert file.status == 200 and file.headers["Content-Disposition"].startswith("attachment"), file
    assert len(file.body) == now["size_bytes"]
    got = json.loads(file.body)
    assert (got["format"], got["version"], got["account"]["email"]) == ("weir-account", 1, user.login)
    messages = got["conversations"][0]["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"] and messages[0]["content"] == said and messages[1]["content"]
    assert [k["name"] for k in got["keys"]] == ["my laptop"] and key not in file.text
    assert [a["name"] for a in got["assistants"]] == ["my fox"] and [p["text"] for p in got["prompts"]] == ["about weirs"]
    assert len(got["uploads"]) == 1 and got["uploads"][0]["content_type"] == "image/png"
    assert [c["balance_after"] for c in got["credits"]][-1] == got["account"]["credits"]
    assert "password" not in file.text and "$argon2" not in file.text
    # nobody else's
    other = weir.make_user(password=PASSWORD)
    refused(weir.get("/api/me/export", other), 404, "not_found")
    refused(weir.get(path[:-3] + "AAA"), 404, "not_found")
    refused(weir.get(path.split("?")[0]), 404, "not_found")
    refused(weir.get(f"/api/account-exports/{uuid.uuid4()}?signature=x"), 404, "not_found")
    # asked for anew, the old link is over
    assert weir.post("/api/me/export", None, user).status == 202
    refused(weir.get(path), 404, "not_found")
    wait_until(lambda: weir.get("/api/me/export", user).json["status"] == "ready", lambda: jobs(weir, user), timeout_s=60)
    path = path_of(weir.get("/api/me/export", user).json["url"])
    assert weir.get(path).status == 200
    rows(weir, "UPDATE account_exports SET expires_at = now() - interval '1 s' WHERE user_id = $1", user.id)
    refused(weir.get(path), 404, "not_found")
    refused(weir.get("/api/me/export", user), 404, "not_found")


# ---- leaving -----------------------------------------------------------------


def test_refusals(weir):
    user = weir.make_user(password=PASSWORD)
    refused(weir.post("/api/me/delete", {"password": PASSWORD}, user), 400, "invalid_request", "name")
    refused(weir.post("/api/me/delete", {"password": "wrong", "name": user.login}, user), 400, "invalid_request", "password")
    refused(weir.post("/api/me/delete", {"password": PASSWORD, "name": "somebody@example.org"}, user), 400, "invalid_request", "name")
    assert weir.get("/api/me", user).status == 200
    assert rows(weir, "SELECT FROM account_exits WHERE user_id = $1", user.id) == []


def test_taken_back(weir):
    user, said, key = somebody(weir)
    assert models(weir, key).status == 200
    gone = weir.post("/api/me/delete", {"password": PASSWORD, "name": user.login.upper()}, user)
    assert gone.status == 202 and gone.json["erase_at"], gone
    refused(weir.get("/api/me", user), 401, "unauthenticated")
    wait_until(lambda: models(weir, key).status == 401, lambda: "the key still holds", timeout_s=60)
    back = weir.sign_in(user.login, PASSWORD)
    assert rows(weir, "SELECT FROM account_exits WHERE user_id = $1", user.id) == []
    assert len(weir.get("/api/conversations", back).json["items"]) == 1
    # the job that comes then finds nothing to do
    rows(weir, "UPDATE jobs SET run_at = now() WHERE kind = 'account_erase' AND user_id = $1", user.id)
    wait_until(lambda: rows(weir, "SELECT status FROM jobs WHERE kind = 'account_erase' AND user_id = $1", user.id) == [("done",)],
               lambda: jobs(weir, user), timeout_s=60)
    assert weir.get("/api/me", back).status == 200
    assert models(weir, key).status == 401


def test_erased(weir):
    user, said, key = somebody(weir)
    other, _, _ = somebody(weir)
    before = rows(weir, "SELECT count(*), sum(change_amount) FROM credits_history WHERE user_id = $1", user.id)
    balance = rows(weir, "SELECT credits FROM users WHERE id = $1", user.id)
    assert weir.post("/api/me/delete", {"password": PASSWORD, "name": user.login}, user).status == 202
    rows(weir, "UPDATE account_exits SET erase_at = now() WHERE user_id = $1", user.id)
    rows(weir, "UPDATE jobs SET run_at = now() WHERE kind = 'account_erase' AND user_id = $1", user.id)
    wait_until(lambda: rows(weir, "SELECT FROM account_exits WHERE user_id = $1 AND erased_at IS NOT NULL", user.id) == [()],
               lambda: jobs(weir, user), timeout_s=60)
    refused(weir.post("/api/auth/login", {"login": user.login, "password": PASSWORD}), 401, "bad_credentials")
    theirs = [t for (t,) in rows(weir, "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')"
                                 " WHERE a.attname = 'user_id' AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped ORDER BY 1")]
    assert {"conversations", "prompts", "kb"} < set(theirs)
    left = {t for t in theirs if rows(weir, f"SELECT FROM {t} WHERE user_id = $1 LIMIT 1", user.id)}
    assert left <= MONEY, left - MONEY
    assert rows(weir, "SELECT phone, nickname, password_hash, status FROM users WHERE id = $1", user.id) == [(None, "", None, "disabled")]
    assert user.login not in str(rows(weir, "SELECT email FROM users WHERE id = $1", user.id))
    # the money is there as before, and the audit proves it
    assert rows(weir, "SELECT count(*), sum(change_amount) FROM credits_history WHERE user_id = $1", user.id) == before
    assert rows(weir, "SELECT credits FROM users WHERE id = $1", user.id) == balance
    weir.audit()
    # nobody else lost anything
    assert len(weir.get("/api/conversations", other).json["items"]) == 1
    # the address is free again
    weir.weirctl("user", "add", "--login", user.login, input=PASSWORD + "\n")
    assert weir.sign_in(user.login, PASSWORD).id != user.id
