"""Second factors: turned on, asked for, once each, and taken away."""

import time
import urllib.parse
import uuid

import pytest
from totplib import code_of
from weirtest import at_once

PASSWORD = "correct horse battery"

WEIR_CONF = {"auth": {"admin_factor": "yes"}}


@pytest.fixture
def admin(weir):
    who = weir.make_user(password=PASSWORD, admin=True)
    turn_on(weir, who)
    return who


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer
    return answer.json


def wrong_code(secret):
    """None of those that count now or soon."""
    step = int(time.time()) // 30
    near = {code_of(secret, step + i) for i in range(-3, 6)}
    return next(c for c in ("%06d" % i for i in range(20)) if c not in near)


def forget_steps(weir, user):
    """So that a test need not wait for the next 30 seconds."""
    with weir.pg() as pg:
        pg.query("UPDATE user_factors SET last_step = 0, failures = 0 WHERE user_id = $1", user.id)


def turn_on(weir, user):
    begun = weir.post("/api/me/factor", {"password": PASSWORD}, user)
    assert begun.status == 201, begun
    secret = begun.json["secret"]
    done = weir.post("/api/me/factor/confirm", {"code": code_of(secret)}, user)
    assert done.status == 200, done
    forget_steps(weir, user)
    return secret, done.json["recovery_codes"]


def first_half(weir, user):
    return refused(weir.post("/api/auth/login", {"login": user.login, "password": PASSWORD}), 401, "second_factor")["details"]["challenge"]


def answer(weir, challenge, code):
    return weir.post("/api/auth/code", {"challenge": challenge, "code": code})


def audited(weir, action, object):
    with weir.pg() as pg:
        return [r[0] for r in pg.query("SELECT result FROM audit_log WHERE action = $1 AND object = $2 ORDER BY id", action, object)]


# ---- turning it on -----------------------------------------------------------


def test_turn_on(weir):
    user = weir.make_user(password=PASSWORD)
    other = weir.sign_in(user.login, PASSWORD)
    assert weir.get("/api/me/factor", user).json == {
        "enabled": False, "required": False, "has_password": True, "confirmed_at": None, "recovery_left": 0}
    refused(weir.post("/api/me/factor", {}, user), 400, "invalid_request", "password")
    refused(weir.post("/api/me/factor", {"password": "not mine"}, user), 400, "invalid_request", "password")
    refused(weir.post("/api/me/factor/confirm", {"code": "123456"}, user), 404, "not_found")
    begun = weir.post("/api/me/factor", {"password": PASSWORD}, user).json
    uri = urllib.parse.urlsplit(begun["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert urllib.parse.unquote(uri.path).endswith(":" + user.login)
    assert urllib.parse.parse_qs(uri.query)["secret"] == [begun["secret"]]
    # nothing is asked for until it is confirmed
    assert weir.post("/api/auth/login", {"login": user.login, "password": PASSWORD}).status == 200
    refused(weir.post("/api/me/factor/confirm", {"code": wrong_code(begun["secret"])}, user), 400, "bad_code")
    again = weir.post("/api/me/factor", {"password": PASSWORD}, user).json  # another one, the first is gone
    assert again["secret"] != begun["secret"]
    done = weir.post("/api/me/factor/confirm", {"code": code_of(again["secret"])}, user)
    assert done.status == 200 and len(set(done.json["recovery_codes"])) == 10
    assert weir.get("/api/me", user).status == 200
    assert weir.get("/api/me", other).status == 401  # who signed in without it does so again
    now = weir.get("/api/me/factor", user).json
    assert now["enabled"] and now["recovery_left"] == 10
    refused(weir.post("/api/me/factor", {"password": PASSWORD}, user), 409, "conflict")
    with weir.pg() as pg:  # neither secret nor codes can be read from the database
        rows = pg.query("SELECT encode(secret_enc, 'escape') FROM user_factors WHERE user_id = $1", user.id)
        hashes = pg.query("SELECT encode(code_hash, 'hex') FROM recovery_codes WHERE user_id = $1", user.id)
    assert again["secret"] not in rows[0][0] and len(hashes) == 10 and all(len(h[0]) == 64 for h in hashes)
    assert audited(weir, "auth.factor_on", "user:" + user.id)[-1] == "ok"


# ---- signing in --------------------------------------------------------------


def test_sign_in(weir):
    user = weir.make_user(password=PASSWORD)
    secret, _ = turn_on(weir, user)
    refused(weir.post("/api/auth/login", {"login": user.login, "password": "wrong"}), 401, "bad_credentials")
    half = weir.post("/api/auth/login", {"login": user.login, "password": PASSWORD}, headers={"Accept-Language": "zh"})
    assert "Set-Cookie" not in half.headers
    body = refused(half, 401, "second_factor")
    assert body["message"] == "请输入两步验证码" and body["details"]["expires_in"] == 300
    challenge = body["details"]["challenge"]
    assert weir.request("GET", "/api/me", headers={"Authorization": "Bearer " + challenge}).status == 401
    refused(answer(weir, challenge, wrong_code(secret)), 400, "bad_code")
    done = answer(weir, challenge, code_of(secret)[:3] + " " + code_of(secret)[3:])
    assert done.status == 200 and done.json["user"]["id"] == user.id and "weir_refresh=" in done.headers["Set-Cookie"]
    assert weir.get("/api/me", done.json["access_token"]).status == 200
    refused(answer(weir, challenge, code_of(secret)), 400, "invalid_token")  # a challenge opens one session
    assert audited(weir, "auth.code", "user:" + user.id) == ["bad_code", "ok", ]


def test_code_counts_once(weir):
    user = weir.make_user(password=PASSWORD)
    secret, _ = turn_on(weir, user)
    step = int(time.time()) // 30
    challenges = [first_half(weir, user) for _ in range(4)]
    answers = at_once(4, lambda i: answer(weir, challenges[i], code_of(secret, step)), 4)
    assert sorted(a.status for a in answers) == [200, 400, 400, 400], answers
    refused(answer(weir, first_half(weir, user), code_of(secret, step)), 400, "bad_code")
    refused(answer(weir, first_half(weir, user), code_of(secret, step - 1)), 400, "bad_code")


def test_tries_are_few(weir):
    user = weir.make_user(password=PASSWORD)
    secret, codes = turn_on(weir, user)
    challenge = first_half(weir, user)
    for _ in range(5):
        refused(answer(weir, challenge, wrong_code(secret)), 400, "bad_code")
    refused(answer(weir, challenge, code_of(secret)), 400, "invalid_token")
    # by account as well: a new challenge does not help, even the right code has to wait
    slow = answer(weir, first_half(weir, user), code_of(secret))
    refused(slow, 429, "rate_limited")
    assert 1 <= int(slow.headers["Retry-After"]) <= 30
    # a recovery code need not
    assert answer(weir, first_half(weir, user), codes[0]).status == 200


def test_recovery_codes(weir):
    user = weir.make_user(password=PASSWORD)
    secret, codes = turn_on(weir, user)
    assert answer(weir, first_half(weir, user), codes[0].lower().replace("-", " ")).status == 200
    refused(answer(weir, first_half(weir, user), codes[0]), 400, "bad_code")
    stranger = weir.make_user(password=PASSWORD)
    _, theirs = turn_on(weir, stranger)
    refused(answer(weir, first_half(weir, user), theirs[0]), 400, "bad_code")
    assert weir.get("/api/me/factor", user).json["recovery_left"] == 9
    refused(weir.post("/api/me/factor/codes", {"password": "wrong", "code": code_of(secret)}, user), 400, "invalid_request", "password")
    fresh = weir.post("/api/me/factor/codes", {"password": PASSWORD, "code": code_of(secret)}, user)
    assert fresh.status == 200 and not set(fresh.json["recovery_codes"]) & set(codes)
    refused(answer(weir, first_half(weir, user), codes[1]), 400, "bad_code")
    assert answer(weir, first_half(weir, user), fresh.json["recovery_codes"][1]).status == 200


def test_challenge_hangs_on_the_password(weir):
    user = weir.make_user(password=PASSWORD)
    secret, _ = turn_on(weir, user)
    challenge = first_half(weir, user)
    changed = weir.post("/api/auth/password", {"current_password": PASSWORD, "password": "another one altogether"}, user)
    assert changed.status == 204
    refused(answer(weir, challenge, code_of(secret)), 400, "invalid_token")
    refused(answer(weir, "nonsense", code_of(secret)), 400, "invalid_token")
    with weir.pg() as pg:
        pg.query("UPDATE users SET status = 'disabled' WHERE id = $1", user.id)
    refused(weir.post("/api/auth/login", {"login": user.login, "password": "another one altogether"}), 403, "account_disabled")


# ---- turning it off ----------------------------------------------------------


def test_turn_off(weir):
    user = weir.make_user(password=PASSWORD)
    secret, _ = turn_on(weir, user)
    refused(weir.post("/api/me/factor/remove", {"password": "wrong", "code": code_of(secret)}, user), 400, "invalid_request", "password")
    refused(weir.post("/api/me/factor/remove", {"password": PASSWORD, "code": wrong_code(secret)}, user), 400, "bad_code")
    refused(weir.post("/api/me/factor/remove", {"password": PASSWORD}, user), 400, "invalid_request", "code")
    assert weir.post("/api/me/factor/remove", {"password": PASSWORD, "code": code_of(secret)}, user).status == 204
    assert weir.post("/api/auth/login", {"login": user.login, "password": PASSWORD}).status == 200
    refused(weir.post("/api/me/factor/remove", {"password": PASSWORD, "code": code_of(secret)}, user), 404, "not_found")
    assert audited(weir, "auth.factor_off", "user:" + user.id)[-2:] == ["ok", "not_found"]


def test_reset_by_an_admin(weir, admin):
    user = weir.make_user(password=PASSWORD)
    turn_on(weir, user)
    path = f"/api/admin/users/{user.id}/factor"
    refused(weir.delete(path, user), 403, "forbidden")
    refused(weir.delete(f"/api/admin/users/{uuid.uuid4()}/factor", admin), 404, "not_found")
    refused(weir.delete(f"/api/admin/users/{admin.id}/factor", admin), 409, "conflict")
    assert weir.delete(path, admin).status == 204
    assert audited(weir, "user.factor_reset", "user:" + user.id) == ["ok"]
    assert weir.post("/api/auth/login", {"login": user.login, "password": PASSWORD}).status == 200
    refused(weir.delete(path, admin), 404, "not_found")


def test_reset_by_an_operator(weir):
    user = weir.make_user(password=PASSWORD)
    turn_on(weir, user)
    assert "no second factor any more" in weir.weirctl("user", "reset-factor", user.login).stdout
    assert weir.post("/api/auth/login", {"login": user.login, "password": PASSWORD}).status == 200
    again = weir.weirctl("user", "reset-factor", user.login, check=False)
    assert again.returncode == 1 and "has no second factor" in again.stderr


def test_required_of_admins(weir):
    someone = weir.make_user(password=PASSWORD, admin=True)
    zh = weir.get("/api/admin/users", someone, headers={"Accept-Language": "zh"})
    assert "两步验证" in refused(zh, 403, "factor_required")["message"]
    assert weir.get("/api/me", someone).status == 200  # an ordinary user meanwhile
    assert weir.get("/api/me/factor", someone).json["required"]
    turn_on(weir, someone)
    assert weir.get("/api/admin/users", someone).status == 200
    user = weir.make_user(password=PASSWORD)
    refused(weir.get("/api/admin/users", user), 403, "forbidden")
    assert weir.get("/api/me/factor", user).json["required"] is False
