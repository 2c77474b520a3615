"""Events at a real RabbitMQ: each at least once, in the words of docs/EVENTS.md; none lost while it is away, none in anybody's way."""

import json
import os
import signal

import pika
import pytest
import weirstack
from weirtest import Services, wait_until

PATH = "/v1/chat/completions"
EXCHANGE = "weir-events"
START_S = 60


class Broker:
    """A RabbitMQ of our own, with what it needs to find itself."""

    def __init__(self, weir):
        self.weir, self.daemons, self.folder = weir, weir.daemons, weir.folder + "/rabbit"
        self.port, self.epmd, self.dist = (weirstack.free_port() for _ in range(3))
        os.makedirs(self.folder, exist_ok=True)

    def start(self):
        if not self.daemons.pid("epmd"):
            self.daemons.start("epmd", ["epmd", "-port", str(self.epmd), "-address", "127.0.0.1"])
            self.weir._wait_port("epmd", self.epmd)
        self.daemons.start("rabbit", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], cwd=self.folder, env={
            "HOME": self.folder, "RABBITMQ_NODENAME": f"weir{self.port}@localhost", "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_DIST_PORT": str(self.dist), "ERL_EPMD_PORT": str(self.epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_MNESIA_BASE": self.folder + "/mnesia", "RABBITMQ_LOG_BASE": self.folder,
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder + "/plugins", "RABBITMQ_CONFIG_FILE": self.folder + "/none",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none"})
        wait_until(self.answers, "RabbitMQ", START_S, 0.2)

    def answers(self):
        self.daemons.expect_alive("rabbit")
        try:
            self.connect().close()
            return True
        except (pika.exceptions.AMQPError, OSError):
            return False

    def connect(self):
        return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", self.port, socket_timeout=5, blocked_connection_timeout=5))

    def stop(self):
        """With all that its script started."""
        os.killpg(self.daemons.pid("rabbit"), signal.SIGKILL)
        self.daemons.stop("rabbit", signal.SIGKILL)


class Reader:
    """A queue that outlives the broker, and all that was ever in it, by the messages' ids."""

    def __init__(self, broker, name, key="#"):
        self.broker, self.name, self.key, self.by_id, self.copies = broker, name, key, {}, 0
        self.read(0)

    def read(self, wait_s=0.2):
        conn = self.broker.connect()
        channel = conn.channel()
        channel.exchange_declare(EXCHANGE, "topic", durable=True)
        channel.queue_declare(self.name, durable=True)
        channel.queue_bind(self.name, EXCHANGE, self.key)
        for method, props, body in channel.consume(self.name, inactivity_timeout=wait_s):
            if method is None:
                break
            self.by_id[props.message_id] = (method.routing_key, props, json.loads(body))
            self.copies += 1
            channel.basic_ack(method.delivery_tag)
        channel.cancel()
        conn.close()
        return self

    def bodies(self, topic):
        return [body for _, _, body in self.read().by_id.values() if body["topic"] == topic]

    def until(self, topic, count, what):
        wait_until(lambda: len(self.bodies(topic)) >= count, what, 30, 0.2)
        return self.bodies(topic)


@pytest.fixture(scope="module")
def broker():
    with Services() as weir:
        b = Broker(weir)
        b.start()
        b.conf = {"bridge": {"url": f"amqp://127.0.0.1:{b.port}", "exchange": EXCHANGE, "routing_key": "weir.{topic}.v1"},
                  "health": {"failures": "3"}}
        weir.up(b.conf)
        yield b
        b.stop()


@pytest.fixture(scope="module")
def weir(broker):
    return broker.weir


@pytest.fixture(scope="module")
def reader(broker):
    return Reader(broker, "all")


def call(weir, user, expected=200):
    answer = weir.post(PATH, {"model": "demo-fast", "messages": [{"role": "user", "content": "hi [[demo deltas=2]]"}]}, user)
    assert answer.status == expected, answer


def outbox(weir):
    with weir.pg() as pg:
        return int(pg.one("SELECT count(*) FROM event_outbox"))


def test_turns_and_grants(weir, reader):
    user = weir.make_user(credits="100")
    turn = weir.chat(user, "hi [[demo deltas=3]]")
    assert turn.status == 200
    (ended,) = [b for b in reader.until("task.ended", 1, "the turn") if b["user_id"] == user.id]
    assert (ended["type"], ended["status"], ended["error_code"]) == ("chat", "completed", None)
    assert ended["conversation_id"] == turn.conversation and float(ended["credits"]) > 0
    granted = [b for b in reader.until("credits.granted", 1, "the grant") if b["user_id"] == user.id]
    assert float(granted[0]["credits"]) == 100
    key, props, body = next(m for m in reader.by_id.values() if m[2] == ended)
    assert key == "weir.task.ended.v1"
    assert (props.type, props.app_id, props.content_type, props.delivery_mode) == ("task.ended", "weir", "application/json", 2)
    assert props.message_id == str(body["id"]) and body["at"].startswith("20")


def test_each_relayed_call_once(weir, reader):
    """Those with a hold and those that take from an allowance."""
    user = weir.make_user(credits="1000")
    for _ in range(30):
        call(weir, user)
    wait_until(lambda: len([b for b in reader.bodies("task.ended") if b["user_id"] == user.id]) >= 30, "30 calls", 30, 0.2)
    ended = [b for b in reader.bodies("task.ended") if b["user_id"] == user.id]
    with weir.pg() as pg:
        by_allowance, all_calls = pg.query("SELECT count(allowance_id), count(*) FROM usage WHERE user_id = $1", user.id)[0]
        spent = float(pg.one("SELECT sum(cost) FROM usage WHERE user_id = $1", user.id))
    assert int(by_allowance) > 5 and int(all_calls) == 30
    assert len({b["task_id"] for b in ended}) == len(ended) == 30
    assert sum(float(b["credits"]) for b in ended) == pytest.approx(spent) and {b["type"] for b in ended} == {"relay"}


def test_a_channel_that_fails(weir, reader):
    weir.weirctl("model", "add", "dead", "--input", "1", "--output", "2", "--context", "8000", "--max-output", "100")
    weir.weirctl("channel", "add", "dead", "--provider", "openai", "--url", f"http://127.0.0.1:{weirstack.free_port()}/v1", "--key-stdin",
                 "--allow-private", "--model", "dead=dead", input="k\n")
    user = weir.make_user()
    for _ in range(6):
        weir.post(PATH, {"model": "dead", "messages": [{"role": "user", "content": "hi"}]}, user)
    (down,) = reader.until("channel.down", 1, "it is down")[:1]
    assert (down["channel"], down["http_status"]) == ("dead", 0) and down["cause"]


def test_usage_is_summed_up(weir, reader):
    (summed,) = reader.until("usage.rolled_up", 1, "sums")[:1]
    assert summed["to_id"] >= summed["from_id"] > 0


def test_away_it_holds_up_nobody_and_misses_nothing(weir, broker, reader):
    user = weir.make_user(credits="1000")
    broker.stop()
    for _ in range(10):
        call(weir, user)
    assert weir.chat(user, "hi [[demo deltas=2]]").status == 200
    wait_until(lambda: outbox(weir) >= 11, "events wait", 10, 0.1)
    assert weir.get("/readyz").status == 200
    broker.start()
    wait_until(lambda: len([b for b in reader.bodies("task.ended") if b["user_id"] == user.id]) == 11, "all eleven", 60, 0.3)
    wait_until(lambda: outbox(weir) == 0, "nothing waits", 10, 0.1)


def test_a_killed_worker_misses_nothing(weir, reader):
    user, n = weir.make_user(credits="1000"), 60
    for i in range(n):
        call(weir, user)
        if i % 15 == 7:
            weir.daemons.stop("worker", signal.SIGKILL)
            weir.start_worker()
    wait_until(lambda: len([b for b in reader.bodies("task.ended") if b["user_id"] == user.id]) == n, "each of them", 30, 0.2)
    assert reader.copies >= len(reader.by_id)


def test_topics_and_another_exchange_at_a_reload(weir, broker):
    """The worker reads its configuration again; what nobody wants is not kept either."""
    conf = {"bridge": {**broker.conf["bridge"], "topics": "channel.down credits.granted", "routing_key": "plain", "exchange": EXCHANGE}}
    weir.write_conf(conf)
    weir.daemons.stop("worker")
    weir.start_worker()
    wait_until(lambda: outbox(weir) == 0, "nothing waits", 20, 0.1)
    reader = Reader(broker, "some", "plain")
    user = weir.make_user(credits="7")
    call(weir, user)
    reader.until("credits.granted", 1, "the grant")
    wait_until(lambda: outbox(weir) == 0, "the call is not kept", 20, 0.1)
    assert reader.bodies("task.ended") == []
    weir.write_conf(broker.conf)


def test_without_a_bridge_nothing_is_kept(weir):
    weir.write_conf({})
    weir.daemons.stop("worker")
    with weir.pg() as pg:
        was = pg.one("SELECT coalesce(max(id), 0) FROM event_outbox")
        pg.query("INSERT INTO channel_events (channel_id, channel, kind) VALUES (1, 'x', 'down')")  # by a session without
        user = weir.make_user()
        weir.weirctl("credits", "grant", user.login, "5", "--reason", "test")
        assert pg.one("SELECT count(*) FROM event_outbox WHERE id > $1 AND (body->>'user_id' = $2 OR body->>'channel' = 'x')",
                      was, user.id) == "0"


def test_what_is_too_old_is_given_up(weir, broker):
    weir.write_conf({"bridge": {**broker.conf["bridge"], "url": f"amqp://127.0.0.1:{weirstack.free_port()}", "keep_days": "3"}})
    with weir.pg() as pg:
        pg.query("INSERT INTO event_outbox (topic, body, created_at) VALUES ('a', '{}', now() - interval '4 days'), ('b', '{}', now())")
    weir.start_worker()
    with weir.pg() as pg:  # beside what the responders may still have to tell
        wait_until(lambda: pg.one("SELECT string_agg(topic, ' ') FROM event_outbox WHERE topic IN ('a', 'b')") == "b", "the old one went", 20, 0.1)
    with open(weir.daemons.log("worker")) as log:
        lines = [json.loads(line) for line in log if line.startswith("{")]
    assert any(r["event"] == "events_given_up" and r["count"] == 1 for r in lines)
    assert any(r["event"] == "bridge_away" for r in lines)
