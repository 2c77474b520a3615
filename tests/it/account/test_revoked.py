"""A session that is revoked, a user who is disabled: what runs and who reads ends within 5 s, typed and settled."""

import threading
import time

import pytest

PASSWORD = "another long password"
LONG = "revoked [[demo deltas=150 interval=100]]"  # 15 s
SOON_S = 5


class Reading(threading.Thread):
    """Reads a stream to its end, and knows when that was."""

    def __init__(self, weir, user, path, body=None, method="POST"):
        super().__init__(daemon=True)
        self.events, self.ended = [], None
        self.stream = weir.stream(path, body, user, method=method)
        assert self.stream.status == 200, self.stream.answer()
        self.start()

    def run(self):
        with self.stream as s:
            for event in s.events():
                if event.json:
                    self.events.append(event.json)
        self.ended = time.monotonic()

    def has_text(self):
        while not any(e["type"] == "content" for e in self.events):
            assert self.is_alive()
            time.sleep(0.02)
        return self

    @property
    def task(self):
        return self.events[0]["data"]["task_id"]

    @property
    def text(self):
        return "".join(e["data"]["text"] for e in self.events if e["type"] == "content")

    def end_within(self, seconds):
        """The last event; None: the connection ended without one."""
        self.join(seconds)
        assert not self.is_alive(), "it goes on"
        return self.events[-1] if self.events and self.events[-1]["type"] in ("done", "error", "cancelled") else None


def turn(weir, user, content=LONG):
    path = f"/api/conversations/{weir.conversation(user)}/messages/stream"
    return Reading(weir, user, path, {"content": content, "model": "demo-fast"}).has_text()


def follow(weir, user, task):
    return Reading(weir, user, f"/api/tasks/{task}/stream", method="GET").has_text()


def disable(weir, user):
    weir.weirctl("user", "disable", user.login)


def sign_out(weir, user):
    assert weir.post("/api/auth/logout", {"refresh_token": user.refresh_token}).status in (200, 204)


def change_password_elsewhere(weir, user):
    other = weir.sign_in(user.login, user.password)
    body = {"current_password": user.password, "password": PASSWORD}
    assert weir.post("/api/auth/password", body, other).status == 204


@pytest.mark.parametrize("revoke", (disable, sign_out, change_password_elsewhere))
def test_a_running_turn_is_cancelled_and_settled(weir, revoke):
    user = weir.make_user()
    running = turn(weir, user)
    revoke(weir, user)
    end = running.end_within(SOON_S)
    assert end["type"] == "cancelled", end
    assert end["data"]["assistant_message"]["content"] == running.text  # what was delivered is kept
    with weir.pg() as pg:
        assert pg.one("SELECT status FROM tasks WHERE id = $1", running.task) == "cancelled"
        assert pg.one("SELECT count(*) FROM tasks WHERE user_id = $1 AND status IN ('pending', 'running')", user.id) in (0, "0")
    weir.audit()


def test_turns_of_others_go_on(weir):
    """Of other users, and of the same user's other session."""
    user = weir.make_user()
    again = weir.sign_in(user.login, user.password)
    short = LONG.replace("150", "80")
    gone, stays, stranger = turn(weir, user), turn(weir, again, short), turn(weir, weir.make_user(), short)
    sign_out(weir, user)
    assert gone.end_within(SOON_S)["type"] == "cancelled"
    assert stays.end_within(15)["type"] == "done"
    assert stranger.end_within(15)["type"] == "done"
    weir.audit()


def test_who_follows_is_told_or_leaves(weir):
    """A disabled user's readers hear how it ended; a reader of a revoked session is told to leave what another one runs."""
    user = weir.make_user()
    running = turn(weir, user)
    reader = follow(weir, user, running.task)
    disable(weir, user)
    assert reader.end_within(SOON_S)["type"] == "cancelled"

    user = weir.make_user()
    again = weir.sign_in(user.login, user.password)
    running = turn(weir, user, LONG.replace("150", "90"))
    reader = follow(weir, again, running.task)
    sign_out(weir, again)
    end = reader.end_within(SOON_S)
    assert end["type"] == "error" and end["data"]["code"] == "unauthenticated"
    assert running.is_alive()
    assert running.end_within(15)["type"] == "done"
    weir.audit()


def test_a_trial_of_an_agent_ends(weir, admin):
    """It is nobody's task, but somebody's session."""
    models = {m["name"]: m["id"] for m in weir.get("/api/admin/models?limit=100", admin).json["items"]}
    agent = weir.post("/api/admin/agents", {"name": "Tried", "model_id": models["demo-fast"]}, admin).json
    other = weir.sign_in(admin.login, admin.password)
    trial = Reading(weir, other, f"/api/admin/agents/{agent['id']}/execution-test", {"content": LONG}).has_text()
    sign_out(weir, other)
    assert trial.end_within(SOON_S)["type"] == "cancelled"


def test_while_postgresql_is_away_nothing_is_over(weir, user):
    """Not being able to ask is no word of the database."""
    running = turn(weir, user, LONG.replace("150", "60"))
    with weir.denied("SELECT ON sessions"):
        time.sleep(3)
    assert running.end_within(15)["type"] == "done"
    weir.audit()
