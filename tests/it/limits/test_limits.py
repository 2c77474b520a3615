"""Rate limits through the whole: classes, users, addresses, headers, and what Redis' absence changes."""

import itertools

import pytest

WEIR_CONF = {"limits": {"rate_stream": "4/1m", "rate_regenerate": "3/1m", "rate_login": "6/1m", "rate_account": "4/1m",
                        "rate_read": "8/1m",
                        "rate_write": "20/1m", "rate_admin": "3/1m", "rate_address": "500/1m", "rate_global": "10000/1m"}}


@pytest.fixture(scope="module")
def someone(weir):
    return weir.make_user()


def fresh(weir):
    """Windows of earlier tests are forgotten."""
    with weir.redis() as redis:
        redis.call("FLUSHALL")


@pytest.fixture(autouse=True)
def forget(weir):
    fresh(weir)


def check_refusal(answer, limit):
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert answer.headers["RateLimit-Limit"] == str(limit)
    assert answer.headers["RateLimit-Remaining"] == "0"
    # at most the rest of the window and the share of the next in which this one still weighs
    assert 1 <= int(answer.headers["Retry-After"]) <= 61 + 60 / limit
    assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]


def test_reading(weir, someone):
    for left in range(7, -1, -1):
        answer = weir.get("/api/conversations", someone)
        assert answer.status == 200
        assert answer.headers["RateLimit-Limit"] == "8"
        assert answer.headers["RateLimit-Remaining"] == str(left)
        assert 0 < int(answer.headers["RateLimit-Reset"]) <= 60
    check_refusal(weir.get("/api/conversations", someone), 8)
    check_refusal(weir.get("/api/models", someone), 8)  # the class, not the path
    assert weir.post("/api/conversations", {}, someone).status == 201  # another class
    assert weir.get("/healthz").status == 200


def test_a_refusal_in_chinese(weir, someone):
    for _ in range(8):
        weir.get("/api/conversations", someone)
    answer = weir.get("/api/conversations", someone, headers={"Accept-Language": "zh-CN"})
    assert answer.json["message"] == "请求过于频繁，请稍后再试"


def test_streams(weir, someone):
    conversation = weir.conversation(someone)
    for _ in range(4):
        assert weir.chat(someone, "hi", conversation, model="demo-fast").status == 200
    turn = weir.chat(someone, "hi", conversation, model="demo-fast")
    check_refusal(turn.answer, 4)
    # a refused message is not there
    messages = weir.get(f"/api/conversations/{conversation}/messages", someone).json["items"]
    assert len(messages) == 8


def test_regenerate_has_a_limit_of_its_own(weir, someone):
    turn = weir.chat(someone, "hi", model="demo-fast")
    path = f"/api/conversations/{turn.conversation}/messages/{turn.final['data']['assistant_message']['id']}/regenerate"
    for _ in range(3):
        with weir.stream(path, {"model": "demo-fast"}, someone) as s:
            assert s.status == 200, s.answer()
            assert s.until("done")
    with weir.stream(path, {}, someone) as s:
        check_refusal(s.answer(), 3)


def test_another_user_is_not_affected(weir, someone):
    for _ in range(9):
        weir.get("/api/conversations", someone)
    other = weir.make_user()
    assert weir.get("/api/conversations", other).status == 200


def test_sign_in_is_limited_by_address(weir):
    def attempt(address, name=itertools.count()):
        return weir.post("/api/auth/login", {"login": f"nobody{next(name)}@example.org", "password": "wrong password"}, address=address)

    for _ in range(6):
        assert attempt("127.0.0.9").status == 401
    check_refusal(attempt("127.0.0.9"), 6)
    assert attempt("127.0.0.10").status == 401


def test_tries_of_a_password_are_limited_by_account(weir, someone):
    """From however many addresses; and nothing in the answer tells whether there is such an account."""
    address = itertools.count(20)

    def attempt(login, password="wrong password"):
        return weir.post("/api/auth/login", {"login": login, "password": password}, address=f"127.0.0.{next(address)}")

    def shape(answer):
        return (answer.status, answer.code, answer.json["message"], answer.json["details"], sorted(answer.headers.keys()))

    spellings = (someone.login, someone.login.upper(), someone.login.capitalize(), someone.login)
    nobody = "nobody-" + someone.login
    for known in spellings:
        assert shape(attempt(known)) == shape(attempt("nobody-" + known))
    refused = [attempt(someone.login), attempt(nobody), attempt(someone.login, someone.password)]
    for answer in refused:
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 61 + 60 / 4
        assert shape(answer) == shape(refused[0])
    assert attempt("someone.else@example.org").status == 401
    with weir.redis() as redis:  # what people typed is not kept
        keys = [k.decode() if isinstance(k, bytes) else k for k in redis.call("KEYS", "*rate:account:*")]
        assert len(keys) == 3 and not any("@" in k or "nobody" in k for k in keys)


def test_guesses_of_the_current_password_are_limited(weir):
    user = weir.make_user()
    fresh(weir)
    for _ in range(4):
        answer = weir.post("/api/auth/password", {"current_password": "wrong", "password": "a long password"}, user)
        assert (answer.status, answer.code) == (400, "invalid_request")
    answer = weir.post("/api/auth/password", {"current_password": user.password, "password": "a long password"}, user)
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert weir.sign_in(user.login, user.password)  # it is unchanged, and signing in counts for itself


def test_a_client_cannot_choose_its_address(weir):
    for i in range(6):
        weir.post("/api/auth/login", {"login": f"nobody{i}@example.org", "password": "wrong password"}, address="127.0.0.11",
                  headers={"X-Forwarded-For": f"192.0.2.{i}", "X-Real-IP": f"192.0.2.{i}", "Client-IP": f"192.0.2.{i}"})
    answer = weir.post("/api/auth/login", {"login": "nobody@example.org", "password": "wrong password"}, address="127.0.0.11",
                       headers={"X-Forwarded-For": "198.51.100.7", "X-Real-IP": "198.51.100.7"})
    check_refusal(answer, 6)


def test_admins_too(weir, admin):
    for _ in range(3):
        assert weir.get("/api/admin/users", admin).status == 200
    check_refusal(weir.get("/api/admin/users", admin), 3)


def test_without_redis(weir, someone):
    """Each of the two processes counts for itself: between once and twice the limit passes."""
    weir.stop_redis(kill=True)
    try:
        answers = [weir.get("/api/conversations", someone).status for _ in range(30)]
    finally:
        weir.start_redis()
    assert set(answers) == {200, 429}
    assert 8 <= answers.count(200) <= 17
    with open(weir.daemons.log("pool")) as log:
        assert 1 <= log.read().count('"limits_degraded"') <= 2
