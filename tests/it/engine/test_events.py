"""GET /api/events: a user's own events as they happen, gaps told, a limit per user, an end at reload."""

import json
import queue
import threading
import time

import pytest

from weirtest import Fcgi, busy, fcgi_params, fcgi_pair, fcgi_record, wait_until

WEIR_CONF = {"limits": {"event_streams": "3"}, "server": {"keepalive": "300ms"}}


class Listener:
    """An open event stream, read by a thread."""

    def __init__(self, weir, user):
        self.stream = weir.stream("/api/events", user=user, method="GET", timeout_s=60)
        assert self.stream.status == 200, self.stream.answer()
        self.events, self.ended = queue.Queue(), threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for event in self.stream.events():
                self.events.put(event.json)
        except (OSError, ValueError, AttributeError):
            pass
        self.ended.set()

    def next(self, kind, timeout_s=5):
        """The next event of that type; others before it are skipped."""
        until = time.monotonic() + timeout_s
        while True:
            event = self.events.get(timeout=max(0.01, until - time.monotonic()))
            if event["type"] == kind:
                return event["data"]

    def close(self):
        self.stream.close()


@pytest.fixture
def listen(weir):
    opened = []

    def open_one(user):
        opened.append(Listener(weir, user))
        time.sleep(0.1)
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
    time.sleep(0.2)


def notify(weir, user, n):
    """Publishes a notification, as soon as somebody listens."""
    channel = f"weir:user:{user.id}"
    with weir.redis() as redis:
        wait_until(lambda: redis.call("PUBSUB", "NUMSUB", channel)[1] >= 1, "subscribed", 10)
        redis.call("PUBLISH", channel, json.dumps({"type": "notification", "data": {"n": n}}))


def test_a_turn_is_told_to_all_pages_of_its_user(weir, user, listen):
    stranger = weir.make_user()
    pages = [listen(user), listen(user)]
    other = listen(stranger)
    turn = weir.chat(user, "hello", model="demo-fast")
    assert turn.final["type"] == "done"
    for page in pages:
        seen = []
        while "completed" not in seen:
            data = page.next("task")
            assert data["conversation_id"] == turn.conversation
            seen.append(data["status"])
        assert page.next("balance")["balance"] == turn.final["data"]["balance"]
    assert other.events.empty()


def test_the_stream_is_what_it_should_be(weir, user, listen):
    page = listen(user)
    assert page.stream.headers["Content-Type"].startswith("text/event-stream")
    assert "no-cache" in page.stream.headers.get("Cache-Control", "") or "no-store" in page.stream.headers.get("Cache-Control", "")
    wait_until(lambda: len(page.stream.comments) >= 3, "keep-alives", 5)
    assert not page.ended.is_set()


def test_nobody_else(weir):
    assert weir.get("/api/events").status == 401
    assert weir.get("/api/events", "forged").status == 401


def test_granted_credits_are_told(weir, user, listen, admin):
    page = listen(user)
    answer = weir.post(f"/api/admin/users/{user.id}/credits", {"amount": 5, "reason": "a present"}, admin)
    assert answer.status in (200, 201), answer
    assert page.next("balance")["balance"] == weir.balance(user)


def test_what_is_held_is_live(weir, user, listen):
    """A hold is told when it is taken and when it ends, with the balance of that moment."""
    page, before = listen(user), weir.balance(user)
    conversation = weir.conversation(user)
    with weir.stream(f"/api/conversations/{conversation}/messages/stream",
                     {"content": "[[demo interval=50 deltas=10]] hold", "model": "demo-fast"}, user) as s:
        s.until("content")
        taken = page.next("balance")
        assert taken["held"] > 0 and abs(taken["balance"] + taken["held"] - before) < 1e-6
        credits = weir.get("/api/me/credits", user).json
        assert credits == {"balance": taken["balance"], "held": taken["held"]}
        list(s.events())
    ended = page.next("balance")
    assert ended == {"balance": weir.balance(user), "held": 0}


def test_a_gap_is_told(weir, user, listen):
    page = listen(user)
    weir.stop_redis(kill=True)
    weir.start_redis()
    page.next("resync", 15)
    notify(weir, user, 1)
    assert page.next("notification") == {"n": 1}


def test_too_many_pages(weir):
    """Three per process, of which there are two."""
    user = weir.make_user()
    opened, refused = [], []
    for _ in range(20):
        s = weir.stream("/api/events", user=user, method="GET")
        (opened if s.status == 200 else refused).append(s)
    answers = [s.answer() for s in refused]
    for s in opened:
        s.close()
    assert 3 <= len(opened) <= 6
    for answer in answers:
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert int(answer.headers["Retry-After"]) > 0


def test_places_are_given_back(weir):
    user = weir.make_user()
    for _ in range(20):
        with weir.stream("/api/events", user=user, method="GET") as s:
            assert s.status == 200, s.answer()
        time.sleep(0.05)


def test_revocation_ends_them(weir, listen):
    """Signed out, or disabled: the page hears nothing more within seconds; other sessions go on."""
    user = weir.make_user()
    again = weir.sign_in(user.login, user.password)
    first, second = listen(user), listen(again)
    assert weir.post("/api/auth/logout", {"refresh_token": user.refresh_token}).status in (200, 204)
    assert first.ended.wait(5)
    assert not second.ended.is_set()
    weir.weirctl("user", "disable", user.login)
    assert second.ended.wait(5)


def test_others_stay_when_one_is_revoked(weir, listen):
    """Many pages of several people, some with the same session: exactly the revoked ones end."""
    people = [weir.make_user() for _ in range(3)]
    pages = [listen(people[i % 3]) for i in range(6)]
    weir.weirctl("user", "disable", people[1].login)
    assert pages[1].ended.wait(5) and pages[4].ended.wait(5)
    for i in (0, 2, 3, 5):
        notify(weir, people[i % 3], i)
        assert not pages[i].ended.is_set()
    assert pages[0].next("notification")["n"] in (0, 3) and pages[5].next("notification")["n"] in (2, 5)


def test_what_is_no_line_is_not_passed_on(weir, user, listen):
    """A message with a line end in it would be several fields of the stream."""
    page = listen(user)
    channel = f"weir:user:{user.id}"
    with weir.redis() as redis:
        wait_until(lambda: redis.call("PUBSUB", "NUMSUB", channel)[1] >= 1, "subscribed", 10)
        redis.call("PUBLISH", channel, '{"type":"notification",\n"data":{"n":1}}')
    notify(weir, user, 2)
    assert page.next("notification") == {"n": 2}


def test_a_page_that_reads_nothing_for_a_while(weir, user):
    """Above the high-water mark events are dropped; that some were is told when there is room again."""
    params = fcgi_params("GET", "/api/events", headers={"Authorization": "Bearer " + user.token})
    with Fcgi(weir.fcgi_path) as conn:
        conn.begin()
        conn.send(fcgi_record(4, b"".join(fcgi_pair(k.encode(), v.encode()) for k, v in params.items())))
        conn.send(fcgi_record(4) + fcgi_record(5))
        head = conn.record()[2]
        assert b"text/event-stream" in head, head
        channel, big = f"weir:user:{user.id}", json.dumps({"type": "notification", "data": {"n": "x" * 60000}})
        with weir.redis() as redis:
            wait_until(lambda: redis.call("PUBSUB", "NUMSUB", channel)[1] >= 1, "subscribed", 10)
            for _ in range(60):
                redis.call("PUBLISH", channel, big)
        time.sleep(0.5)  # longer than a keep-alive: none is queued behind what is not read
        seen, until = b"", time.monotonic() + 10
        while b'"type":"resync"' not in seen and time.monotonic() < until:
            seen += conn.record()[2]
        assert b'"type":"resync"' in seen and seen.count(big.encode()) < 60
        notify(weir, user, 7)
        while b'"n": 7' not in seen and time.monotonic() < until:
            seen += conn.record()[2]
        assert b'"n": 7' in seen


def test_reload_ends_them_at_once(weir, user, listen):
    page, stays = listen(user), []
    began = time.monotonic()
    weir.reload_pool()
    assert page.ended.wait(10)
    assert time.monotonic() - began < 5 * busy()
    # as a page does: an answer by the process that drains ends at once, the next is another's
    wait_until(lambda: not (again := listen(user)).ended.wait(0.5) and stays.append(again) is None, "a lasting stream", 10)
    notify(weir, user, 2)
    assert stays[-1].next("notification") == {"n": 2}
