"""Sign-in at an OpenID provider: a real one, which can be made to lie."""

import http.client
import urllib.parse
import uuid

import pytest
from oidcprovider import Key, OidcProvider
from weirtest import Fcgi, wait_until

PASSWORD = "correct horse battery"
provider = OidcProvider()
WEIR_CONF = {"oidc": provider.conf(name="Our house", make_accounts="yes", domains="example.org other.example"), "auth": {"signup_gift": "2.5", "registration": "closed"}}


def refused(answer, status, code):
    assert (answer.status, answer.code) == (status, code), answer
    return answer.json


@pytest.fixture(autouse=True)
def somebody():
    """Somebody who is signed in at the provider, and was never here."""
    provider.honest()
    provider.person = {"sub": str(uuid.uuid4()), "email": f"o-{uuid.uuid4()}@example.org", "email_verified": True, "name": "Ada 小明"}
    return provider.person


def begin(weir, user=None):
    """The browser gets its cookie and where to go."""
    answer = weir.post("/api/me/identities", {"password": PASSWORD}, user) if user else weir.request("POST", "/api/auth/oidc/start")
    assert answer.status == 200, answer
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/api/auth/oidc" in cookie
    return answer.json["url"], cookie.split(";")[0]


def go(url):
    """To the provider, which sends it back."""
    at = urllib.parse.urlsplit(url)
    conn = http.client.HTTPConnection(at.netloc, timeout=30)
    conn.request("GET", f"{at.path}?{at.query}")
    back = urllib.parse.urlsplit(conn.getresponse().headers["Location"])
    conn.close()
    assert back.path == "/signin/return"
    return dict(urllib.parse.parse_qsl(back.query))


def finish(weir, back, cookie, user=None, **headers):
    headers = {**({"Cookie": cookie} if cookie else {}), **headers}
    return weir.post("/api/auth/oidc/link", back, user, headers=headers) if user else weir.post("/api/auth/oidc/finish", back, headers=headers)


def sign_in(weir, user=None):
    url, cookie = begin(weir, user)
    return finish(weir, go(url), cookie, user)


def test_how_one_signs_in(weir):
    assert weir.get("/api/auth/methods").json == {"oidc": {"name": "Our house"}, "registration": "closed"}


def test_first_sight_and_again(weir, somebody):
    url, cookie = begin(weir)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    assert cookie.split("=")[1] not in url and query["redirect_uri"] == f"http://127.0.0.1:{weir.port}/signin/return"
    done = finish(weir, go(url), cookie)
    assert done.status == 200, done
    me = done.json["user"]
    assert (me["email"], me["nickname"], me["role"], me["credits"]) == (somebody["email"], "Ada 小明", "user", 2.5)
    assert "weir_refresh=" in str(done.headers.get_all("Set-Cookie"))
    assert weir.get("/api/me", done.json["access_token"]).status == 200
    somebody["email"] = "moved@elsewhere.example"  # who it is does not hang on the address
    assert sign_in(weir).json["user"]["id"] == me["id"]
    with weir.pg() as pg:
        assert pg.query("SELECT result FROM audit_log WHERE action = 'auth.oidc' AND object = $1", "user:" + me["id"]) == [("ok",), ("ok",)]
    assert weir.get("/api/me/factor", done.json["access_token"]).json["has_password"] is False
    assert weir.post("/api/auth/login", {"login": me["email"], "password": PASSWORD}).code == "bad_credentials"


@pytest.mark.parametrize("person", [{"email_verified": False}, {"email_verified": None}, {"email": None}, {"email": "a@foreign.example"},
                                    {"email": "a@notexample.org"}])
def test_no_account_is_made(weir, somebody, person):
    somebody.update(person)
    refused(sign_in(weir), 403, "no_account")


def test_an_address_is_no_proof(weir, somebody):
    user = weir.make_user(password=PASSWORD)
    somebody["email"] = user.login.upper()
    assert "link" in refused(sign_in(weir), 403, "no_account")["message"]
    assert weir.get("/api/me/identities", user).json["items"] == []


def test_linking(weir, somebody):
    user = weir.make_user(password=PASSWORD)
    assert weir.post("/api/me/identities", {"password": "wrong"}, user).json["details"]["field"] == "password"
    refused(weir.post("/api/me/identities", {"password": PASSWORD}), 401, "unauthenticated")
    assert sign_in(weir, user).status == 204
    assert sign_in(weir, user).status == 204  # his own already
    assert sign_in(weir).json["user"]["id"] == user.id
    other = weir.make_user(password=PASSWORD)
    refused(sign_in(weir, other), 409, "conflict")
    # who began to link it is who comes back
    url, cookie = begin(weir, user)
    back = go(url)
    refused(finish(weir, back, cookie, other), 400, "invalid_token")
    refused(finish(weir, back, cookie), 400, "invalid_token")
    refused(weir.post("/api/auth/oidc/link", back, headers={"Cookie": cookie}), 401, "unauthenticated")
    assert finish(weir, back, cookie, user).status == 204
    items = weir.get("/api/me/identities", user).json["items"]
    assert [(i["issuer"], i["email"]) for i in items] == [(provider.issuer, somebody["email"])]
    path = f"/api/me/identities/{items[0]['id']}"
    refused(weir.delete(path, other), 404, "not_found")
    assert weir.delete(path, user).status == 204
    refused(weir.delete(path, user), 404, "not_found")
    assert sign_in(weir).json["user"]["id"] != user.id


def test_the_last_way_in_stays(weir):
    token = sign_in(weir).json["access_token"]
    item = weir.get("/api/me/identities", token).json["items"][0]
    refused(weir.delete(f"/api/me/identities/{item['id']}", token), 409, "conflict")


def test_without_a_password_a_fresh_sign_in_proves_it(weir):
    token = sign_in(weir).json["access_token"]
    assert weir.post("/api/me/factor", {}, token).status == 201
    with weir.pg() as pg:
        pg.query("UPDATE sessions SET created_at = now() - interval '11 minutes'")
    refused(weir.post("/api/me/factor", {}, token), 403, "sign_in_again")


LIES = {
    "nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "audience": {"claims": {"aud": "somebody else"}},
    "audiences": {"claims": {"aud": [provider.client_id, "somebody else"]}},
    "party": {"claims": {"azp": "somebody else"}},
    "issuer": {"claims": {"iss": provider.issuer + "/"}},
    "expired": {"claims": {"exp": 1700000000}},
    "no end": {"claims": {"exp": None}},
    "later": {"claims": {"iat": 4000000000}},
    "nobody": {"claims": {"sub": None}},
    "none": {"header": {"alg": "none"}, "forge": lambda signed: b""},
    "secret as key": {"header": {"alg": "HS256"}, "forge": provider.hmac_with_secret},
    "unknown key": {"header": {"kid": "another"}},
    "crit": {"header": {"crit": ["b64"], "b64": False}},
    "signature": {"forge": lambda signed: bytes(256)},
    "another's key": {"forge": Key("RS256", provider.folder).sign},
}


@pytest.mark.parametrize("lie", LIES)
def test_what_does_not_hold(weir, lie):
    for name, value in LIES[lie].items():
        setattr(provider, name, value)
    answer = sign_in(weir)
    assert "没" not in refused(answer, 403, "provider_refused")["message"]
    assert "weir_refresh" not in str(answer.headers.get_all("Set-Cookie"))


def test_state_counts_once_and_for_one_browser(weir):
    url, cookie = begin(weir)
    back = go(url)
    _, other = begin(weir)
    refused(finish(weir, back, None), 400, "invalid_token")
    refused(finish(weir, back, other), 400, "invalid_token")
    refused(finish(weir, {**back, "state": "made up"}, cookie), 400, "invalid_token")
    refused(finish(weir, back, cookie, Origin="https://evil.example"), 403, "foreign_origin")
    assert finish(weir, back, cookie).status == 200
    refused(finish(weir, back, cookie), 400, "invalid_token")
    # another issuer, told by RFC 9207
    url, cookie = begin(weir)
    refused(finish(weir, {**go(url), "iss": "https://evil.example"}, cookie), 403, "provider_refused")
    # too late
    url, cookie = begin(weir)
    with weir.pg() as pg:
        pg.query("UPDATE oidc_flows SET expires_at = now() - interval '1 s'")
    refused(finish(weir, go(url), cookie), 400, "invalid_token")


def test_a_provider_that_refuses_or_fails(weir):
    url, cookie = begin(weir)
    refused(finish(weir, {**go(url), "code": "made up"}, cookie), 403, "provider_refused")
    provider.token_status = 500
    zh = finish(weir, go(begin(weir)[0]), None)
    refused(zh, 400, "invalid_token")
    url, cookie = begin(weir)
    assert refused(finish(weir, go(url), cookie, **{"Accept-Language": "zh"}), 502, "provider_failed")["message"] == "暂时无法连接登录服务"


def test_second_factor_is_asked_for(weir):
    me = sign_in(weir).json["user"]
    with weir.pg() as pg:
        pg.query("INSERT INTO user_factors (user_id, secret_enc, confirmed_at) VALUES ($1, 'x', now())", me["id"])
    half = refused(sign_in(weir), 401, "second_factor")
    assert half["details"]["challenge"]
    with weir.pg() as pg:
        pg.query("UPDATE users SET status = 'disabled' WHERE id = $1", me["id"])
    refused(sign_in(weir), 403, "account_disabled")


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_new_keys(weir, alg):
    provider.rotate(alg)
    last = []

    def works():
        last[:] = [sign_in(weir)]
        return last[0].status == 200

    wait_until(works, lambda: f"the new key is not taken: {last}", timeout_s=60, every_s=0.5)


def test_a_provider_in_a_private_network(weir):
    """Without allow_private nobody is sent to it, and it is not even asked."""
    conf, path = weir.folder + "/guarded.conf", weir.sockets + "/guarded.sock"
    weir.write_conf({**WEIR_CONF, "oidc": provider.conf(allow_private="no")}, conf)
    weir.start_pool(1, conf=conf, name="guarded", path=path)
    try:
        before = len(provider.fetched)
        with Fcgi(path) as fcgi:
            answer = fcgi.request("POST", "/api/auth/oidc/start")
        assert answer.status == 502 and answer.code == "provider_failed", answer
        assert len(provider.fetched) == before
        wait_until(lambda: "it is at a loopback or private address" in open(weir.daemons.log("guarded"), encoding="utf-8").read(), "the log says why")
    finally:
        weir.daemons.stop("guarded")
