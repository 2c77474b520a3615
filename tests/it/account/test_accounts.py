"""Registering, signing in, passwords, and what an account shows of itself."""

import json
import statistics
import subprocess
import threading
import time
import uuid

import pytest
from weirtest import SLOWNESS, Fcgi, at_once, busy

PASSWORD = "correct horse battery"

BCRYPT = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"  # "U*U"
ME = {"id", "email", "phone", "nickname", "role", "credits", "held", "locale", "created_at"}

WEIR_CONF = {"auth": {"signup_gift": "2.5", "registration": "open"}}


def mail_address():
    return f"m-{uuid.uuid4()}@Example.org"


def crowd():
    """Sign-ins at once that have their turn within two seconds; more than there are slots and workers."""
    return 16 if SLOWNESS * busy() < 1.5 else 8 if SLOWNESS * busy() < 4 else 4


def unhurried(ask):
    """What it answers, of a few tries: a machine that is busy with something else hashes slower than the wait allows."""
    for _ in range(12):
        answers = ask()
        if all(a.status != 503 for a in answers):
            break
        time.sleep(1)
    return answers


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    assert answer.json["request_id"] and answer.json["message"]
    if field:
        assert answer.json["details"]["field"] == field, answer


def last_audit(weir, action):
    with weir.pg() as pg:
        return pg.dicts("SELECT user_id, object, result, ip, user_agent, request_id, details::text AS details"
                        " FROM audit_log WHERE action = $1 ORDER BY id DESC LIMIT 1", action)[0]


def register(weir, **fields):
    answer = weir.post("/api/auth/register", {"password": PASSWORD, **fields})
    assert answer.status == 201, answer
    return answer.json


# ---- register ----------------------------------------------------------------


def test_register(weir):
    address = mail_address()
    answer = weir.post("/api/auth/register", {"email": address, "password": PASSWORD, "nickname": "  小明 "},
                       headers={"Accept-Language": "zh-CN", "User-Agent": "test/1"})
    assert answer.status == 201, answer
    got = answer.json
    assert set(got) == {"user", "access_token", "token_type", "expires_in", "refresh_token"}
    assert got["expires_in"] == 900 and got["token_type"] == "Bearer"
    user = got["user"]
    assert set(user) == ME
    assert (user["email"], user["phone"], user["nickname"]) == (address.lower(), None, "小明")
    assert (user["role"], user["credits"], user["held"], user["locale"]) == ("user", 2.5, 0, "zh")
    assert weir.get("/api/me", got["access_token"]).json == user
    # the gift is an entry of the ledger like any other
    items = weir.get("/api/me/credits/history", got["access_token"]).json["items"]
    assert [(i["change_type"], i["change_amount"], i["balance_after"]) for i in items] == [("signup_gift", 2.5, 2.5)]
    row = last_audit(weir, "auth.register")
    assert row["user_id"] == user["id"] and row["object"] == "user:" + user["id"]
    assert (row["result"], row["ip"], row["user_agent"]) == ("ok", "127.0.0.1", "test/1")
    assert row["request_id"] == answer.headers["X-Request-Id"]


def test_register_by_phone(weir):
    phone = "+86138%08d" % (uuid.uuid4().int % 10**8)
    got = register(weir, phone=phone)
    assert (got["user"]["phone"], got["user"]["email"]) == (phone, None)
    assert weir.post("/api/auth/login", {"login": phone, "password": PASSWORD}).status == 200
    refused(weir.post("/api/auth/register", {"phone": phone, "password": PASSWORD}), 409, "conflict", "phone")


def test_register_taken(weir):
    address = mail_address()
    register(weir, email=address)
    with weir.pg() as pg:
        before = pg.query("SELECT count(*), sum(credits) FROM users")
        refused(weir.post("/api/auth/register", {"email": address.upper(), "password": PASSWORD}), 409, "conflict", "email")
        assert pg.query("SELECT count(*), sum(credits) FROM users") == before
    assert last_audit(weir, "auth.register")["result"] == "conflict"


def test_register_race(weir):
    def register():
        nonlocal address
        address = mail_address()
        return at_once(many, lambda i: weir.post("/api/auth/register", {"email": address, "password": PASSWORD}), many)

    address, many = "", crowd()
    answers = unhurried(register)
    assert sorted(a.status for a in answers) == [201] + [409] * (many - 1)
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM credits_history h JOIN users u ON u.id = h.user_id WHERE lower(u.email) = lower($1)",
                      address) in (1, "1")


@pytest.mark.parametrize("fields, field", [
    ({}, "email"),
    ({"email": "nobody"}, "email"),
    ({"email": "a@b\r\nBcc: c@d"}, "email"),
    ({"email": 7}, "email"),
    ({"email": "a" * 250 + "@b.cd"}, "email"),
    ({"phone": "12"}, "phone"),
    ({"phone": "call me"}, "phone"),
    ({"phone": "13800138000"}, "phone"),  # of which country?
    ({"phone": "+0123456789"}, "phone"),
    ({"phone": "+1234567890123456"}, "phone"),
    ({"email": "x@y.z", "password": "1234567"}, "password"),
    ({"email": "x@y.z", "password": "x" * 129}, "password"),
    ({"email": "x@y.z", "password": "nul\u0000inside!"}, "body"),
    ({"email": "x@y.z", "password": None}, "password"),
    ({"email": "x@y.z", "password": ["12345678"]}, "password"),
    ({"email": "x@y.z", "nickname": "two\nlines"}, "nickname"),
    ({"email": "x@y.z", "nickname": "x" * 65}, "nickname"),
    ({"email": "x@y.z", "nickname": ""}, "nickname"),
])
def test_register_bad_input(weir, fields, field):
    refused(weir.post("/api/auth/register", {"password": PASSWORD, **fields}), 400, "invalid_request", field)
    with weir.pg() as pg:
        assert pg.query("SELECT 1 FROM users WHERE email = 'x@y.z'") == []


def test_all_of_a_password_counts(weir):
    address, password = mail_address(), "密" * 127 + "a"
    register(weir, email=address, password=password)
    assert weir.post("/api/auth/login", {"login": address, "password": password}).status == 200
    refused(weir.post("/api/auth/login", {"login": address, "password": "密" * 127 + "b"}), 401, "bad_credentials")
    refused(weir.post("/api/auth/login", {"login": address, "password": "密" * 127}), 401, "bad_credentials")


# ---- names: case, phone numbers, combining marks ----------------------------------


def test_address_keeps_its_local_part(weir):
    address = f"Some.One-{uuid.uuid4()}@Mail.EXAMPLE.org"
    user = register(weir, email=address)["user"]
    assert user["email"] == address.split("@")[0] + "@mail.example.org"
    for spelling in (address, address.upper(), address.lower()):
        assert weir.post("/api/auth/login", {"login": spelling, "password": PASSWORD}).json["user"] == user
        refused(weir.post("/api/auth/register", {"email": spelling, "password": PASSWORD}), 409, "conflict", "email")
    # accounts of before, kept as typed, are found and not made twice
    with weir.pg() as pg:
        pg.query("UPDATE users SET email = $2 WHERE id = $1", user["id"], address)
    for spelling in (address, address.lower()):
        assert weir.post("/api/auth/login", {"login": spelling, "password": PASSWORD}).json["user"]["id"] == user["id"]
        refused(weir.post("/api/auth/register", {"email": spelling, "password": PASSWORD}), 409, "conflict", "email")
    shown = weir.weirctl("user", "add", "--login", f"Ctl-{uuid.uuid4()}@EXAMPLE.org", input=PASSWORD + "\n").stdout
    assert shown
    with weir.pg() as pg:
        assert pg.one("SELECT count(*) FROM users WHERE email LIKE 'Ctl-%@example.org'") in (1, "1")


def test_phone_numbers_of_a_country(weir, pool):
    path = pool(phone_country="CN")
    number = "139%08d" % (uuid.uuid4().int % 10**8)

    def login(name, password=PASSWORD):
        return raw(path, "POST", "/api/auth/login", json.dumps({"login": name, "password": password}).encode())

    spellings = (number, "+86" + number, "0086" + number, f"+86 {number[:3]}-{number[3:7]}-{number[7:]}", "0" + number)
    user = raw(path, "POST", "/api/auth/register", as_json(phone=f"{number[:3]} {number[3:]}")).json["user"]
    assert user["phone"] == "+86" + number
    for name in spellings:
        assert login(name).json["user"] == user, name
        refused(raw(path, "POST", "/api/auth/register", as_json(phone=name)), 409, "conflict", "phone")
    refused(login("+1" + number), 401, "bad_credentials")
    refused(raw(path, "POST", "/api/auth/register", as_json(phone="12345678901234567")), 400, "invalid_request", "phone")
    other = "+1415%07d" % (uuid.uuid4().int % 10**7)
    assert raw(path, "POST", "/api/auth/register", as_json(phone=other)).json["user"]["phone"] == other
    # here no country is set: the number needs its +
    assert weir.post("/api/auth/login", {"login": "+86" + number, "password": PASSWORD}).status == 200
    refused(weir.post("/api/auth/login", {"login": number, "password": PASSWORD}), 401, "bad_credentials")


@pytest.mark.parametrize("kept", ["{}", "86{}", "+86{}", "0{}"])
def test_phone_numbers_of_before(weir, pool, kept):
    """Kept as typed: still found under every spelling, and taken."""
    path = pool(phone_country="CN")
    number = "137%08d" % (uuid.uuid4().int % 10**8)
    address = mail_address()
    user = register(weir, email=address)["user"]
    with weir.pg() as pg:
        pg.query("UPDATE users SET phone = $2 WHERE id = $1", user["id"], kept.format(number))
    for name in (number, "+86" + number, kept.format(number), f"{number[:3]} {number[3:]}"):
        body = json.dumps({"login": name, "password": PASSWORD}).encode()
        assert raw(path, "POST", "/api/auth/login", body).json["user"]["id"] == user["id"], name
        refused(raw(path, "POST", "/api/auth/register", as_json(phone=name)), 409, "conflict", "phone")
    refused(raw(path, "POST", "/api/auth/register", as_json(phone=number, email=mail_address())), 409, "conflict", "phone")
    assert weir.weirctl("user", "disable", kept.format(number))


def test_a_country_nobody_knows(weir):
    conf = weir.folder + "/nowhere.conf"
    weir.write_conf({"auth": {"phone_country": "XX"}}, conf)
    done = subprocess.run([weir.program("weir-fcgi"), "-c", conf, "--listen", weir.folder + "/nowhere.sock"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 78 and 'phone_country: "XX"' in done.stderr, done
    shown = weir.weirctl("doctor", conf=conf, check=False)
    assert 'phone_country: "XX"' in shown.stdout + shown.stderr


COMPOSED, APART = "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me"


def test_combining_marks_make_no_difference(weir):
    address = mail_address()
    made = register(weir, email=address, password=APART + "!", nickname=APART)
    assert made["user"]["nickname"] == COMPOSED
    for password in (APART + "!", COMPOSED + "!"):
        assert weir.post("/api/auth/login", {"login": address, "password": password}).status == 200
    refused(weir.post("/api/auth/login", {"login": address, "password": "cafe creme!"}), 401, "bad_credentials")
    token = made["access_token"]
    assert weir.patch("/api/me", {"nickname": "e\u0301"}, token).json["nickname"] == "\u00e9"
    # one that has more characters in the normal form
    refused(weir.patch("/api/me", {"nickname": "\u0958" * 40}, token), 400, "invalid_request", "nickname")
    refused(weir.post("/api/auth/register", {"email": mail_address(), "password": PASSWORD, "nickname": "\u0958" * 40}), 400,
            "invalid_request", "nickname")
    answer = weir.post("/api/auth/password", {"current_password": COMPOSED + "!", "password": APART + "?"}, token)
    assert answer.status == 204, answer
    assert weir.post("/api/auth/login", {"login": address, "password": COMPOSED + "?"}).status == 200


def test_passwords_hashed_as_typed_still_work(weir):
    """Hashes of before: they work as they were typed, and are replaced by those of the normal form."""
    address = mail_address()
    typed = APART + " of old"
    hashed = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$tBGe4+LzCT6uCpF5qSq922pQqc2/nCKOzydOmRkGqYk"
    weir.weirctl("user", "add", "--login", address, "--hash", hashed)
    refused(weir.post("/api/auth/login", {"login": address, "password": COMPOSED + " of old"}), 401, "bad_credentials")
    assert weir.post("/api/auth/login", {"login": address, "password": typed}).status == 200
    for password in (COMPOSED + " of old", typed):
        assert weir.post("/api/auth/login", {"login": address, "password": password}).status == 200


# ---- registration closed, by invitation ----------------------------------------


@pytest.fixture(scope="module")
def pool(weir):
    """Starts further pools on the same database with other options; requests go to them directly."""
    count = 0

    def start(**auth):
        """auth options; server_NAME and limits_NAME are those of other sections."""
        nonlocal count
        count += 1
        conf, path = f"{weir.folder}/more{count}.conf", f"{weir.folder}/more{count}.sock"
        server = {k[7:]: v for k, v in auth.items() if k.startswith("server_")}
        limits = {k[7:]: v for k, v in auth.items() if k.startswith("limits_")}
        weir.write_conf({"auth": {k: v for k, v in auth.items() if not k.startswith(("server_", "limits_"))},
                         "limits": limits, "server": {"base_url": "http://127.0.0.1", "scoreboard": f"{weir.folder}/more{count}.score",
                                    **server}}, conf)
        weir.start_pool(1, conf=conf, name=f"more{count}", path=path)
        return path

    return start


def raw(path, method, uri, body=b"", token=None, headers=None):
    with Fcgi(path) as f:
        return f.request(method, uri, body, headers={**({"Authorization": "Bearer " + token} if token else {}),
                                                     **(headers or {})})


def as_json(**fields):
    return json.dumps({"password": PASSWORD, **fields}).encode()


def test_registration_closed(pool):
    path = pool(registration="closed")
    refused(raw(path, "POST", "/api/auth/register", as_json(email=mail_address())), 403, "registration_closed")
    refused(raw(path, "POST", "/api/auth/register", as_json(email=mail_address(), invitation="ABC")), 403,
            "registration_closed")


def test_registration_by_invitation(weir, pool):
    path = pool(registration="invite", signup_gift="1")
    code = weir.weirctl("user", "invite", "--uses", "2", "--credits", "10.5").stdout.strip()
    refused(raw(path, "POST", "/api/auth/register", as_json(email=mail_address())), 400, "invalid_request", "invitation")
    refused(raw(path, "POST", "/api/auth/register", as_json(email=mail_address(), invitation="WRONG")), 400,
            "invalid_token")
    got = raw(path, "POST", "/api/auth/register", as_json(email=mail_address(), invitation=code))
    assert got.status == 201 and got.json["user"]["credits"] == 11.5, got
    items = raw(path, "GET", "/api/me/credits/history", token=got.json["access_token"]).json["items"]
    assert [(i["change_type"], i["change_amount"]) for i in items] == [("invitation_gift", 10.5), ("signup_gift", 1)]
    # a refused registration uses nothing up
    taken = got.json["user"]["email"]
    refused(raw(path, "POST", "/api/auth/register", as_json(email=taken, invitation=code)), 409, "conflict", "email")
    assert raw(path, "POST", "/api/auth/register", as_json(email=mail_address(), invitation=code)).status == 201
    refused(raw(path, "POST", "/api/auth/register", as_json(email=mail_address(), invitation=code)), 400, "invalid_token")
    old = weir.weirctl("user", "invite", "--days", "1").stdout.strip()
    with weir.pg() as pg:
        pg.query("UPDATE invitations SET expires_at = now() - interval '1 second' WHERE code = $1", old)
    refused(raw(path, "POST", "/api/auth/register", as_json(email=mail_address(), invitation=old)), 400, "invalid_token")


# ---- sign in -------------------------------------------------------------------


def test_login(weir):
    address = mail_address()
    made = register(weir, email=address)["user"]
    for login in (address, address.lower(), address.upper()):
        answer = weir.post("/api/auth/login", {"login": login, "password": PASSWORD})
        assert answer.status == 200 and answer.json["user"] == made, answer
    with weir.pg() as pg:
        assert pg.one("SELECT last_login_at > now() - interval '10 s' FROM users WHERE id = $1", made["id"]) in (True, "t")
    row = last_audit(weir, "auth.login")
    assert (row["user_id"], row["result"]) == (made["id"], "ok")


def test_wrong_user_and_wrong_password_look_the_same(weir):
    address = mail_address()
    user = register(weir, email=address)["user"]
    answers = [weir.post("/api/auth/login", {"login": login, "password": "wrong password"})
               for login in (address, mail_address(), "13800000000", "' OR 1=1 --", "admin'--@x.y", "\\", "%")]
    seen = set()
    for a in answers:
        refused(a, 401, "bad_credentials")
        seen.add((a.json["message"], str(a.json["details"]), a.headers.get("Set-Cookie"), a.headers["Content-Type"]))
    assert len(seen) == 1
    with weir.pg() as pg:
        rows = pg.query("SELECT object, result, user_id FROM audit_log WHERE action = 'auth.login' ORDER BY id DESC LIMIT 7")
    assert rows[-1][0] == "user:" + user["id"] and {r[0] for r in rows[:-1]} == {None}
    assert {r[1] for r in rows} == {"bad_credentials"} and {r[2] for r in rows} == {None}


def test_wrong_user_and_wrong_password_take_the_same(weir):
    address = mail_address()
    register(weir, email=address)

    def took(login):
        at = time.perf_counter()
        assert weir.post("/api/auth/login", {"login": login, "password": "wrong password"}).status == 401
        return time.perf_counter() - at

    known, unknown = [], []
    for _ in range(15):  # interleaved: what else the machine does hits both
        known.append(took(address))
        unknown.append(took(mail_address()))
    # hashing takes some 30 ms; a branch that skips it would answer in 3
    assert 0.5 < min(known) / min(unknown) < 2
    spread = 2 * busy()
    assert 1 / spread < statistics.median(known) / statistics.median(unknown) < spread


def test_login_speaks_chinese(weir):
    answer = weir.post("/api/auth/login", {"login": "nobody@example.org", "password": "wrong"},
                       headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    refused(answer, 401, "bad_credentials")
    assert answer.json["message"] == "用户名或密码错误"


@pytest.mark.parametrize("body, field", [
    ({}, "login"), ({"login": "a@b.c"}, "password"), ({"password": "x"}, "login"), ({"login": "", "password": "x"}, "login"),
    ({"login": ["a"], "password": "x"}, "login"), ({"login": "a" * 255, "password": "x"}, "login"),
    ({"login": "a\nb", "password": "x"}, "login"), ({"login": "a", "password": ""}, "password"),
    ({"login": "a", "password": "x" * 257}, "password"), ({"login": "a", "password": {"$ne": 1}}, "password"),
])
def test_login_bad_input(weir, body, field):
    refused(weir.post("/api/auth/login", body), 400, "invalid_request", field)


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register", "/api/auth/refresh", "/api/auth/logout",
                                  "/api/auth/forgot", "/api/auth/reset"])
def test_bodies_that_are_none(weir, path):
    refused(weir.post(path, b"{"), 400, "invalid_request", "body")
    refused(weir.post(path, b"[]"), 400, "invalid_request", "body")
    refused(weir.post(path, b'{"login":"\xff\xfe","password":"x"}'), 400, "invalid_request", "body")
    refused(weir.post(path, b"{}", headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    refused(weir.post(path, b'{"x":"' + b"y" * 20000 + b'"}'), 413, "too_large")
    refused(weir.get(path), 405, "method_not_allowed")


def test_import_bcrypt(weir):
    address = mail_address()
    weir.weirctl("user", "add", "--login", address, "--hash", BCRYPT)
    refused(weir.post("/api/auth/login", {"login": address, "password": "U*V"}), 401, "bad_credentials")
    with weir.pg() as pg:
        def stored():
            return pg.one("SELECT password_hash FROM users WHERE lower(email) = lower($1)", address)
        assert stored() == BCRYPT  # a wrong password changes nothing
        assert weir.post("/api/auth/login", {"login": address, "password": "U*U"}).status == 200
        upgraded = stored()
        assert upgraded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert weir.post("/api/auth/login", {"login": address, "password": "U*U"}).status == 200
        assert stored() == upgraded
    refused(weir.post("/api/auth/login", {"login": address, "password": "U*V"}), 401, "bad_credentials")


def test_account_without_password(weir):
    address = mail_address()
    with weir.pg() as pg:
        pg.query("INSERT INTO users (id, email) VALUES ($1, $2)", str(uuid.uuid4()), address)
    refused(weir.post("/api/auth/login", {"login": address, "password": "anything"}), 401, "bad_credentials")


def test_disabled_account(weir):
    user = weir.make_user()
    weir.weirctl("user", "disable", user.login)
    refused(weir.get("/api/me", user), 403, "account_disabled")
    refused(weir.post("/api/auth/refresh", {"refresh_token": user.refresh_token}), 401, "unauthenticated")
    refused(weir.post("/api/auth/login", {"login": user.login, "password": user.password}), 403, "account_disabled")
    # who does not know the password learns nothing
    refused(weir.post("/api/auth/login", {"login": user.login, "password": "wrong"}), 401, "bad_credentials")
    weir.weirctl("user", "enable", user.login)
    refused(weir.get("/api/me", user), 401, "unauthenticated")  # enabled again, but signed out
    assert weir.sign_in(user.login, user.password).id == user.id


def test_sixteen_sign_ins_at_once(pool):
    """They wait for their turn, and none of them keeps a worker while it does."""
    many = crowd()
    path = pool(hashing_slots="2", server_workers="3")
    address = mail_address()
    assert raw(path, "POST", "/api/auth/register", as_json(email=address)).status == 201

    def work(i):
        body = {"login": address, "password": PASSWORD if i % 2 else "wrong password"}
        return raw(path, "POST", "/api/auth/login", json.dumps(body).encode(), headers={"X-Request-Id": f"sixteen-{i:08d}"})

    answers = unhurried(lambda: at_once(many, work, many))
    assert [a.status for a in answers] == [401, 200] * (many // 2)
    # each ran once, as far as anybody can see
    assert [a.headers["X-Request-Id"] for a in answers] == [f"sixteen-{i:08d}" for i in range(many)]
    assert {len(a.headers.get_all("X-Request-Id")) for a in answers} == {1}
    assert {len(a.headers.get_all("Set-Cookie", [])) for a in answers} == {0, 1}


def test_waiting_is_counted_and_audited_once(weir, pool):
    many = crowd()
    path = pool(hashing_slots="2", server_workers="3", limits_rate_account=f"{many}/1h")
    with weir.pg() as pg:
        def sign_in():
            nonlocal before, body
            address = mail_address()
            assert raw(path, "POST", "/api/auth/register", as_json(email=address)).status == 201
            before = int(pg.one("SELECT coalesce(max(id), 0) FROM audit_log"))
            body = json.dumps({"login": address, "password": "wrong password"}).encode()
            return at_once(many, lambda i: raw(path, "POST", "/api/auth/login", body), many)

        before, body = 0, b""
        answers = unhurried(sign_in)
        assert {a.status for a in answers} == {401}
        assert raw(path, "POST", "/api/auth/login", body).status == 429
        assert [(r[0], int(r[1])) for r in pg.query(
            "SELECT result, count(*) FROM audit_log WHERE id > $1 AND action = 'auth.login' GROUP BY 1 ORDER BY 1",
            str(before))] == [("bad_credentials", many), ("rate_limited", 1)]


def test_changing_the_password_waits_too(pool):
    many = crowd() // 2
    path = pool(hashing_slots="2", server_workers="3", registration="open")
    users = [raw(path, "POST", "/api/auth/register", as_json(email=mail_address())).json for _ in range(many)]

    def work(i):
        body = json.dumps({"current_password": PASSWORD, "password": "another long password"}).encode()
        return raw(path, "POST", "/api/auth/password", body, token=users[i]["access_token"])

    assert [a.status for a in at_once(many, work, many)] == [204] * many
    made = unhurried(lambda: at_once(many, lambda i: raw(path, "POST", "/api/auth/register", as_json(email=mail_address())), many))
    assert [a.status for a in made] == [201] * many


def test_login_flood_leaves_a_worker(pool):
    """More sign-ins than may wait: the rest get 503 at once, and others are served meanwhile."""
    path = pool(hashing_slots="1", server_workers="2")
    times = []

    def work(i):
        at = time.perf_counter()
        if i % 4 == 3:
            assert raw(path, "GET", "/healthz").status == 200
            times.append(time.perf_counter() - at)
            return None
        answer = raw(path, "POST", "/api/auth/login", b'{"login":"a@b.c","password":"wrong"}')
        return answer, time.perf_counter() - at

    answers = [a for a in at_once(240, work, 160) if a is not None]
    assert {a.status for a, _ in answers} == {401, 503}
    for a, took in answers:
        if a.status == 503:
            refused(a, 503, "overloaded")
            assert a.headers["Retry-After"] == "1"
        assert took < 5 * busy(), (a, took)
    assert statistics.median(times) < 1


def test_nobody_waits_for_long(weir, pool):
    """The slot is held by one who waits for the database: after two seconds the others are told."""
    path = pool(hashing_slots="1", server_workers="3")
    address = mail_address()
    assert raw(path, "POST", "/api/auth/register", as_json(email=address)).status == 201
    body = json.dumps({"login": address, "password": PASSWORD}).encode()

    def work(i):
        at = time.perf_counter()
        time.sleep(0.5 * i)
        return raw(path, "POST", "/api/auth/login", body), time.perf_counter() - at

    with weir.pg() as pg:
        pg.query("BEGIN")
        pg.query("SELECT 1 FROM users WHERE email = lower($1) OR email = $1 FOR UPDATE", address)
        results = []
        threads = [threading.Thread(target=lambda i=i: results.append(work(i))) for i in range(3)]
        for t in threads:
            t.start()
        time.sleep(5)
        pg.query("ROLLBACK")
        for t in threads:
            t.join()
    results.sort(key=lambda r: r[1])
    assert [r[0].status for r in results] == [503, 503, 200]
    assert all(1.9 <= took - 0.5 * (i + 1) < 4 for i, (_, took) in enumerate(results[:2])), results
    assert raw(path, "POST", "/api/auth/login", body).status == 200


# ---- me ------------------------------------------------------------------------


def test_me_patch(weir):
    user = weir.make_user(credits="0")
    answer = weir.patch("/api/me", {"nickname": " 新名字 ", "locale": "zh", "role": "admin", "credits": 1000000}, user)
    assert answer.status == 200, answer
    assert (answer.json["nickname"], answer.json["locale"]) == ("新名字", "zh")
    assert (answer.json["role"], answer.json["credits"]) == ("user", 0)  # not for the taking
    assert weir.get("/api/me", user).json == answer.json
    assert weir.patch("/api/me", {"nickname": ""}, user).json["nickname"] == ""
    assert weir.patch("/api/me", {}, user).json["locale"] == "zh"


@pytest.mark.parametrize("body, field", [
    ({"nickname": "x" * 65}, "nickname"), ({"nickname": "a\u0007b"}, "nickname"), ({"nickname": 5}, "nickname"),
    ({"locale": "fr"}, "locale"), ({"locale": ""}, "locale"),
])
def test_me_patch_bad_input(weir, user, body, field):
    refused(weir.patch("/api/me", body, user), 400, "invalid_request", field)


@pytest.mark.parametrize("method, path", [
    ("GET", "/api/me"), ("PATCH", "/api/me"), ("GET", "/api/me/credits"), ("GET", "/api/me/credits/history"),
    ("GET", "/api/me/credits/transactions"), ("GET", "/api/me/sessions"), ("POST", "/api/me/sessions/revoke"),
    ("DELETE", "/api/me/sessions/01890f5e-7b1c-7cc3-98c4-dc0c0c07398f"), ("POST", "/api/auth/password"),
])
def test_needs_a_token(weir, method, path):
    answer = weir.request(method, path, body={} if method in ("POST", "PATCH") else None)
    refused(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


# ---- credits -------------------------------------------------------------------


def test_credits_of_a_turn(weir):
    user = weir.make_user(credits="100")
    turn = weir.chat(user, "hello", model="demo-fast")
    cost = turn.final["data"]["credits_consumed"]
    assert cost > 0
    assert weir.get("/api/me/credits", user).json == {"balance": round(100 - cost, 6), "held": 0}
    net = weir.get("/api/me/credits/history", user).json["items"]
    assert [(i["change_type"], i["change_amount"]) for i in net] == [("chat_cost", -cost), ("admin_adjustment", 100)]
    assert net[0]["task_id"] == turn.final["data"]["assistant_message"]["task_id"]
    assert net[0]["balance_after"] == round(100 - cost, 6)
    full = weir.get("/api/me/credits/history?raw=true", user).json["items"]
    assert [i["change_type"] for i in full] == ["chat_cost", "hold_release", "hold", "admin_adjustment"]
    assert round(sum(i["change_amount"] for i in full), 6) == round(sum(i["change_amount"] for i in net), 6)
    holds = weir.get("/api/me/credits/transactions", user).json["items"]
    assert len(holds) == 1 and holds[0]["status"] == "confirmed" and holds[0]["used"] == cost
    assert holds[0]["amount"] == -full[2]["change_amount"] and holds[0]["task_id"] == net[0]["task_id"]


def test_history_pages(weir):
    user = weir.make_user(credits="0")
    for n in range(1, 8):
        weir.weirctl("credits", "grant", user.login, str(n), "--reason", f"gift {n}")
    seen, path = [], "/api/me/credits/history?limit=3"
    while True:
        page = weir.get(path, user).json
        seen += page["items"]
        if not page["has_more"]:
            break
        path = f"/api/me/credits/history?limit=3&before_id={page['items'][-1]['id']}"
    assert [i["change_amount"] for i in seen] == [7, 6, 5, 4, 3, 2, 1]
    assert seen[0]["description"] == "gift 7"
    newer = weir.get(f"/api/me/credits/history?limit=2&after_id={seen[-1]['id']}", user).json
    assert [i["change_amount"] for i in newer["items"]] == [3, 2] and newer["has_more"]


def test_lists_refuse_bad_cursors(weir, user):
    stranger = weir.make_user()
    theirs = weir.get("/api/me/credits/history", stranger).json["items"][0]["id"]
    weir.chat(stranger, "hi", model="demo-fast")
    hold = weir.get("/api/me/credits/transactions", stranger).json["items"][0]["id"]
    for path, field in (("/api/me/credits/history?before_id=x", "before_id"),
                        ("/api/me/credits/history?before_id=0", "before_id"),
                        ("/api/me/credits/history?before_id=999999999999999999", "before_id"),
                        (f"/api/me/credits/history?after_id={theirs + 1000000}", "after_id"),
                        ("/api/me/credits/history?limit=0", "limit"), ("/api/me/credits/history?limit=101", "limit"),
                        ("/api/me/credits/history?limit=ten", "limit"),
                        ("/api/me/credits/transactions?before_id=7", "before_id"),
                        (f"/api/me/credits/transactions?before_id={hold}", "before_id"),
                        (f"/api/me/credits/transactions?after_id={uuid.uuid4()}", "after_id")):
        refused(weir.get(path, user), 400, "invalid_request", field)
    mine = {i["id"] for i in weir.get("/api/me/credits/history?limit=100", user).json["items"]}
    if theirs not in mine:  # ids are counted per installation: another user's is no cursor here
        refused(weir.get(f"/api/me/credits/history?before_id={theirs}", user), 400, "invalid_request", "before_id")


def test_transactions_pages(weir):
    user = weir.make_user(credits="100")
    for _ in range(3):
        weir.chat(user, "hi", model="demo-fast")
    all_of_them = weir.get("/api/me/credits/transactions", user).json["items"]
    assert len(all_of_them) == 3
    first = weir.get("/api/me/credits/transactions?limit=2", user).json
    assert first["has_more"] and first["items"] == all_of_them[:2]
    rest = weir.get(f"/api/me/credits/transactions?limit=2&before_id={first['items'][1]['id']}", user).json
    assert not rest["has_more"] and rest["items"] == all_of_them[2:]
    newer = weir.get(f"/api/me/credits/transactions?after_id={all_of_them[2]['id']}", user).json
    assert newer["items"] == all_of_them[:2]
