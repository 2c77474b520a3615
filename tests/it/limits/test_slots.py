"""Slots through the whole: 15 per user, 5 per conversation, GET /api/tasks/limits, races, agents, life without Redis."""

import contextlib
import signal
import threading
import time

import pytest

from weirtest import wait_until

STREAM = "/api/conversations/{}/messages/stream"


def open_stream(weir, user, conversation, **more):
    return weir.stream(STREAM.format(conversation), {"content": "go on", "model": "demo-slow", **more}, user, timeout_s=60)


@contextlib.contextmanager
def running(weir, user, conversations):
    """One slow turn per given conversation, all under way."""
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(open_stream(weir, user, c)) for c in conversations]
        for s in streams:
            assert s.status == 200, s.answer()
            s.until("start")
        yield streams
        for task in weir.get("/api/tasks?active=true", user).json["items"]:
            weir.post(f"/api/tasks/{task['id']}/abort", user=user)


def limits(weir, user, conversation=None):
    answer = weir.get("/api/tasks/limits" + (f"?conversation_id={conversation}" if conversation else ""), user)
    assert answer.status == 200, answer
    return answer.json


def idle(weir, user):
    wait_until(lambda: limits(weir, user)["global"]["active"] == 0, "no slot taken", 10)


@pytest.fixture
def someone(weir):
    return weir.make_user(credits="100000")


def test_limits_of_an_idle_user(weir, someone):
    assert limits(weir, someone) == {"global": {"active": 0, "limit": 15}, "conversation": {"active": 0, "limit": 5},
                                     "can_start": True}


def test_five_in_a_conversation(weir, someone):
    conversation = weir.conversation(someone)
    with running(weir, someone, [conversation] * 5):
        assert limits(weir, someone, conversation) == {
            "global": {"active": 5, "limit": 15}, "conversation": {"active": 5, "limit": 5}, "can_start": False,
            "reason": "conversation_queue_full"}
        with open_stream(weir, someone, conversation) as s:
            answer = s.answer()
        assert (answer.status, answer.code) == (429, "conversation_queue_full")
        assert int(answer.headers["Retry-After"]) > 0
        chinese = weir.post(STREAM.format(conversation), {"content": "x"}, someone, headers={"Accept-Language": "zh"})
        assert chinese.json["message"] == "当前对话任务队列已满，最多同时执行 5 个任务"
        other = weir.conversation(someone)
        assert limits(weir, someone, other)["can_start"]
        assert weir.chat(someone, "hi", other, model="demo-fast").final["type"] == "done"
    idle(weir, someone)
    assert weir.chat(someone, "hi", conversation, model="demo-fast").final["type"] == "done"


def test_fifteen_of_a_user(weir, someone):
    conversations = [weir.conversation(someone) for _ in range(3)]
    with running(weir, someone, conversations * 5):
        assert limits(weir, someone)["reason"] == "task_queue_full"
        other = weir.conversation(someone)
        answer = weir.post(STREAM.format(other), {"content": "x"}, someone, headers={"Accept-Language": "zh"})
        assert (answer.status, answer.code) == (429, "task_queue_full")
        assert answer.json["message"] == "任务队列已满，最多同时执行 15 个任务"
        # regenerating takes a slot as well; another user has his own
        done = weir.make_user()
        assert weir.chat(done, "hi", model="demo-fast").final["type"] == "done"
    idle(weir, someone)


def test_a_slot_is_held_until_settled_and_given_back_at_once(weir, someone):
    turn = weir.chat(someone, "hi", model="demo-fast")
    assert turn.final["type"] == "done"
    wait_until(lambda: limits(weir, someone, turn.conversation)["conversation"]["active"] == 0, "slot given back", 1)


def race(weir, user, conversations, n=60):
    """n simultaneous sends; returns the statuses. Every turn that opened is aborted."""
    statuses, barrier, hold = [], threading.Barrier(n), threading.Event()

    def send(i):
        barrier.wait()
        with open_stream(weir, user, conversations[i % len(conversations)]) as s:
            if s.status == 200:
                s.until("start")
            statuses.append(s.status if s.status == 200 else s.answer().code)
            hold.wait(60)

    threads = [threading.Thread(target=send, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    try:
        wait_until(lambda: len(statuses) == n, "all answered", 60)
        return sorted(map(str, statuses))
    finally:
        hold.set()
        for t in threads:
            t.join()
        for task in weir.get("/api/tasks?active=true", user).json["items"]:
            weir.post(f"/api/tasks/{task['id']}/abort", user=user)


def test_race(weir, someone):
    conversations = [weir.conversation(someone) for _ in range(6)]
    assert race(weir, someone, conversations).count("200") == 15
    idle(weir, someone)
    assert race(weir, someone, conversations[:1]).count("200") == 5
    idle(weir, someone)


def test_other_peoples_conversation(weir, someone):
    stranger = weir.conversation(weir.make_user())
    assert weir.get(f"/api/tasks/limits?conversation_id={stranger}", someone).status == 404
    assert weir.get("/api/tasks/limits?conversation_id=nonsense", someone).status == 400
    assert weir.get("/api/tasks/limits").status == 401


@pytest.fixture(scope="module")
def agent(weir, admin):
    """Id of an agent that takes its time."""
    model = next(m["id"] for m in weir.get("/api/models", admin).json["items"] if m["name"] == "demo-slow")
    answer = weir.post("/api/admin/agents", {"name": "slow one", "prompt": "Be slow.", "model_id": model}, admin)
    assert answer.status == 201, answer
    return answer.json["id"]


def test_agents_lock_their_conversation(weir, someone, agent):
    conversations = [weir.conversation(someone, agent_id=agent, project_id=f"p{i}") for i in range(4)]
    with running(weir, someone, conversations[:3]):
        with open_stream(weir, someone, conversations[0]) as s:
            assert s.answer().code == "conversation_busy"
        with open_stream(weir, someone, conversations[3]) as s:
            answer = s.answer()
        assert (answer.status, answer.code) == (429, "conversation_limit")
    idle(weir, someone)
    assert weir.chat(someone, "hi", conversations[3], model="demo-fast").final["type"] == "done"


# ---- calls of the relay ---------------------------------------------------------------

WORDS = [{"role": "user", "content": "hi"}]
CALLS = {
    "/v1/chat/completions": {"model": "demo-fast", "messages": WORDS},
    "/v1/completions": {"model": "demo-fast", "prompt": "hi"},
    "/v1/messages": {"model": "demo-fast", "max_tokens": 9, "messages": WORDS},
    "/v1/responses": {"model": "demo-fast", "input": "hi", "store": False},
    "/v1beta/models/demo-fast:generateContent": {"contents": [{"parts": [{"text": "hi"}]}]},
}


def scripts_run(redis):
    """How many scripts have run in Redis since it began."""
    line = next((w for w in redis.call("INFO", "commandstats").split() if w.startswith("cmdstat_evalsha:")), "=0,")
    return int(line.split("=")[1].split(",")[0])


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.strip("/").replace("/", " "))
def test_a_call_asks_redis_once(weir, someone, path):
    """For its rates and its place together; the place is given back by a command."""
    key = f"weir:task:relay:{someone.id}"
    assert weir.post(path, CALLS[path], someone).status == 200
    with weir.redis() as redis:
        wait_until(lambda: redis.call("ZCARD", key) == 0, "the place is given back", 5)
        before = scripts_run(redis)
        for _ in range(10):
            assert weir.post(path, CALLS[path], someone).status == 200
        assert 10 <= scripts_run(redis) - before <= 14, "beside what runs by the clock"
        wait_until(lambda: redis.call("ZCARD", key) == 0, "the places are given back", 5)


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.strip("/").replace("/", " "))
def test_as_many_calls_as_a_user_may_have(weir, someone, path):
    """And what is refused for another reason keeps no place."""
    key = f"weir:task:relay:{someone.id}"
    with weir.redis() as redis:
        assert weir.post(path, {"what": "is this"}, someone).status in (400, 404)
        wait_until(lambda: redis.call("ZCARD", key) == 0, "the place is given back", 5)
        for i in range(200):
            redis.call("ZADD", key, "99999999999999", f"call {i}")
        answer = weir.post(path, CALLS[path], someone)
        assert answer.status == 429 and answer.headers["retry-after"], answer
        redis.call("ZREM", key, "call 0")
        assert weir.post(path, CALLS[path], someone).status == 200
        redis.call("DEL", key)


# ---- Redis in trouble --------------------------------------------------------------


def test_flushall_forgets_nothing(weir, someone):
    """A running turn registers itself again within a third of a lease."""
    conversation = weir.conversation(someone)
    with running(weir, someone, [conversation] * 2):
        with weir.redis() as redis:
            redis.call("FLUSHALL")
        assert limits(weir, someone)["global"]["active"] == 0
        wait_until(lambda: limits(weir, someone, conversation)["conversation"]["active"] == 2, "slots are back", 12)
    idle(weir, someone)


def test_without_redis_the_limits_hold(weir, someone):
    conversations = [weir.conversation(someone) for _ in range(6)]
    weir.stop_redis(kill=True)
    try:
        assert race(weir, someone, conversations).count("200") == 15
        wait_until(lambda: limits(weir, someone)["global"]["active"] == 0, "tasks ended", 15)
        with running(weir, someone, [conversations[0]] * 5):
            assert limits(weir, someone, conversations[0])["reason"] == "conversation_queue_full"
            with open_stream(weir, someone, conversations[0]) as s:
                assert s.answer().code == "conversation_queue_full"
    finally:
        weir.start_redis()
    wait_until(lambda: weir.chat(someone, "hi", model="demo-fast").final["type"] == "done", "back to normal", 10)


def test_agents_without_redis(weir, someone, agent):
    conversations = [weir.conversation(someone, agent_id=agent, project_id=f"p{i}") for i in range(4)]
    weir.stop_redis(kill=True)
    try:
        with running(weir, someone, conversations[:3]):
            with open_stream(weir, someone, conversations[0]) as s:
                answer = s.answer()
            assert (answer.status, answer.code) == (409, "conversation_busy")
            with open_stream(weir, someone, conversations[3]) as s:
                assert s.answer().code == "conversation_limit"
    finally:
        weir.start_redis()
    idle(weir, someone)


def test_a_frozen_redis_costs_a_moment(weir, someone):
    conversation = weir.conversation(someone)
    weir.daemons.send("redis", signal.SIGSTOP)
    try:
        times = []
        for _ in range(60):
            began = time.monotonic()
            assert weir.get(f"/api/conversations/{conversation}", someone).status == 200
            times.append(time.monotonic() - began)
        # a few wait for the time-out; the breaker spares the others
        assert sum(t > 0.2 for t in times) <= 12, times
        assert max(times) < 2
        assert weir.chat(someone, "hi", conversation, model="demo-fast").final["type"] == "done"
    finally:
        weir.daemons.send("redis", signal.SIGCONT)
    idle(weir, someone)
