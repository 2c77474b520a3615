"""API keys: made, listed, changed, rotated, revoked; what is taken as one, from where and where not."""

import csv
import glob
import io
import os
import subprocess
import time
import uuid

import pytest
from weirtest import Fcgi, fcgi_params, free_port, wait_until

WEIR_CONF = {"limits": {"rate_write": "5000/1m", "rate_read": "5000/1m", "rate_relay": "5000/1m"}}
QUOTA = "/api/me/quota"


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer


@pytest.fixture(scope="module")
def make(weir):
    """Makes a key of somebody; its JSON, with the secret."""

    def call(user, **fields):
        answer = weir.post("/api/keys", {"name": "test", **fields}, user)
        assert answer.status == 201, answer
        return answer.json

    return call


@pytest.fixture
def someone(weir):
    return weir.make_user()


def use(weir, key, **more):
    """A call of the API with the key, or with what is given for it."""
    return weir.get(QUOTA, key if isinstance(key, str) else key["key"], **more)


def find(weir, user, key):
    return weir.get(f"/api/keys/{key['id']}", user)


# ---- made, found, changed, removed ---------------------------------------------------


def test_a_key_is_shown_once(weir, someone, make):
    key = make(someone, name="  mine  ")
    assert len(key["key"]) == 36 and key["key"].startswith("wk-") and key["prefix"] == key["key"][:10]
    assert (key["name"], key["status"], key["use_count"], key["spent"]) == ("mine", "active", 0, 0)
    assert all(key[limit] is None for limit in ("scopes", "models", "allow_ips", "expires_at", "budget", "rpm", "tpm"))
    shown = find(weir, someone, key)
    assert shown.json == {k: v for k, v in key.items() if k != "key"}
    with weir.pg() as pg:
        row = pg.query("SELECT to_jsonb(k)::text AS row, encode(hash, 'hex') AS hash FROM api_keys k WHERE id = $1",
                       key["id"])[0]
    assert key["key"][10:] not in row[0] and len(row[1]) == 64


def test_limits(weir, someone, make):
    limits = {"scopes": ["chat", "rerank"], "models": ["demo", "other"], "allow_ips": ["10.0.0.0/8", "2001:db8::1"],
              "expires_at": "2100-01-01T08:00:00+08:00", "budget": {"amount": "12.5", "period": "month"}, "rpm": 60,
              "tpm": 100000, "max_concurrent": 3}
    key = make(someone, **limits)
    assert key["expires_at"] == "2100-01-01T00:00:00.000Z"
    resets = key["budget"].pop("resets_at")
    assert key["budget"] == {"amount": 12.5, "period": "month", "left": 12.5} and "-01T00:00:00" in resets
    for name in ("scopes", "models", "allow_ips", "rpm", "tpm", "max_concurrent"):
        assert key[name] == limits[name]


def test_lists(weir, someone, make):
    ids = [make(someone, name=f"k{n}")["id"] for n in range(5)]
    page = weir.get("/api/keys?limit=2", someone).json
    assert [k["id"] for k in page["items"]] == ids[:2:-1] and page["has_more"]
    rest = weir.get(f"/api/keys?before_id={ids[3]}", someone).json
    assert [k["id"] for k in rest["items"]] == ids[2::-1] and not rest["has_more"]
    assert all("key" not in k and "hash" not in k for k in rest["items"])
    newer = weir.get(f"/api/keys?after_id={ids[1]}&limit=2", someone).json
    assert [k["id"] for k in newer["items"]] == [ids[3], ids[2]]
    weir.post(f"/api/keys/{ids[2]}/revoke", None, someone)
    for status, found in (("active", [ids[4], ids[3], ids[1], ids[0]]), ("revoked", [ids[2]]), ("locked", [])):
        assert [k["id"] for k in weir.get(f"/api/keys?status={status}", someone).json["items"]] == found
    refused(weir.get(f"/api/keys?before_id={uuid.uuid4()}", someone), 400, "invalid_request", "before_id")
    refused(weir.get("/api/keys?limit=0", someone), 400, "invalid_request", "limit")


def test_changes(weir, someone, make):
    key = make(someone, rpm=5, models=["demo"], budget={"amount": 1})
    path = f"/api/keys/{key['id']}"
    changed = weir.patch(path, {"name": "new", "models": None, "max_concurrent": 2, "rpm": 9}, someone).json
    assert (changed["name"], changed["models"], changed["max_concurrent"], changed["rpm"]) == ("new", None, 2, 9)
    assert changed["budget"]["amount"] == 1
    changed = weir.patch(path, {"budget": None, "expires_at": "2100-01-01T00:00:00Z"}, someone).json
    assert changed["budget"] is None and changed["expires_at"] and changed["name"] == "new"
    assert weir.patch(path, {"expires_at": None}, someone).json["expires_at"] is None
    assert weir.patch(path, {}, someone).json == weir.get(path, someone).json


@pytest.mark.parametrize("field,value", [
    ("name", ""), ("name", "x" * 101), ("name", 1), ("scopes", []), ("scopes", ["everything"]), ("models", [""]),
    ("models", "demo"), ("allow_ips", ["localhost"]), ("allow_ips", ["10.0.0.0/33"]), ("allow_ips", ["::1/129"]),
    ("allow_ips", ["10.0.0.1/"]), ("allow_ips", ["10.0.0.1/-1"]), ("allow_ips", ["10.0.0.0/008"]), ("allow_ips", ["10.0.0.0/08"]), ("allow_ips", ["::/00"]), ("allow_ips", ["1" * 60]), ("allow_ips", []),
    ("expires_at", "tomorrow"), ("expires_at", "2020-01-01T00:00:00Z"), ("expires_at", "infinity"),
    ("expires_at", "2100-02-30T00:00:00Z"), ("budget", {}), ("budget", {"amount": -1}),
    ("budget", {"amount": 1, "period": "year"}), ("budget", 5), ("rpm", 0), ("tpm", -1), ("max_concurrent", "2")])
def test_bad_input(weir, user, make, field, value):
    refused(weir.post("/api/keys", {"name": "n", field: value}, user), 400, "invalid_request", field)
    key = make(user)
    refused(weir.patch(f"/api/keys/{key['id']}", {field: value}, user), 400, "invalid_request", field)
    assert weir.delete(f"/api/keys/{key['id']}", user).status == 204


def test_not_too_many(weir, someone, make):
    with weir.pg() as pg:
        pg.query("INSERT INTO api_keys (id, user_id, name, hash, prefix)"
                 " SELECT gen_random_uuid(), $1, 'n', uuid_send(gen_random_uuid()), 'wk-'"
                 " FROM generate_series(1, 49)", someone.id)
    last = make(someone)
    refused(weir.post("/api/keys", {"name": "n"}, someone), 409, "conflict")
    new = weir.post(f"/api/keys/{last['id']}/rotate", {"overlap_s": 60}, someone)
    assert new.status == 201, "who has to rotate can"
    refused(weir.post("/api/keys", {"name": "n"}, someone), 409, "conflict")
    for key in (last, new.json):
        assert weir.post(f"/api/keys/{key['id']}/revoke", None, someone).status == 200
    make(someone)


def test_other_peoples_keys(weir, someone, user, make):
    key = make(someone)
    for method, path, body in (("GET", "", None), ("PATCH", "", {"name": "x"}), ("POST", "/rotate", {}),
                               ("POST", "/revoke", None), ("DELETE", "", None)):
        for key_id in (key["id"], str(uuid.uuid4()), "7"):
            refused(weir.request(method, f"/api/keys/{key_id}{path}", user, body), 404, "not_found")
    assert use(weir, key).status == 200
    assert key["id"] not in weir.get("/api/keys/export", user).text
    assert key["id"] not in weir.get("/api/keys", user).text


def test_export(weir, someone, make):
    plain, odd = make(someone), make(someone, name='=cmd(),"x"', models=["a", "b"], budget={"amount": 2, "period": "day"})
    answer = weir.get("/api/keys/export", someone)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [r["id"] for r in rows] == [odd["id"], plain["id"]]
    assert (rows[0]["name"], rows[0]["models"], rows[0]["budget"], rows[0]["budget_period"]) == ("'=cmd(),\"x\"", "a b",
                                                                                               "2", "day")
    for key in (plain, odd):
        assert key["key"][10:] not in answer.text
    assert "hash" not in rows[0]


def test_the_audit_log(weir, someone, make):
    key = make(someone)
    new = weir.post(f"/api/keys/{key['id']}/rotate", None, someone).json
    weir.post(f"/api/keys/{new['id']}/revoke", None, someone)
    weir.delete(f"/api/keys/{new['id']}", someone)
    with weir.pg() as pg:
        rows = pg.query("SELECT action, object, details::text FROM audit_log WHERE user_id = $1 AND action LIKE 'key.%'"
                        " ORDER BY id", someone.id)
    assert [(a, o) for a, o, d in rows] == [("key.create", f"key:{key['id']}"), ("key.rotate", f"key:{key['id']}"),
                                            ("key.revoke", f"key:{new['id']}"), ("key.delete", f"key:{new['id']}")]
    assert new["id"] in rows[1][2]
    for secret in (key["key"], new["key"]):
        assert secret[10:] not in str(rows)


# ---- signing in -------------------------------------------------------------------------


def test_where_a_key_may_stand(weir, someone, make):
    key = make(someone)
    for headers, query in (({"Authorization": "Bearer " + key["key"]}, ""), ({"x-api-key": key["key"]}, ""),
                           ({"x-goog-api-key": key["key"]}, ""), ({}, "?key=" + key["key"]),
                           ({"Authorization": "Basic eDp5", "x-api-key": key["key"]}, ""),
                           ({"x-api-key": someone.token}, ""), ({"Authorization": "Bearer " + someone.token}, "")):
        answer = weir.get(QUOTA + query, headers=headers)
        assert answer.status == 200 and answer.json["balance"] == 1000, (headers, query, answer)


def test_what_is_no_key(weir, someone, make):
    key = make(someone)["key"]
    typo = key[:20] + ("a" if key[20] != "a" else "b") + key[21:]
    for wrong in (typo, key[:-1], key + "0", "wk-", "wk-0000000000000000000000000000skq46", "sk-123", "x"):
        answer = refused(use(weir, wrong), 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), wrong
    refused(weir.get("/api/me/quota"), 401, "unauthenticated")
    refused(weir.get(QUOTA + "?key="), 401, "unauthenticated")
    assert "character" in use(weir, typo).json["message"]
    assert "有误" in use(weir, typo, headers={"Accept-Language": "zh"}).json["message"]


def test_a_typo_costs_no_query(weir, someone, make):
    key = make(someone)["key"]
    with weir.denied("SELECT ON api_keys"):
        refused(use(weir, key[:-1] + ("a" if key[-1] != "a" else "b")), 401, "unauthenticated")
        assert use(weir, key).status == 500


def test_session_routes_take_no_key(weir, someone, admin, make):
    for who in (someone, admin):
        key = make(who)["key"]
        for path in ("/api/me", "/api/keys", "/api/conversations", "/api/admin/users"):
            answer = refused(weir.get(path, key), 401, "unauthenticated")
            assert "API keys are for the API paths" in answer.json["message"]
            refused(weir.get(path, headers={"x-api-key": key}), 401, "unauthenticated")
            refused(weir.get(path, headers={"x-api-key": who.token}), 401, "unauthenticated")


def test_a_revoked_key(weir, someone, make):
    key = make(someone)
    ended = weir.post(f"/api/keys/{key['id']}/revoke", None, someone).json
    assert ended["status"] == "revoked" and ended["revoked_at"]
    assert "revoked" in refused(use(weir, key), 401, "unauthenticated").json["message"]
    assert weir.post(f"/api/keys/{key['id']}/revoke", None, someone).json == ended
    refused(weir.patch(f"/api/keys/{key['id']}", {"name": "x"}, someone), 409, "conflict")
    refused(weir.post(f"/api/keys/{key['id']}/rotate", {}, someone), 409, "conflict")


def test_a_deleted_key(weir, someone, make):
    key = make(someone)
    assert weir.delete(f"/api/keys/{key['id']}", someone).status == 204
    refused(use(weir, key), 401, "unauthenticated")
    refused(find(weir, someone, key), 404, "not_found")


def test_an_expired_key(weir, someone, make):
    key = make(someone)
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", key["id"])
    assert "expired" in refused(use(weir, key), 401, "unauthenticated").json["message"]
    assert find(weir, someone, key).json["status"] == "expired", "before any sweep"
    with weir.pg() as pg:
        pg.query("SELECT api_keys_expire(100)")
    assert find(weir, someone, key).json["revoked_at"]
    again = weir.patch(f"/api/keys/{key['id']}", {"expires_at": "2100-01-01T00:00:00Z"}, someone).json
    assert (again["status"], again["revoked_at"]) == ("active", None)
    assert use(weir, key).status == 200


def test_a_locked_key(weir, someone, make):
    key = make(someone)
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET status = 'locked' WHERE id = $1", key["id"])
    refused(use(weir, key), 403, "forbidden")
    refused(weir.patch(f"/api/keys/{key['id']}", {"expires_at": None}, someone), 409, "conflict")
    assert find(weir, someone, key).json["status"] == "locked"


def test_a_disabled_user(weir, someone, make):
    key = make(someone)
    weir.weirctl("user", "disable", someone.login)
    refused(use(weir, key), 403, "account_disabled")
    weir.weirctl("user", "enable", someone.login)
    assert use(weir, key).status == 200


def test_addresses(weir, someone, make):
    conf, path = weir.folder + "/addresses.conf", weir.folder + "/addresses.sock"
    weir.write_conf({"server": {"scoreboard": weir.folder + "/addresses.score"}}, conf)
    weir.start_pool(1, conf=conf, name="addresses", path=path)

    def ask(key, address):
        with Fcgi(path) as conn:
            return conn.request("GET", QUOTA, params=fcgi_params("GET", QUOTA, headers={"x-api-key": key["key"]},
                                                                 address=address)).status

    key = make(someone, allow_ips=["127.0.0.2", "10.1.0.0/16", "2001:db8::/32"])
    refused(use(weir, key), 403, "forbidden")
    assert use(weir, key, address="127.0.0.2").status == 200
    for address, status in (("10.1.2.3", 200), ("10.2.0.1", 403), ("2001:db8:1::7", 200), ("2001:db9::1", 403),
                            ("::ffff:10.1.2.3", 200), ("::FFFF:10.2.0.1", 403), ("unix:", 403)):
        assert ask(key, address) == status, address
    weir.patch(f"/api/keys/{key['id']}", {"allow_ips": None}, someone)
    assert use(weir, key).status == 200 and ask(key, "unix:") == 200


def test_rotation(weir, someone, make):
    key = make(someone, name="r", budget={"amount": 10}, allow_ips=["127.0.0.1"])
    new = weir.post(f"/api/keys/{key['id']}/rotate", None, someone)
    assert new.status == 201 and new.json["key"] != key["key"]
    assert (new.json["name"], new.json["budget"]["amount"], new.json["allow_ips"]) == ("r", 10, ["127.0.0.1"])
    old = find(weir, someone, key).json
    assert (old["status"], old["rotated_to"]) == ("rotated", new.json["id"]) and old["revoked_at"]
    refused(use(weir, key), 401, "unauthenticated")
    assert use(weir, new.json).status == 200


def test_an_overlap(weir, someone, make):
    key = make(someone)
    new = weir.post(f"/api/keys/{key['id']}/rotate", {"overlap_s": 3600}, someone).json
    assert use(weir, key).status == use(weir, new).status == 200
    weir.patch(f"/api/keys/{new['id']}", {"allow_ips": ["10.0.0.1"]}, someone)
    refused(use(weir, key), 403, "forbidden")  # the new one's limits count for both
    weir.patch(f"/api/keys/{new['id']}", {"allow_ips": None}, someone)
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET expires_at = now() WHERE id = $1", key["id"])
    assert "taken the place" in refused(use(weir, key), 401, "unauthenticated").json["message"]
    assert use(weir, new).status == 200
    for overlap in (-1, 31 * 24 * 3600, "1"):
        refused(weir.post(f"/api/keys/{new['id']}/rotate", {"overlap_s": overlap}, someone), 400, "invalid_request",
                "overlap_s")


def test_an_overlap_ends_early(weir, someone, make):
    key = make(someone)
    weir.post(f"/api/keys/{key['id']}/rotate", {"overlap_s": 3600}, someone)
    assert weir.post(f"/api/keys/{key['id']}/revoke", None, someone).json["status"] == "revoked"
    refused(use(weir, key), 401, "unauthenticated")


# ---- what counts ---------------------------------------------------------------------------


def test_the_quota(weir, someone, make):
    make(someone)
    key = make(someone, name="b", budget={"amount": 5, "period": "day"})
    with weir.pg() as pg:
        pg.query("SELECT api_key_spend($1, 1.5)", key["id"])
    seen = use(weir, key).json
    assert (seen["balance"], seen["held"], len(seen["keys"])) == (1000, 0, 1)
    assert (seen["keys"][0]["id"], seen["keys"][0]["budget"]["left"]) == (key["id"], 3.5)
    assert weir.get(QUOTA, someone).json == seen, "of those without a budget nothing is told"


def test_requests_per_minute(weir, someone, make):
    key = make(someone, rpm=3)
    for left in (2, 1, 0):
        answer = use(weir, key)
        assert answer.status == 200 and answer.headers["RateLimit-Remaining"] == str(left)
    assert refused(use(weir, key), 429, "rate_limited").headers["Retry-After"]
    assert use(weir, make(someone)).status == 200
    new = weir.post(f"/api/keys/{key['id']}/rotate", {"overlap_s": 60}, someone).json
    assert [use(weir, k).status for k in (key, new, key, new)] == [200, 200, 200, 429], "together"


def test_uses_are_counted(weir, someone, make):
    key, idle = make(someone), make(someone)
    for _ in range(20):
        assert use(weir, key, address="127.0.0.9").status == 200
    refused(use(weir, key["key"] + "x"), 401, "unauthenticated")
    seen = wait_until(lambda: find(weir, someone, key).json["use_count"] >= 20 and find(weir, someone, key).json,
                      "the count", 20)
    assert (seen["use_count"], seen["last_ip"]) == (20, "127.0.0.9") and seen["last_used_at"]
    assert find(weir, someone, idle).json["last_used_at"] is None


def test_uses_survive_a_reload(weir, someone, make):
    key = make(someone)
    for _ in range(5):
        use(weir, key)
    weir.reload_pool()
    wait_until(lambda: find(weir, someone, key).json["use_count"] == 5, "the count", 20)


def test_the_sweep(weir, someone, make):
    key = make(someone)
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET expires_at = now() WHERE id = $1", key["id"])
        subprocess.run([weir.program("weir-worker"), "-c", weir.conf_path, "--once"], check=True, timeout=60)
        assert pg.one("SELECT status FROM api_keys WHERE id = $1", key["id"]) == "expired"


# ---- weirctl ------------------------------------------------------------------------------------


def test_weirctl(weir, someone):
    made = weir.weirctl("key", "create", someone.login, "--name", "from the shell", "--models", "demo,other", "--budget",
                        "2.5", "--period", "day", "--expires", "2100-01-01T00:00:00Z", "--rpm", "100").stdout.strip()
    assert use(weir, made).status == 200
    key = weir.get("/api/keys", someone).json["items"][0]
    assert (key["name"], key["models"], key["budget"]["amount"], key["budget"]["period"], key["rpm"]) == (
        "from the shell", ["demo", "other"], 2.5, "day", 100)
    listed = weir.weirctl("key", "list", someone.login).stdout
    assert key["id"] in listed and "active" in listed and "from the shell" in listed and made[10:] not in listed
    for verb, status, answers in (("lock", "locked", 403), ("unlock", "active", 200), ("revoke", "revoked", 401)):
        assert status in weir.weirctl("key", verb, someone.login, key["prefix"]).stdout
        wait_until(lambda: use(weir, made).status == answers, f"the key is {status}")  # responders look for themselves
    with weir.pg() as pg:
        rows = pg.query("SELECT action, details::text FROM audit_log WHERE object = $1 ORDER BY id", f"key:{key['id']}")
    assert [a for a, _ in rows] == ["key.create", "key.lock", "key.unlock", "key.revoke"]
    assert all("weirctl" in d and made[10:] not in d for _, d in rows)


def test_weirctl_refuses(weir, someone, make):
    key = make(someone)["id"]
    for args, says in ((["list", "nobody@example.org"], "there is no user"), (["create", someone.login], "name is required"),
                       (["create", someone.login, "--name", "n", "--period", "day"], "amount is required"),
                       (["create", someone.login, "--name", "n", "--expires", "soon"], "must be a time"),
                       (["revoke", someone.login, "wk-nothing"], "has no key"), (["unlock", someone.login, key], "conflict")):
        done = weir.weirctl("key", *args, check=False)
        assert done.returncode == 1 and says in done.stderr, (args, done.stderr)
    for args in ([], ["list"], ["revoke", someone.login], ["create", "--name", "n"], ["create", "--wrong"], ["other"]):
        done = weir.weirctl("key", *args, check=False)
        assert done.returncode == 2 and "usage: weirctl key" in done.stderr, args


# ---- what is written --------------------------------------------------------------------------


def test_no_log_has_a_key(weir, someone, make):
    key = make(someone)["key"]
    typo = key[:-1] + ("a" if key[-1] != "a" else "b")
    for secret in (key, typo):
        for headers, query in (({"Authorization": "Bearer " + secret}, ""), ({"x-api-key": secret}, ""),
                               ({}, "?key=" + secret)):
            weir.get(QUOTA + query, headers=headers)
            weir.get("/api/me" + query, headers=headers)
            weir.get("/v1beta/nowhere" + query, headers=headers)
    time.sleep(0.5)
    logs = glob.glob(weir.folder + "/**/*.log", recursive=True)
    assert any("pool" in p for p in logs)
    for path in logs:
        with open(path, errors="replace") as f:
            assert key[10:30] not in f.read(), path


def test_nginx_keeps_no_key(weir, someone, make):
    key, log = make(someone)["key"], weir.folder + "/log/asked.log"
    port = free_port()
    weir.start_nginx(port, more=f"\t\taccess_log {log};\n", name="asked")
    assert weir.get(f"{QUOTA}?key={key}", port=port).status == 200
    assert weir.get(f"{QUOTA}?after=1", port=port, headers={"x-api-key": key}).status == 200
    with open(wait_until(lambda: os.path.exists(log) and os.path.getsize(log) and log, "nginx's log")) as f:
        text = f.read()
    assert "after=1" in text and "key=" not in text
