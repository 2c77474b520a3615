"""Keys and models are kept in memory, and true for all that: what is changed behind everybody's back is known within a second."""

import time

import pytest
from weirtest import busy, wait_until

WEIR_CONF = {"limits": {"rate_relay": "100000/1m"}}
BODY = {"model": "demo-fast", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def key(weir):
    user = weir.make_user()
    made = weir.post("/api/keys", {"name": "kept"}, user).json
    for _ in range(20):  # both responders have it
        assert weir.post("/v1/chat/completions", BODY, made["key"]).status == 200
    return made


def within_a_second(weir, key, status):
    """Every answer is this, from a second on."""
    began = time.monotonic()
    wait_until(lambda: weir.post("/v1/chat/completions", BODY, key["key"]).status == status, f"{status}", 5, 0.02)
    assert time.monotonic() - began < 1.5 * busy()
    assert {weir.post("/v1/chat/completions", BODY, key["key"]).status for _ in range(20)} == {status}


@pytest.mark.parametrize("redis", ["with", "without"])
def test_a_key_that_ends(weir, key, redis):
    if redis == "without":
        weir.stop_redis(kill=True)
    try:
        with weir.pg() as pg:
            pg.query("UPDATE api_keys SET status = 'locked' WHERE id = $1", key["id"])
            within_a_second(weir, key, 403)
            pg.query("UPDATE api_keys SET status = 'active' WHERE id = $1", key["id"])
            within_a_second(weir, key, 200)
            pg.query("UPDATE api_keys SET expires_at = now() + interval '2 s' WHERE id = $1", key["id"])
            time.sleep(2)
            within_a_second(weir, key, 401)
    finally:
        if redis == "without":
            weir.start_redis()


def test_a_user_who_is_disabled(weir, key):
    with weir.pg() as pg:
        pg.query("UPDATE users SET status = 'disabled' WHERE id = (SELECT user_id FROM api_keys WHERE id = $1)", key["id"])
        within_a_second(weir, key, 403)


def test_addresses_are_looked_at_each_time(weir, key):
    with weir.pg() as pg:
        pg.query("UPDATE api_keys SET allow_ips = '{10.9.8.7}' WHERE id = $1", key["id"])
        within_a_second(weir, key, 403)
        pg.query("UPDATE api_keys SET allow_ips = '{127.0.0.1,10.9.8.7}' WHERE id = $1", key["id"])
        within_a_second(weir, key, 200)


def test_a_model_that_goes(weir, key):
    with weir.pg() as pg:
        pg.query("UPDATE llm_models SET enabled = false WHERE name = 'demo-fast'")
        try:
            within_a_second(weir, key, 404)
        finally:
            pg.query("UPDATE llm_models SET enabled = true WHERE name = 'demo-fast'")
        within_a_second(weir, key, 200)


def test_told_of_it_nobody_waits(weir, key):
    user = weir.make_user()
    for _ in range(10):
        made = weir.post("/api/keys", {"name": "kept"}, user).json
        assert {weir.post("/v1/chat/completions", BODY, made["key"]).status for _ in range(4)} == {200}
        assert weir.delete(f"/api/keys/{made['id']}", user).status in (200, 204)
        assert weir.post("/v1/chat/completions", BODY, made["key"]).status == 401
