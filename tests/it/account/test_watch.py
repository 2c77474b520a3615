"""The watch on API keys: what responders gather, what weir-worker makes of it, leaked keys, and the list of events."""

import hashlib
import json
import os
import threading

import pytest
from keylib import audited, mails_to, make, refused, sweep
from weirtest import wait_until

WEIR_CONF = {"limits": {"rate_write": "5000/1m", "rate_read": "5000/1m", "rate_relay": "5000/1m"},
             "watch": {"learn_calls": "3", "failures_per_hour": "4", "calls_per_minute": "30", "failures": "lock",
                       "size_factor": "5", "mail_to": "ops@example.net, night@example.net", "mail_every": "2s"}}
EVENTS = "/api/admin/security/events"


def chat(weir, key, model="demo-fast", content="hello", **more):
    return weir.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": content}]}, key["key"], **more)


def hour(weir, key):
    with weir.pg() as pg:
        rows = pg.dicts("SELECT sum(calls) AS calls, sum(failures) AS failures, sum(refusals) AS refusals, sum(tokens) AS tokens,"
                        " max(bytes_max) AS bytes_max FROM key_hours WHERE key_id = $1", key["id"])
    return {name: int(value or 0) for name, value in rows[0].items()}


def gathered(weir, key, **least):
    """What was written about the key's use, once there is so much of it."""
    return wait_until(lambda: (h := hour(weir, key)) and all(h[name] >= n for name, n in least.items()) and h,
                      lambda: f"{least} in {hour(weir, key)}", 15)


def events_of(weir, admin, key):
    return weir.get(f"{EVENTS}?key_id={key['id']}", admin).json["items"]


def wait_event(weir, admin, key, kind):
    return wait_until(lambda: [e for e in events_of(weir, admin, key) if e["kind"] == kind], kind, 20)[0]


def test_what_is_gathered_and_judged(weir, user, admin):
    """One wait for all rules: each key has its own trouble, and an honest one has none."""
    honest, model, address, failing, large, fast = (make(weir, user, name=n) for n in ("honest", "model", "address", "failing", "large",
                                                                                    "fast"))
    for key in (honest, model, address, large):
        for _ in range(4):
            assert chat(weir, key).status == 200
    for key in (honest, model, address, large):
        seen = gathered(weir, key, calls=4, tokens=1)
        assert seen["failures"] == seen["refusals"] == 0 and 60 < seen["bytes_max"] < 200
    sweep(weir)
    with weir.pg() as pg:  # that was an hour ago
        pg.query("UPDATE key_hours SET hour = hour - interval '1 hour'")
    assert chat(weir, honest).status == 200
    assert chat(weir, model, "demo").status == 200
    weir.patch(f"/api/keys/{address['id']}", {"models": ["demo-fast"]}, user)
    assert chat(weir, address, address="127.9.0.1").status == 200
    for wrong in ({"model": "nobody"}, {"model": "demo", "messages": 5}, [], {}):
        assert 400 <= weir.post("/v1/chat/completions", wrong, failing["key"]).status < 500
    for _ in range(5):
        assert chat(weir, large, content="x" * 5000).status == 200
    for _ in range(31):
        assert weir.get("/api/me/quota", fast["key"]).status == 200
    event = wait_event(weir, admin, failing, "failures")
    assert (event["action"], event["user_id"], event["key_name"], event["key_prefix"]) == ("lock", user.id, "failing", failing["prefix"])
    assert event["details"]["failures"] == 4 and event["resolved_at"] is None
    assert weir.get(f"/api/keys/{failing['id']}", user).json["lock_reason"] == "failures"
    wait_until(lambda: chat(weir, failing).status == 403, "the locked key is refused")  # responders look for themselves
    assert wait_event(weir, admin, model, "new_model")["details"] == {"models": ["demo"]}
    assert wait_event(weir, admin, address, "new_address")["details"] == {"addresses": ["127.9.0.1"]}
    assert wait_event(weir, admin, large, "size_jump")["details"]["max_bytes"] > 5000
    assert wait_event(weir, admin, fast, "overspeed")["details"]["calls_per_minute"] > 30
    assert events_of(weir, admin, honest) == []
    gathered(weir, failing, refusals=1)
    mails = wait_until(lambda: len(found := mails_to(weir, user.login)) >= 5 and found, "mails")
    texts = [m.get_content() for m in mails]
    for name in ("model", "address", "failing", "large", "fast"):
        assert sum(f'"{name}"' in t for t in texts) == 1, texts
    assert not any(key["key"][10:] in str(texts) for key in (model, failing))


def test_refusals_are_counted(weir, user):
    key = make(weir, user)
    weir.post(f"/api/keys/{key['id']}/revoke", None, user)
    for _ in range(3):
        refused(weir.get("/api/me/quota", key["key"]), 401, "unauthenticated")
    seen = gathered(weir, key, refusals=3)  # within five seconds
    assert (seen["calls"], seen["refusals"]) == (0, 3)
    assert weir.get(f"/api/keys/{key['id']}", user).json["use_count"] == 0


# ---- the list --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noted(weir):
    """Two events of a user, in the database."""
    user = weir.make_user()
    key = make(weir, user)
    with weir.pg() as pg:
        ids = [int(pg.one("INSERT INTO security_events (kind, key_id, key_name, key_prefix, user_id, action, told_at)"
                          " VALUES ($1, $2, 'k', 'wk-', $3, 'tell', now()) RETURNING id", kind, key["id"], user.id))
               for kind in ("new_model", "overspeed")]
    return user, key, ids


def test_the_list(weir, noted, admin):
    user, key, ids = noted
    mine = f"user_id={user.id}"
    assert [e["id"] for e in weir.get(f"{EVENTS}?{mine}", admin).json["items"]] == ids[::-1]
    page = weir.get(f"/api/admin/security/events?{mine}&limit=1", admin).json
    assert [e["id"] for e in page["items"]] == ids[1:] and page["has_more"]
    assert [e["id"] for e in weir.get(f"{EVENTS}?{mine}&before_id={ids[1]}", admin).json["items"]] == ids[:1]
    assert [e["id"] for e in weir.get(f"{EVENTS}?{mine}&kind=new_model", admin).json["items"]] == ids[:1]
    assert weir.get(f"{EVENTS}?key_id={key['id']}&kind=leaked", admin).json["items"] == []
    refused(weir.get(EVENTS + "?open=maybe", admin), 400, "invalid_request", "open")
    refused(weir.get(EVENTS + "?key_id=7", admin), 400, "invalid_request", "key_id")
    refused(weir.get(EVENTS, user), 403, "forbidden")
    refused(weir.get(EVENTS), 401, "unauthenticated")


def test_resolved(weir, noted, admin):
    user, _, ids = noted
    done = weir.post(f"/api/admin/security/events/{ids[0]}/resolve", {"note": "it was us"}, admin)
    assert done.status == 200 and (done.json["note"], done.json["resolved_by"]) == ("it was us", admin.id)
    assert weir.post(f"{EVENTS}/{ids[0]}/resolve", {"note": "other"}, admin).json == done.json
    open_ = weir.get(f"{EVENTS}?user_id={user.id}&open=yes", admin).json["items"]
    assert [e["id"] for e in open_] == ids[1:]
    assert [e["id"] for e in weir.get(f"{EVENTS}?user_id={user.id}&open=no", admin).json["items"]] == ids[:1]
    refused(weir.post(f"{EVENTS}/999999999/resolve", None, admin), 404, "not_found")
    refused(weir.post(f"{EVENTS}/{ids[0]}/resolve", {"note": 5}, admin), 400, "invalid_request", "note")
    refused(weir.post(f"{EVENTS}/{ids[0]}/resolve", None, user), 403, "forbidden")


# ---- leaked keys -------------------------------------------------------------------------

LEAKS = "/api/admin/security/leaks"


def test_those_who_run_the_site_get_one_mail_of_many(weir, admin):
    user = weir.make_user()
    keys = [make(weir, user, name=f"spilt {i}") for i in range(35)]
    assert leak(weir, admin, "\n".join(k["key"] for k in keys)).json["locked"] == 35
    sweep(weir)
    wait_until(lambda: any(keys[0]["prefix"] in m.get_content() for m in mails_to(weir, "ops@example.net")), "a mail", 30)
    found = [m for m in mails_to(weir, "ops@example.net") if "spilt" in m.get_content()]
    assert 1 <= len(found) <= 3, "a storm is a mail or two"
    text = "".join(m.get_content() for m in found)
    assert user.login in text and "leaked" in text and "lock" in text and "/admin/security" in text
    assert text.count('"spilt') <= 30 * len(found) and not any(k["key"] in text for k in keys)
    assert wait_until(lambda: [m for m in mails_to(weir, "night@example.net") if keys[0]["prefix"] in m.get_content()], "the other's", 15)
    with weir.pg() as pg:
        assert pg.query("SELECT FROM security_mails") == []
        assert int(pg.one("SELECT count(*) FROM jobs WHERE kind = 'security_mail' AND status = 'dead'")) == 0


def leak(weir, admin, text):
    return weir.post(LEAKS, text if isinstance(text, bytes) else text.encode(), admin, headers={"Content-Type": "text/plain"})


def test_a_list_of_leaked_keys(weir, admin):
    user = weir.make_user()
    plain, hashed, found, ended, safe = (make(weir, user, name=n) for n in ("plain", "hashed", "found", "ended", "safe"))
    weir.post(f"/api/keys/{ended['id']}/revoke", None, user)
    digest = hashlib.sha256(hashed["key"].encode()).hexdigest().upper()
    text = f"# a list\n{plain['key']}\r\n{digest}\nOPENAI_API_KEY=\"{found['key']}\";x\n{ended['key']} wk-000000 {'ab' * 32} wk-"
    answer = leak(weir, admin, text)
    assert answer.status == 200 and answer.json == {"seen": 5, "known": 4, "locked": 3}, answer
    for key in (plain, hashed, found):
        shown = weir.get(f"/api/keys/{key['id']}", user).json
        assert (shown["status"], shown["lock_reason"]) == ("locked", "leaked")
        refused(weir.get("/api/me/quota", key["key"]), 403, "forbidden")
        assert len(audited(weir, "key.lock", key)) == 1
        assert [e["action"] for e in events_of(weir, admin, key)] == ["lock"]
    assert weir.get("/api/me/quota", safe["key"]).status == 200
    assert leak(weir, admin, text).json == {"seen": 5, "known": 4, "locked": 0}
    sweep(weir)
    mails = wait_until(lambda: len(m := mails_to(weir, user.login)) >= 3 and m, "mails", 15)
    assert all("leaked" in m.get_content() for m in mails)
    as_json = json.dumps({"leaks": [{"key": safe["key"]}]})
    assert leak(weir, admin, as_json).json == {"seen": 1, "known": 1, "locked": 1}
    with weir.pg() as pg:
        written = str(pg.query("SELECT details::text FROM audit_log")) + str(pg.query("SELECT details::text FROM security_events"))
    logs = "".join(open(os.path.join(folder, name), errors="replace").read() for folder, _, names in os.walk(weir.folder)
                   for name in names if name.endswith(".log"))
    for key in (plain, found, safe):
        assert key["key"][10:] not in written and key["key"][10:] not in logs
    assert digest.lower() not in written + logs.lower()


def test_bad_lists(weir, user, admin):
    refused(weir.post(LEAKS, None, admin), 400, "invalid_request", "body")
    assert leak(weir, admin, "nothing in here").json == {"seen": 0, "known": 0, "locked": 0}
    assert leak(weir, admin, b"\xff\0wk-\0" * 100).json["seen"] == 0
    assert leak(weir, admin, "x" * (1024 * 1024 + 1)).status == 413
    refused(leak(weir, user, "x"), 403, "forbidden")
    refused(weir.post("/api/admin/security/leaks", b"x"), 401, "unauthenticated")


def test_what_runs_with_a_leaked_key_ends(weir, admin):
    user = weir.make_user()
    key = make(weir, user)
    body = {"model": "demo-fast", "stream": True, "messages": [{"role": "user", "content": "[[demo deltas=150 interval=100]]"}]}
    ended = threading.Event()

    def read():
        with weir.stream("/v1/chat/completions", body, key["key"]) as stream:
            for _ in stream.events():
                pass
        ended.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    wait_until(lambda: weir.get("/api/tasks?active=true", user).json["items"], "the call")
    assert leak(weir, admin, key["key"]).json["locked"] == 1
    assert ended.wait(6), "it goes on"


def test_on_the_command_line(weir, admin, tmp_path):
    user = weir.make_user()
    key, other = make(weir, user), make(weir, user)
    path = tmp_path / "leaked"
    path.write_text(f"{key['key']}\n")
    out = weir.weirctl("key", "leaked", str(path))
    assert "1 looked like keys, 1 are keys here, 1 were locked" in str(out) and key["key"] not in str(out)
    assert weir.get(f"/api/keys/{key['id']}", user).json["lock_reason"] == "leaked"
    assert "weirctl" in audited(weir, "key.lock", key)[0][1]
    assert weir.get("/api/me/quota", other["key"]).status == 200
    with pytest.raises(Exception):
        weir.weirctl("key", "leaked", str(tmp_path / "none"))
