"""Access and refresh tokens: forged, expired, reused, revoked here and in other processes."""

import base64
import hashlib
import hmac
import json
import time
import uuid

import pytest
from weirtest import Fcgi, at_once, fcgi_params


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token):
    return json.loads(unb64(token.split(".")[1]))


@pytest.fixture(scope="module")
def sign(weir):
    """Signs a token with this installation's key, as only its owner can."""
    key = unb64(weir.secret("jwt"))

    def make(claims, header=None, key=key, digest=hashlib.sha256):
        body = b64(header or {"alg": "HS256", "typ": "JWT", "kid": "k1"}) + "." + b64(claims)
        return body + "." + b64(hmac.new(key, body.encode(), digest).digest())

    return make


def cookie_of(answer):
    return answer.headers["Set-Cookie"].split(";")[0].partition("=")[2]


def refresh(weir, token):
    return weir.post("/api/auth/refresh", {"refresh_token": token})


def result_of_last(weir, action):
    with weir.pg() as pg:
        return pg.one("SELECT result FROM audit_log WHERE action = $1 ORDER BY id DESC LIMIT 1", action)


# ---- access tokens ---------------------------------------------------------------


def test_signing_tool_makes_good_tokens(weir, user, sign):
    assert weir.get("/api/me", sign(claims_of(user.token))).status == 200


def test_forged_tokens(weir, user, sign):
    good, now = claims_of(user.token), int(time.time())
    head, body, mac = user.token.split(".")
    forged = {
        "expired": sign({**good, "exp": now - 1}),
        "ended long ago": sign({**good, "exp": 1, "nbf": 1}),
        "not yet valid": sign({**good, "nbf": now + 3600}),
        "other audience": sign({**good, "aud": "other"}),
        "other issuer": sign({**good, "iss": "other"}),
        "no expiry": sign({k: v for k, v in good.items() if k != "exp"}),
        "expiry as text": sign({**good, "exp": str(good["exp"])}),
        "no subject": sign({k: v for k, v in good.items() if k != "sub"}),
        "no session": sign({k: v for k, v in good.items() if k != "sid"}),
        "unknown session": sign({**good, "sid": str(uuid.uuid4())}),
        "somebody else's session": sign({**good, "sub": str(uuid.uuid4())}),
        "injection": sign({**good, "sid": "' OR '1'='1"}),
        "other key": sign(good, key=b"x" * 32),
        "no key": sign(good, key=b""),
        "unknown key id": sign(good, header={"alg": "HS256", "kid": "k9"}),
        "no key id": sign(good, header={"alg": "HS256"}),
        "alg none": b64({"alg": "none", "typ": "JWT", "kid": "k1"}) + "." + body + ".",
        "alg None, signed": sign(good, header={"alg": "None", "kid": "k1"}),
        "HS512": sign(good, header={"alg": "HS512", "kid": "k1"}, digest=hashlib.sha512),
        "RS256 confusion": sign(good, header={"alg": "RS256", "kid": "k1"}),
        "signature missing": head + "." + body + ".",
        "signature cut": head + "." + body,
        "payload swapped": head + "." + b64({**good, "sub": str(uuid.uuid4())}) + "." + mac,
        "junk": "junk", "dots": "..", "empty parts": "a..b", "very long": "x" * 3000, "a refresh token": user.refresh_token,
    }
    for what, token in forged.items():
        answer = weir.get("/api/me", token)
        assert (answer.status, answer.code) == (401, "unauthenticated"), what
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"], what
    assert weir.get("/api/me", user).status == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "bearer", "Token abc"])
def test_headers_without_token(weir, header):
    answer = weir.get("/api/me", headers={"Authorization": header})
    refused(answer, 401, "unauthenticated")
    assert "error=" not in answer.headers["WWW-Authenticate"]


def test_scheme_is_case_insensitive(weir, user):
    assert weir.get("/api/me", headers={"Authorization": "bearer " + user.token}).status == 200


def test_role_counts_at_once(weir):
    user = weir.make_user()
    refused(weir.get("/api/admin/users", user), 403, "forbidden")
    weir.weirctl("user", "role", user.login, "admin")
    assert weir.get("/api/admin/users", user).status == 200  # the same token
    weir.weirctl("user", "role", user.login, "user")
    refused(weir.get("/api/admin/users", user), 403, "forbidden")


# ---- refresh ---------------------------------------------------------------------


def test_refresh_rotates(weir):
    user = weir.make_user()
    first = refresh(weir, user.refresh_token)
    assert first.status == 200, first
    assert first.json["refresh_token"] != user.refresh_token and first.json["user"]["id"] == user.id
    assert claims_of(first.json["access_token"])["sid"] == claims_of(user.token)["sid"]
    assert refresh(weir, first.json["refresh_token"]).status == 200
    assert result_of_last(weir, "auth.refresh") == "ok"
    assert weir.get("/api/me", user).status == 200  # the old access token lives its 15 minutes


def test_refresh_by_cookie(weir):
    user = weir.make_user()
    login = weir.post("/api/auth/login", {"login": user.login, "password": user.password})
    header = login.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Strict", "Path=/api/auth", "Max-Age=2592000"):
        assert part in header, header
    assert "Secure" not in header  # secure_cookie = no in tests
    cookie = cookie_of(login)
    assert cookie == login.json["refresh_token"]
    answer = weir.post("/api/auth/refresh", headers={"Cookie": f"a=b; weir_refresh={cookie}; c=d"})
    assert answer.status == 200, answer
    assert cookie_of(answer) == answer.json["refresh_token"] != cookie


def test_reuse_revokes_the_family(weir):
    user = weir.make_user()
    bystander = weir.sign_in(user.login, user.password)  # another device
    second = refresh(weir, user.refresh_token).json
    third = refresh(weir, second["refresh_token"]).json
    age(weir, user)
    answer = refresh(weir, user.refresh_token)  # used long ago
    refused(answer, 401, "unauthenticated")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert result_of_last(weir, "auth.refresh") == "token_reuse"
    for token in (second, third):
        refused(refresh(weir, token["refresh_token"]), 401, "unauthenticated")
        refused(weir.get("/api/me", token["access_token"]), 401, "unauthenticated")
    refused(weir.get("/api/me", user), 401, "unauthenticated")
    assert weir.get("/api/me", bystander).status == 200
    with weir.pg() as pg:
        assert pg.query("SELECT revoke_reason FROM sessions WHERE user_id = $1 AND revoked_at IS NOT NULL",
                        user.id) == [("token_reuse",)]


def age(weir, user, seconds=11):
    """What the user's tokens were used for lies that far back."""
    with weir.pg() as pg:
        pg.query("UPDATE refresh_tokens t SET used_at = used_at - make_interval(secs => $2) FROM sessions s"
                 " WHERE s.id = t.session_id AND s.user_id = $1", user.id, str(seconds))


def tokens_of(weir, user):
    with weir.pg() as pg:
        return int(pg.one("SELECT count(*) FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id"
                          " WHERE s.user_id = $1", user.id))


def test_tabs_that_refresh_at_once_get_the_same(weir):
    user = weir.make_user()
    answers = at_once(10, lambda i: refresh(weir, user.refresh_token), 10)
    assert {a.status for a in answers} == {200}
    assert len({a.json["refresh_token"] for a in answers}) == 1 and tokens_of(weir, user) == 2
    assert {cookie_of(a) for a in answers} == {answers[0].json["refresh_token"]}
    for a in answers:
        assert weir.get("/api/me", a.json["access_token"]).status == 200
    with weir.pg() as pg:
        assert sorted(r[0] for r in pg.query("SELECT result FROM audit_log WHERE action = 'auth.refresh' AND user_id = $1",
                                             user.id)) == ["ok"] + ["repeated"] * 9
    assert refresh(weir, answers[0].json["refresh_token"]).status == 200


def test_repeat_within_ten_seconds(weir):
    user = weir.make_user()
    second = refresh(weir, user.refresh_token).json["refresh_token"]
    age(weir, user, 8)
    again = refresh(weir, user.refresh_token)
    assert again.status == 200 and again.json["refresh_token"] == second
    # the device has gone on meanwhile: who is late gets the newest, not one that is used up
    third = refresh(weir, second).json["refresh_token"]
    assert refresh(weir, user.refresh_token).json["refresh_token"] == third
    assert refresh(weir, second).json["refresh_token"] == third
    assert tokens_of(weir, user) == 3
    age(weir, user, 3)  # the first was used 11 s ago, the second 3 s
    assert refresh(weir, second).json["refresh_token"] == third
    refused(refresh(weir, user.refresh_token), 401, "unauthenticated")
    assert result_of_last(weir, "auth.refresh") == "token_reuse"
    refused(refresh(weir, third), 401, "unauthenticated")


@pytest.mark.parametrize("thief", [{"headers": {"User-Agent": "thief/1"}}, {"address": "127.0.0.77"}])
def test_another_device_is_no_repeat(weir, thief):
    user = weir.make_user()
    second = refresh(weir, user.refresh_token).json["refresh_token"]
    refused(weir.post("/api/auth/refresh", {"refresh_token": user.refresh_token}, **thief), 401, "unauthenticated")
    assert result_of_last(weir, "auth.refresh") == "token_reuse"
    refused(refresh(weir, second), 401, "unauthenticated")
    with weir.pg() as pg:
        assert pg.one("SELECT revoke_reason FROM sessions WHERE user_id = $1", user.id) == "token_reuse"


def test_a_thief_who_was_first_is_found_out(weir):
    user = weir.make_user()
    theirs = weir.post("/api/auth/refresh", {"refresh_token": user.refresh_token}, headers={"User-Agent": "thief/1"}).json
    refused(refresh(weir, user.refresh_token), 401, "unauthenticated")
    refused(refresh(weir, theirs["refresh_token"]), 401, "unauthenticated")


def test_no_repeat_after_the_end(weir):
    user = weir.make_user()
    refresh(weir, user.refresh_token)
    weir.post("/api/auth/logout", user=user)
    refused(refresh(weir, user.refresh_token), 401, "unauthenticated")
    user = weir.make_user()
    refresh(weir, user.refresh_token)
    weir.weirctl("user", "disable", user.login)
    refused(refresh(weir, user.refresh_token), 401, "unauthenticated")


def test_repeat_while_keys_change(weir):
    """A new key stands in front: what the old one made is still found."""
    user = weir.make_user()
    second = refresh(weir, user.refresh_token).json["refresh_token"]
    conf, path = weir.folder + "/rotated.conf", weir.folder + "/rotated.sock"
    weir.write_conf({"server": {"scoreboard": weir.folder + "/rotated.score"},
                     "auth": {"jwt_keys": f"k2:{b64(b'n' * 32)} k1:{weir.secret('jwt')}"}}, conf)
    weir.start_pool(1, conf=conf, name="rotated", path=path)
    body = json.dumps({"refresh_token": user.refresh_token}).encode()
    with Fcgi(path) as f:
        params = fcgi_params("POST", "/api/auth/refresh", body, {})
        answer = f.request("POST", "/api/auth/refresh", body, params=params)
    assert answer.status == 200 and answer.json["refresh_token"] == second, answer


def test_refresh_refuses(weir):
    user = weir.make_user()
    refused(weir.post("/api/auth/refresh"), 401, "unauthenticated")
    for token in ("", "x", "wr_", "wr_" + "A" * 43, "wr_" + "'" * 43, user.token[:200]):
        refused(refresh(weir, token), 401, "unauthenticated")
    refused(refresh(weir, 7), 400, "invalid_request", "refresh_token")
    with weir.pg() as pg:
        pg.query("UPDATE sessions SET expires_at = now() WHERE user_id = $1", user.id)
    refused(refresh(weir, user.refresh_token), 401, "unauthenticated")
    refused(weir.get("/api/me", user), 401, "unauthenticated")


def test_session_ends_thirty_days_after_sign_in(weir):
    user = weir.make_user()
    with weir.pg() as pg:
        pg.query("UPDATE sessions SET expires_at = now() + interval '1 hour' WHERE user_id = $1", user.id)
        answer = refresh(weir, user.refresh_token)
        assert answer.status == 200
        assert "Max-Age=3600" in answer.headers["Set-Cookie"] or "Max-Age=3599" in answer.headers["Set-Cookie"]
        assert pg.one("SELECT max(t.expires_at) <= max(s.expires_at) FROM refresh_tokens t JOIN sessions s"
                      " ON s.id = t.session_id WHERE s.user_id = $1 AND t.used_at IS NULL", user.id) in (True, "t")


def test_tokens_are_stored_hashed(weir):
    user = weir.make_user()
    with weir.pg() as pg:
        stored = pg.query("SELECT encode(token_hash, 'hex') FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id"
                          " WHERE s.user_id = $1", user.id)
    assert stored == [(hashlib.sha256(user.refresh_token.encode()).hexdigest(),)]


# ---- pages of other sites ---------------------------------------------------------

FOREIGN = ["https://evil.example", "http://localhost", "null", "http://127.0.0.1.evil.example", "file://",
           "http://127.0.0.1:1", "https://127.0.0.1:1"]


@pytest.mark.parametrize("path", ["/api/auth/refresh", "/api/auth/logout"])
@pytest.mark.parametrize("origin", FOREIGN)
def test_foreign_pages_are_refused(weir, path, origin):
    user = weir.make_user(credits="0")
    for more in ({"headers": {"Cookie": "weir_refresh=" + user.refresh_token, "Origin": origin}},
                 {"body": {"refresh_token": user.refresh_token}, "headers": {"Origin": origin}}):
        answer = weir.post(path, **more)
        refused(answer, 403, "foreign_origin")
        assert "Set-Cookie" not in answer.headers  # the sign-in is as it was
    answer = weir.post(path, headers={"Origin": origin, "Accept-Language": "zh"})
    assert answer.json["message"] == "该请求来自其他网站的页面"
    assert weir.get("/api/me", user).status == 200
    assert refresh(weir, user.refresh_token).status == 200


def test_own_pages_and_programs_are_not(weir):
    user, host = weir.make_user(credits="0"), f"127.0.0.1:{weir.port}"
    token = user.refresh_token
    for headers in ({}, {"Origin": f"http://{host}"}, {"Origin": f"https://{host}"},  # https: behind a TLS terminator
                    {"Host": "other.example", "Origin": f"http://{host}"},  # base_url
                    {"Host": "chat.example", "Origin": "https://chat.example"},
                    {"Host": "Chat.example:443", "Origin": "https://chat.example"}):
        answer = weir.post("/api/auth/refresh", headers={"Cookie": "weir_refresh=" + token, **headers})
        assert answer.status == 200, (headers, answer)
        token = answer.json["refresh_token"]
    assert weir.post("/api/auth/logout", {"refresh_token": token}, headers={"Origin": f"http://{host}"}).status == 204
    refused(weir.get("/api/me", user), 401, "unauthenticated")


def test_configured_origins(weir):
    """Listed ones are our own; * lets pages in that do without the cookie; TLS tells http pages apart."""
    def pool(name, **server):
        conf, path = f"{weir.folder}/{name}.conf", f"{weir.folder}/{name}.sock"
        weir.write_conf({"server": {"scoreboard": f"{weir.folder}/{name}.score", **server}}, conf)
        weir.start_pool(1, conf=conf, name=name, path=path)
        return path

    def ask(path, origin, token, cookie=True, host="localhost", **params):
        body = b"" if cookie else json.dumps({"refresh_token": token}).encode()
        env = fcgi_params("POST", "/api/auth/refresh", body,
                          {"Origin": origin, **({"Cookie": "weir_refresh=" + token} if cookie else {})})
        with Fcgi(path) as f:
            answer = f.request("POST", "/api/auth/refresh", body, params={**env, "HTTP_HOST": host, **params})
        if answer.status != 200:
            refused(answer, 403, "foreign_origin")
        return answer.json.get("refresh_token")

    listed = pool("listed", cors_origins="https://a.example https://b.example:8443", base_url="https://weir.example/chat")
    anyone = pool("anyone", cors_origins="*")
    token = weir.make_user(credits="0").refresh_token
    for origin in ("https://a.example", "https://b.example:8443", "https://weir.example", "http://localhost"):
        token = ask(listed, origin, token)
        assert token, origin
    for origin in ("https://b.example", "http://weir.example", "https://weir.example:444"):
        assert ask(listed, origin, token) is None, origin
    assert ask(listed, "http://localhost", token, HTTPS="on") is None
    token = ask(listed, "https://localhost", token, HTTPS="on")
    # nginx may leave out the port of Host; where it is there, it counts
    token = ask(listed, "http://localhost:8080", token, SERVER_PORT="8080")
    assert ask(listed, "http://localhost:8081", token, SERVER_PORT="8080") is None
    assert ask(listed, "http://localhost:8080", token, host="localhost:8082", SERVER_PORT="8080") is None
    assert ask(listed, "http://localhost", token, host="localhost:8080", SERVER_PORT="8080") is None
    token = ask(listed, "http://[::1]:8080", token, host="[::1]", SERVER_PORT="8080")
    assert ask(anyone, "https://evil.example", token) is None
    assert ask(anyone, "https://evil.example", token, cookie=False)


# ---- sign out --------------------------------------------------------------------


@pytest.mark.parametrize("how", ["body", "cookie", "bearer", "used token"])
def test_logout(weir, how):
    user = weir.make_user()
    token, access = user.refresh_token, user.token
    if how == "used token":
        access = refresh(weir, token).json["access_token"]
    answer = {
        "body": lambda: weir.post("/api/auth/logout", {"refresh_token": token}),
        "used token": lambda: weir.post("/api/auth/logout", {"refresh_token": token}),
        "cookie": lambda: weir.post("/api/auth/logout", headers={"Cookie": "weir_refresh=" + token}),
        "bearer": lambda: weir.post("/api/auth/logout", user=user),
    }[how]()
    assert answer.status == 204 and answer.body == b"", answer
    assert "weir_refresh=;" in answer.headers["Set-Cookie"] and "Max-Age=0" in answer.headers["Set-Cookie"]
    refused(weir.get("/api/me", access), 401, "unauthenticated")
    refused(refresh(weir, token), 401, "unauthenticated")
    with weir.pg() as pg:
        assert pg.query("SELECT user_id, object, result FROM audit_log WHERE action = 'auth.logout' ORDER BY id DESC"
                        " LIMIT 1") == [(user.id, "user:" + user.id, "ok")]
        assert pg.one("SELECT revoke_reason FROM sessions WHERE user_id = $1", user.id) == "logout"


def test_logout_of_nobody(weir):
    assert weir.post("/api/auth/logout").status == 204
    assert weir.post("/api/auth/logout", {"refresh_token": "wr_" + "A" * 43}).status == 204
    assert weir.post("/api/auth/logout", user="junk").status == 204


def test_sessions(weir):
    user = weir.make_user()
    phone = weir.sign_in(user.login, user.password)
    stranger = weir.make_user()
    items = weir.get("/api/me/sessions", user).json["items"]
    assert [i["current"] for i in items] == [False, True]
    assert set(items[0]) == {"id", "current", "created_at", "expires_at", "user_agent", "ip"}
    assert items[0]["id"] == claims_of(phone.token)["sid"] and items[0]["ip"] == "127.0.0.1"
    refused(weir.delete("/api/me/sessions/" + items[0]["id"], stranger), 404, "not_found")
    refused(weir.delete("/api/me/sessions/nonsense", user), 404, "not_found")
    assert weir.get("/api/me", phone).status == 200
    assert weir.delete("/api/me/sessions/" + items[0]["id"], user).status == 204
    refused(weir.get("/api/me", phone), 401, "unauthenticated")
    refused(weir.delete("/api/me/sessions/" + items[0]["id"], user), 404, "not_found")
    assert len(weir.get("/api/me/sessions", user).json["items"]) == 1


def test_sign_out_everywhere(weir):
    user = weir.make_user()
    others = [weir.sign_in(user.login, user.password) for _ in range(3)]
    stranger = weir.make_user()
    assert weir.post("/api/me/sessions/revoke", {"keep_current": True}, user).json == {"revoked": 3}
    for other in others:
        refused(weir.get("/api/me", other), 401, "unauthenticated")
        refused(refresh(weir, other.refresh_token), 401, "unauthenticated")
    assert weir.get("/api/me", user).status == 200
    assert weir.post("/api/me/sessions/revoke", user=user).json == {"revoked": 1}
    refused(weir.get("/api/me", user), 401, "unauthenticated")
    assert weir.get("/api/me", stranger).status == 200
    refused(weir.post("/api/me/sessions/revoke", {"keep_current": 1}, stranger), 400, "invalid_request", "keep_current")


def test_revocation_holds_in_other_processes_at_once(weir):
    """Two pools on one database: what one revokes, the other refuses with the next request."""
    path = weir.folder + "/second.sock"
    conf = weir.folder + "/second.conf"
    weir.write_conf({"server": {"scoreboard": weir.folder + "/second.score"}}, conf)
    weir.start_pool(2, conf=conf, name="second", path=path)

    def there(token):
        with Fcgi(path) as f:
            return f.request("GET", "/api/me", headers={"Authorization": "Bearer " + token}).status

    for _ in range(5):
        user = weir.make_user(credits="0")
        assert {there(user.token) for _ in range(4)} == {200}
        weir.post("/api/auth/logout", {"refresh_token": user.refresh_token})
        assert {there(user.token) for _ in range(8)} == {401}
        assert {weir.get("/api/me", user).status for _ in range(8)} == {401}
    user = weir.make_user(credits="0")
    assert there(user.token) == 200
    weir.weirctl("user", "disable", user.login)
    assert there(user.token) == 403


# ---- passwords -------------------------------------------------------------------


def test_change_password(weir):
    user = weir.make_user()
    other = weir.sign_in(user.login, user.password)
    new = "another long password"
    refused(weir.post("/api/auth/password", {"current_password": "wrong", "password": new}, user), 400, "invalid_request",
            "current_password")
    assert result_of_last(weir, "auth.password") == "invalid_request"
    refused(weir.post("/api/auth/password", {"current_password": user.password, "password": "short"}, user), 400,
            "invalid_request", "password")
    assert weir.get("/api/me", other).status == 200  # nothing happened yet
    answer = weir.post("/api/auth/password", {"current_password": user.password, "password": new}, user)
    assert answer.status == 204, answer
    assert result_of_last(weir, "auth.password") == "ok"
    assert weir.get("/api/me", user).status == 200
    refused(weir.get("/api/me", other), 401, "unauthenticated")
    refused(refresh(weir, other.refresh_token), 401, "unauthenticated")
    refused(weir.post("/api/auth/login", {"login": user.login, "password": user.password}), 401, "bad_credentials")
    assert weir.sign_in(user.login, new).id == user.id


def test_operator_sets_password(weir):
    user = weir.make_user()
    weir.weirctl("user", "passwd", user.login, input="set by operator\n")
    refused(weir.get("/api/me", user), 401, "unauthenticated")
    assert weir.sign_in(user.login, "set by operator").id == user.id
