"""weirctl user and weirctl credits."""

import uuid


def login():
    return f"c-{uuid.uuid4()}@example.org"


def test_user_add(weir):
    name = login()
    done = weir.weirctl("user", "add", "--login", name, "--nickname", "小明", "--role", "admin", "--locale", "zh",
                        input="a good password\n")
    assert f"user {name} added" in done.stdout
    user = weir.sign_in(name, "a good password")
    me = weir.get("/api/me", user).json
    assert (me["nickname"], me["role"], me["locale"], me["credits"]) == ("小明", "admin", "zh", 0)
    again = weir.weirctl("user", "add", "--login", name.upper(), input="a good password\n", check=False)
    assert again.returncode == 1 and "exists already" in again.stderr
    again = weir.weirctl("user", "add", "--login", name, "--if-missing", input="another password\n")
    assert "there already" in again.stdout
    assert weir.sign_in(name, "a good password").id == user.id  # untouched
    with weir.pg() as pg:
        row = pg.query("SELECT details->>'by', details->>'role', result FROM audit_log WHERE action = 'user.create'"
                       " AND object = $1", "user:" + user.id)
    assert row == [("weirctl", "admin", "ok")]


def test_user_add_by_phone(weir):
    phone = "+1%010d" % (uuid.uuid4().int % 10**10)
    weir.weirctl("user", "add", "--login", phone, input="a good password\n")
    assert weir.get("/api/me", weir.sign_in(phone, "a good password")).json["phone"] == phone


def test_user_add_refuses(weir):
    for args, input, says in (
            (["--login", login()], "short\n", "at least 8"),
            (["--login", login()], "", "nothing on standard input"),
            (["--login", login()], "x" * 129 + "\n", "at most 128"),
            (["--login", "no address @"], "a good password\n", "e-mail"),
            (["--login", "12"], "a good password\n", "phone"),
            (["--login", login(), "--role", "root"], "a good password\n", "one of"),
            (["--login", login(), "--hash", "$1$x$y"], "", "bcrypt"),
            (["--login", login(), "--hash", "plain"], "", "bcrypt"),
            ([], "a good password\n", "is required")):
        done = weir.weirctl("user", "add", *args, input=input, check=False)
        assert done.returncode == 1 and says in done.stderr, (args, done.stderr)
    for args in (["add", "--wrong"], ["nothing"], [], ["role", "a@b.c"], ["role", "a@b.c", "root"], ["passwd"]):
        done = weir.weirctl("user", *args, check=False)
        assert done.returncode == 2 and "usage: weirctl user" in done.stderr, args
    for args in (["passwd", login()], ["disable", login()], ["role", login(), "admin"]):
        done = weir.weirctl("user", *args, input="a good password\n", check=False)
        assert done.returncode == 1 and "there is no user" in done.stderr


def test_user_list(weir):
    user = weir.make_user(credits="12.5")
    line = next(l for l in weir.weirctl("user", "list").stdout.splitlines() if user.login in l)
    assert line.split()[:4] == [user.login, "user", "active", "12.5"]
    weir.weirctl("user", "disable", user.login)
    line = next(l for l in weir.weirctl("user", "list").stdout.splitlines() if user.login in l)
    assert line.split()[2] == "disabled"


def test_credits(weir):
    user = weir.make_user(credits="0")
    assert "balance 100" in weir.weirctl("credits", "grant", user.login, "100", "--reason", "topped up").stdout
    assert "balance 99.999999" in weir.weirctl("credits", "grant", user.login, "-0.000001").stdout
    assert weir.get("/api/me/credits", user).json == {"balance": 99.999999, "held": 0}
    done = weir.weirctl("credits", "grant", user.login, "-100", check=False)
    assert done.returncode == 1 and "has only 99.999999 credits" in done.stderr
    turn = weir.chat(user, "hi", model="demo-fast")
    cost = turn.final["data"]["credits_consumed"]
    shown = dict(l.split() for l in weir.weirctl("credits", "show", user.login).stdout.splitlines())
    assert shown["held"] == "0" and float(shown["spent"]) == cost
    assert float(shown["balance"]) == round(99.999999 - cost, 6)
    lines = weir.weirctl("credits", "history", user.login).stdout.splitlines()
    assert len(lines) == 6 and "chat_cost" in lines[1] and "topped up" in lines[5]
    assert len(weir.weirctl("credits", "history", user.login, "--limit", "2").stdout.splitlines()) == 3
    with weir.pg() as pg:
        rows = pg.query("SELECT details->>'amount', details->>'reason' FROM audit_log WHERE action = 'credits.grant'"
                        " AND object = $1 ORDER BY id", "user:" + user.id)
    assert rows == [("100", "topped up"), ("-0.000001", "")]
    weir.audit()


def test_credits_refuse(weir):
    user = weir.make_user(credits="1")
    for amount in ("0", "x", "1.1234567", "1e3", "", "900000000000000", "NaN", "--1"):
        done = weir.weirctl("credits", "grant", user.login, amount, check=False)
        assert done.returncode == 1 and "is no amount of credits" in done.stderr, amount
    for args in (["grant", user.login], ["grant", user.login, "1", "--why", "x"], ["show"], [], ["history"]):
        assert weir.weirctl("credits", *args, check=False).returncode == 2, args
    for args in (["grant", login(), "1"], ["show", login()], ["history", login()]):
        assert "there is no user" in weir.weirctl("credits", *args, check=False).stderr
    assert weir.balance(user) == 1
