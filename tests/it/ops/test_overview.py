"""GET /api/admin/overview: who is there, what is kept, and what is still to be set up."""

from weirtest import wait_until

WEIR_CONF = {"auth": {"signup_gift": "5"}}
PATH = "/api/admin/overview"


def test_only_administrators_see_it(weir, user, admin):
    assert weir.get(PATH).status == 401
    assert weir.get(PATH, user).status == 403
    assert weir.get("/api/admin/overview", admin).status == 200


def test_a_span_that_is_none_is_refused(weir, admin):
    for days in ("0", "367", "-1", "x"):
        assert weir.get(f"{PATH}?days={days}", admin).status == 400, days


def test_who_used_something_is_active(weir, user, admin):
    assert weir.chat(user, "hello").status == 200

    def active():
        with weir.pg() as pg:
            pg.query("SELECT usage_roll_up(1000)")
        return weir.get(f"{PATH}?days=1", admin).json["active_users"] == 1

    # a row is summed up when every transaction of its time has ended
    wait_until(active, "the user counts as active", 60)
    body = weir.get(f"{PATH}?days=30", admin).json
    assert body["days"] == 30
    assert body["active_users"] == 1
    assert body["users"] >= 2


def test_the_set_up_is_the_state_itself(weir, admin):
    setup = weir.get(PATH, admin).json["setup"]
    assert setup["gift"] is True
    assert setup["mail"] is True, "the stack's mail goes to a folder"
    assert setup["https"] is False, "the stack's address begins with http://"
    assert setup["model"] is True
    with weir.pg() as pg:
        pg.query("UPDATE channels SET enabled = false")
    try:
        assert weir.get(PATH, admin).json["setup"]["model"] is False, "nothing serves it"
    finally:
        with weir.pg() as pg:
            pg.query("UPDATE channels SET enabled = true")
    assert weir.get(PATH, admin).json["setup"]["model"] is True
