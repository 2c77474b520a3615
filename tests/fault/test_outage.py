"""PostgreSQL away for longer than a heartbeat lasts: the living are not taken for dead, streams and money come through."""

import threading
import time

import pytest

from weirtest import Services

AWAY_S = 24  # a process counts as dead after 20 s without a heartbeat


@pytest.fixture(scope="module")
def own():
    sv = Services()
    sv.shared = None
    with sv as weir:
        weir.up()
        yield weir


def test_a_stream_outlives_the_database(own):
    user = own.make_user()
    conversation = own.conversation(user)
    events = []

    def read():
        with own.stream(f"/api/conversations/{conversation}/messages/stream",
                        {"content": f"long [[demo deltas=300 duration={(AWAY_S - 4) * 1000}]]", "model": "demo-fast"}, user,
                        timeout_s=90) as s:
            events.extend(e.json for e in s.events() if e.json)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(1)
    own.stop_postgres(immediate=True)
    time.sleep(AWAY_S)
    assert events and events[-1]["type"] == "content"  # it flowed on, and waits for its settlement
    own.start_postgres()
    reader.join(30)
    assert events[-1]["type"] == "done", events[-1]
    done = events[-1]["data"]
    assert done["assistant_message"]["content"] == "".join(e["data"]["text"] for e in events if e["type"] == "content")
    assert done["credits_consumed"] > 0 and own.balance(user) == done["balance"]
    own.audit()
