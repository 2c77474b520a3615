"""A farm of readers that leave, come back and stop answers, most of them about when the answer ends.

Nothing is broken on purpose but one channel, whose host nobody knows: each answer is sought there first, as when
a provider's name is gone. No responder may die, no sanitizer may have anything to say, every text is whole.
"""

import collections
import contextlib
import http.client
import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faultlib import MANY, PATIENCE_S, prove, scale, script, seed  # noqa: E402

FARM_S = scale(12, 180)
READERS = scale(12, 48)
# Longer than a label of a name may be: no resolver asks the network for it.
NOBODY = "http://" + "n" * 70 + ".invalid/v1"
# Keep-alives and renewals come in the middle of answers; a reader who is slow pauses the provider.
WEIR_CONF = {**MANY, "upstream": {"retries": "0"}, "stream": {"disconnect_grace": "1s", "high_water": "4k"},
             "server": {"keepalive": "1s"}}

# What the provider says: paced, in bursts that come at once, with thoughts, in crumbs.
ANSWERS = ("deltas=12 interval=30", "deltas=25 interval=12 reasoning=6", "deltas=300 interval=0",
           "deltas=8 interval=40 bytes=900", "deltas=40 interval=3", "deltas=10 interval=25 fault=slices",
           "deltas=10 interval=20 fault=reset-mid", "deltas=16 interval=10 fault=no-done", "deltas=3 interval=1300",
           "deltas=60 interval=0 bytes=3000")
# About how long such an answer takes: leaving is aimed at its end.
ABOUT_S = (0.36, 0.37, 0.1, 0.32, 0.12, 0.25, 0.1, 0.16, 2.6, 0.2)


def leave(sock, reset):
    """Ends a connection under whoever reads it."""
    with contextlib.suppress(OSError):
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RDWR)


class Answer:
    """What one client has of an answer, over all its connections."""

    def __init__(self):
        self.task = self.last = self.final = None
        self.text, self.closed = "", False

    def take(self, event):
        self.closed = event.data == "[DONE]"
        self.last = event.id or self.last
        if event.json is None:
            return
        kind, data = event.json["type"], event.json["data"]
        if kind == "start":
            self.task = data["task_id"]
        elif kind == "content":
            self.text += data["text"]
        elif kind != "reasoning":
            self.final = kind


class Farm:
    def __init__(self, weir, dice):
        self.weir, self.dice = weir, dice
        self.users = [weir.make_user(credits="100000") for _ in range(4)]
        self.admin = weir.make_user(admin=True)
        self.over = threading.Event()
        self.answers, self.wrong = [], []
        self.counts = collections.Counter()

    def run(self, work, *args):
        """A thread that works again and again until the end."""
        def loop():
            dice = random.Random(self.dice.random())
            while not self.over.is_set():
                try:
                    work(dice, *args)
                except (OSError, http.client.HTTPException, ValueError, AttributeError):
                    self.counts["cut"] += 1  # the connection was taken away while it was read
                except Exception as e:  # noqa: BLE001 - told at the end
                    self.wrong.append(repr(e))
                    return

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        return thread

    def read(self, answer, stream, leave_s, reset=False):
        """Reads until the end, or until the connection is ended from outside."""
        sock = stream.conn.sock or stream.resp.fp.raw._sock
        timer = threading.Timer(leave_s, leave, (sock, reset)) if leave_s is not None else None
        if timer:
            timer.start()
        try:
            for event in stream.events():
                answer.take(event)
        finally:
            if timer:
                timer.cancel()

    def connect(self, answer, path, user, body=None, leave_s=None, reset=False):
        """One connection to an answer; False when it was cut."""
        headers = {"Last-Event-ID": answer.last} if answer.last else {}
        method = "GET" if body is None else "POST"
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            with self.weir.stream(path, body, user, method=method, headers=headers, timeout_s=PATIENCE_S) as s:
                if s.status != 200:
                    self.wrong.append((path, s.answer()))
                    return True
                self.read(answer, s, leave_s, reset)
        return answer.closed

    def chat(self, dice, user, conversation):
        """One turn, read in one of the ways of a page."""
        which = dice.randrange(len(ANSWERS))
        about_s = ABOUT_S[which] + 0.06
        at_s = dice.choice((dice.uniform(0, about_s), about_s - dice.uniform(-0.05, 0.1)))
        way = dice.choice(("whole", "leave", "resume", "resume", "twice", "abort"))
        body = {"content": script("farm", ANSWERS[which]), "model": dice.choice(("farm", "demo-fast"))}
        answer = Answer()
        path = f"/api/conversations/{conversation}/messages/stream"
        if way == "abort":
            stopper = threading.Timer(at_s, self.abort, (answer, user))
            stopper.start()
        self.connect(answer, path, user, body, None if way in ("whole", "abort") else max(0.0, at_s),
                     dice.random() < 0.3)
        if way == "abort":
            stopper.join()
        if way in ("resume", "twice") and answer.task:
            self.come_back(dice, answer, user, way == "twice")
        self.counts[way] += 1
        self.answers.append(answer)

    def come_back(self, dice, answer, user, twice):
        path = f"/api/tasks/{answer.task}/stream"
        if twice:  # another page, which leaves again at once, or soon
            self.connect(Answer(), path, user, None, dice.uniform(0, 0.15))
        for _ in range(20):
            if answer.closed or self.connect(answer, path, user, None, dice.choice((None, dice.uniform(0, 0.3)))):
                return

    def abort(self, answer, user):
        if answer.task:
            self.weir.post(f"/api/tasks/{answer.task}/abort", None, user)

    def events(self, dice, user):
        """A tab that is shown for a while."""
        shown_s = dice.choice((dice.uniform(0, 0.8), dice.uniform(0, 7)))
        self.connect(Answer(), "/api/events", user, None, shown_s, dice.random() < 0.3)
        self.counts["tab"] += 1

    def poll(self, dice):
        """The pool page, and who else counts."""
        path = dice.choice(("/api/admin/status", "/status", "/status?json", "/metrics"))
        got = self.weir.get(path, self.admin if path.startswith("/api") else None)
        if got.status != 200:
            self.wrong.append((path, got))
        self.counts["poll"] += 1
        time.sleep(dice.uniform(0, 0.1))

    def work(self, for_s):
        threads = [self.run(self.chat, u, self.weir.conversation(u))
                   for u in (self.users[i % len(self.users)] for i in range(READERS))]
        threads += [self.run(self.events, u) for u in self.users] + [self.run(self.poll) for _ in range(2)]
        time.sleep(for_s)
        self.over.set()
        for t in threads:
            t.join(PATIENCE_S)
            assert not t.is_alive(), "a client hangs"


def add_farm_model(weir):
    """A model that is looked for where nobody is, then found at the demo provider."""
    weir.weirctl("model", "add", "farm", "--input", "1", "--output", "2", "--context", "32000", "--max-output", "4000")
    weir.weirctl("channel", "add", "nobody", "--provider", "openai", "--url", NOBODY, "--priority", "9",
                 "--model", "farm")
    weir.weirctl("channel", "add", "somebody", "--provider", "openai", "--url", weir.demo_url, "--key-stdin",
                 "--allow-private", "--model", "farm=demo-fast", input="demo\n")


def test_nobody_dies_and_every_text_is_whole(weir):
    add_farm_model(weir)
    before = sorted(weir.responders())
    farm = Farm(weir, random.Random(seed()))
    farm.work(FARM_S)
    print(f"# {len(farm.answers)} answers: {dict(farm.counts)}")
    prove(weir)
    assert sorted(weir.responders()) == before, "a responder died"
    assert farm.wrong == [], farm.wrong[:5]
    with weir.pg() as pg:
        kept = {row[0]: row[1] for row in pg.query(
            "SELECT t.id, m.content FROM tasks t JOIN conversation_messages m ON m.id = t.message_id")}
    ended = [a for a in farm.answers if a.closed]
    assert len(ended) > len(farm.answers) // 4 > 0
    torn = [(a.task, a.final, a.text, kept[a.task]) for a in ended if a.text != kept[a.task]]
    assert torn == [], torn[:3]
