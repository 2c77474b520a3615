"""Forgotten passwords: the mail, its link, and a mail server that works, refuses or hangs."""

import email
import email.policy
import os
import re
import time
import uuid

import pytest
from mailserver import MailServer
from weirtest import Fcgi, busy, wait_until

NEW = "a brand new password"


def refused(answer, status, code, field=None):
    assert (answer.status, answer.code) == (status, code), answer
    if field:
        assert answer.json["details"]["field"] == field, answer


def mails_to(weir, address):
    """Spooled messages for that address, oldest first, parsed."""
    found, folder = [], weir.folder + "/mail"
    for name in os.listdir(folder):
        if name.endswith(".eml"):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                message = email.message_from_binary_file(f, policy=email.policy.default)
            if message["To"] == address:
                found.append((os.stat(path).st_mtime_ns, message))
    return [m for _, m in sorted(found, key=lambda p: p[0])]


def forgot(weir, address):
    answer = weir.post("/api/auth/forgot", {"email": address})
    assert answer.status == 202 and answer.json == {}, answer


def mailed_token(weir, address, count=1):
    wait_until(lambda: len(mails_to(weir, address)) >= count, lambda: f"no mail number {count} to {address}")
    return token_in(mails_to(weir, address)[count - 1].get_content())


def token_in(text):
    return re.search(r"/reset#token=([A-Za-z0-9_-]{43})\s", text)[1]


def reset(weir, token, password=NEW):
    return weir.post("/api/auth/reset", {"token": token, "password": password})


def test_reset(weir):
    user = weir.make_user()
    forgot(weir, user.login.upper())
    token = mailed_token(weir, user.login)
    message = mails_to(weir, user.login)[0]
    assert message["Subject"] == "Set a new password" and message["Message-ID"] and message["Date"]
    assert message.get_content_charset() == "utf-8"
    assert f"http://127.0.0.1:{weir.port}/reset#token={token}" in message.get_content()
    assert weir.get("/api/me", user).status == 200  # asking changes nothing

    refused(reset(weir, token, "short"), 400, "invalid_request", "password")
    assert reset(weir, token).status == 204
    refused(weir.get("/api/me", user), 401, "unauthenticated")
    refused(weir.post("/api/auth/refresh", {"refresh_token": user.refresh_token}), 401, "unauthenticated")
    refused(weir.post("/api/auth/login", {"login": user.login, "password": user.password}), 401, "bad_credentials")
    assert weir.sign_in(user.login, NEW).id == user.id
    refused(reset(weir, token), 400, "invalid_token")  # used up
    with weir.pg() as pg:
        rows = pg.query("SELECT action, result, user_id FROM audit_log WHERE object = $1 AND action LIKE 'auth.%set'"
                        " OR object = $1 AND action = 'auth.forgot' ORDER BY id", "user:" + user.id)
    assert rows == [("auth.forgot", "ok", None), ("auth.reset", "ok", user.id)]


def test_unknown_address_looks_the_same(weir):
    user = weir.make_user()
    known = weir.post("/api/auth/forgot", {"email": user.login})
    unknown = weir.post("/api/auth/forgot", {"email": f"{uuid.uuid4()}@example.org"})
    assert (known.status, known.body) == (unknown.status, unknown.body) == (202, b"{}")
    mailed_token(weir, user.login)
    with weir.pg() as pg:
        assert pg.query("SELECT user_id FROM password_resets WHERE user_id NOT IN (SELECT id FROM users)") == []


def test_chinese_mail(weir):
    user = weir.make_user()
    weir.patch("/api/me", {"locale": "zh"}, user)
    forgot(weir, user.login)
    token = mailed_token(weir, user.login)
    message = mails_to(weir, user.login)[0]
    assert message["Subject"] == "重置密码" and "请打开以下链接设置新密码" in message.get_content()
    assert reset(weir, token).status == 204


def test_tokens_that_do_not_hold(weir):
    user = weir.make_user()
    for token in ("x", "A" * 43, "' OR 1=1 --", "令牌"):
        refused(reset(weir, token), 400, "invalid_token")
    refused(reset(weir, ""), 400, "invalid_request", "token")
    refused(reset(weir, 7), 400, "invalid_request", "token")
    forgot(weir, user.login)
    token = mailed_token(weir, user.login)
    with weir.pg() as pg:
        pg.query("UPDATE password_resets SET expires_at = now() WHERE user_id = $1", user.id)
    refused(reset(weir, token), 400, "invalid_token")
    forgot(weir, user.login)
    token = mailed_token(weir, user.login, 2)
    weir.weirctl("user", "disable", user.login)
    refused(reset(weir, token), 400, "invalid_token")
    weir.weirctl("user", "enable", user.login)
    assert weir.sign_in(user.login, user.password).id == user.id


def test_changing_the_password_ends_open_links(weir):
    user = weir.make_user()
    forgot(weir, user.login)
    token = mailed_token(weir, user.login)
    weir.post("/api/auth/password", {"current_password": user.password, "password": "changed it myself"}, user)
    refused(reset(weir, token), 400, "invalid_token")


def test_three_mails_in_a_quarter_of_an_hour(weir):
    user = weir.make_user()
    for _ in range(5):
        forgot(weir, user.login)
    mailed_token(weir, user.login, 3)
    time.sleep(0.5)
    assert len(mails_to(weir, user.login)) == 3
    with weir.pg() as pg:
        rows = pg.query("SELECT result FROM audit_log WHERE action = 'auth.forgot' ORDER BY id DESC LIMIT 5")
        pg.query("UPDATE password_resets SET created_at = created_at - interval '16 minutes' WHERE user_id = $1", user.id)
    assert [r[0] for r in rows] == ["denied", "denied", "ok", "ok", "ok"]
    forgot(weir, user.login)
    mailed_token(weir, user.login, 4)


def test_disabled_account_gets_no_mail(weir):
    user = weir.make_user()
    weir.weirctl("user", "disable", user.login)
    forgot(weir, user.login)
    time.sleep(0.5)
    assert mails_to(weir, user.login) == []


@pytest.mark.parametrize("body", [{}, {"email": "no address"}, {"email": None}, {"email": ["a@b.c"]}])
def test_forgot_bad_input(weir, body):
    refused(weir.post("/api/auth/forgot", body), 400, "invalid_request", "email")


# ---- SMTP ----------------------------------------------------------------------


def pool_with(weir, name, smtp_url):
    """A pool, and the only worker, that have this mail server."""
    conf, path = f"{weir.folder}/{name}.conf", f"{weir.folder}/{name}.sock"
    weir.write_conf({"mail": {"smtp_url": smtp_url, "from": "weir@mail.test"},
                     "server": {"base_url": "https://weir.test/", "scoreboard": f"{weir.folder}/{name}.score"}}, conf)
    for other in [n for n in weir.daemons.names() if "worker" in n]:
        weir.daemons.stop(other)
    with weir.pg() as pg:
        pg.query("DELETE FROM jobs")
    weir.start_pool(1, conf=conf, name=name, path=path)
    weir.start_worker(conf=conf, name=name + "-worker")

    def post(path_, body):
        with Fcgi(path) as f:
            return f.request("POST", path_, body)

    return post


def test_smtp(weir):
    user = weir.make_user()
    with MailServer() as server:
        post = pool_with(weir, "smtp", f"smtp://127.0.0.1:{server.port}")
        assert post("/api/auth/forgot", b'{"email":"%s"}' % user.login.encode()).status == 202
        wait_until(lambda: server.got, lambda: "no mail at the server")
        envelope, data = server.got[0]
    assert envelope[0].startswith(b"MAIL FROM:<weir@mail.test>") and envelope[1] == b"RCPT TO:<%s>" % user.login.encode()
    assert b"\n" not in data.replace(b"\r\n", b"")
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message["From"] == "weir@mail.test" and message["To"] == user.login
    assert "https://weir.test/reset#token=" in message.get_content()
    assert reset(weir, token_in(message.get_content())).status == 204
    assert mails_to(weir, user.login) == []  # not to the spool as well


@pytest.mark.parametrize("kind", ["refused recipient", "nobody listens", "hangs", "password without TLS"])
def test_smtp_failures_do_not_reach_the_client(weir, kind):
    users = [weir.make_user() for _ in range(5)]
    with MailServer(refuse=kind == "refused recipient", hang=kind == "hangs") as server:
        url = {"nobody listens": "smtp://127.0.0.1:1",
               "password without TLS": f"smtp://me:hUnTeR2@127.0.0.1:{server.port}"}.get(
                   kind, f"smtp://127.0.0.1:{server.port}")
        name = "smtp-" + kind.split()[0]
        post = pool_with(weir, name, url)
        for user in users:
            at = time.perf_counter()
            assert post("/api/auth/forgot", b'{"email":"%s"}' % user.login.encode()).status == 202
            assert time.perf_counter() - at < 2 * busy()
        logged = weir.daemons.log(name + "-worker")
        wait_until(lambda: "mail_failed" in open(logged).read(), lambda: "the failure is not logged", timeout_s=15)
        assert server.got == []
    log = open(weir.daemons.log(name)).read() + open(logged).read()
    assert "hUnTeR2" not in log and "token=" not in log


def test_no_mail_configured(weir):
    conf, path = f"{weir.folder}/nomail.conf", f"{weir.folder}/nomail.sock"
    weir.write_conf({"mail": {"spool": ""}, "server": {"scoreboard": f"{weir.folder}/nomail.score"}}, conf)
    weir.start_pool(1, conf=conf, name="nomail", path=path)
    with Fcgi(path) as f:
        refused(f.request("POST", "/api/auth/forgot", b'{"email":"a@b.example"}'), 503, "unavailable")
