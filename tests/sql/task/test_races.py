"""A hundred at once: exactly one effect per key, N sends for N credits, limits never passed, holds end once."""
import collections
import json
import os
import random
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest, new_id  # noqa: E402

MANY = 100


class Races(DatabaseTest):
    def outcomes(self, results):
        for result in results:
            if isinstance(result, Exception):
                raise result
        return collections.Counter(r["outcome"] for r in results)

    def test_one_key_one_effect(self):
        for hold in (1, 0):
            user = self.user(1000)
            conversation = self.conversation(user)
            results = self.race(MANY, lambda db, n: dict(zip(
                ("task", "row"), self.open(user, conversation, db, key="K", hold=hold))))
            self.assertEqual(self.outcomes([r["row"] for r in results]), {"ok": 1, "idempotent_replay": MANY - 1})
            (winner,) = [r["task"] for r in results if r["row"]["outcome"] == "ok"]
            self.assertEqual({r["row"]["existing_task_id"] for r in results} - {None}, {winner})
            self.assertEqual(self.credits(user), 1000 - hold)
            self.assertEqual(self.db.value("SELECT count(*) FROM tasks WHERE user_id = $1", user), 1)
            self.assertEqual(self.db.value("SELECT count(*) FROM conversation_messages WHERE user_id = $1", user), 2)

    def test_one_key_many_conversations(self):
        user = self.user(1000)
        conversations = [self.conversation(user) for _ in range(10)]
        results = self.race(MANY, lambda db, n: self.open(
            user, conversations[n % 10], db, key="K", route=f"POST /{n % 10}", hash=b"h")[1])
        counts = self.outcomes(results)
        self.assertEqual(counts, {"ok": 1, "idempotent_replay": 9, "idempotency_mismatch": 90})
        self.assertEqual(self.credits(user), 999)

    def test_one_key_without_credit(self):
        user = self.user()
        conversation = self.conversation(user)
        results = self.race(MANY, lambda db, n: self.open(user, conversation, db, key="K")[1])
        self.assertEqual(self.outcomes(results), {"insufficient": MANY})
        self.assertEqual(self.db.query("SELECT 1 FROM idempotency_keys WHERE user_id = $1", user), [])

    def test_balance_for_n(self):
        for affordable in (0, 1, 7):
            user = self.user(affordable)
            conversations = [self.conversation(user) for _ in range(20)]
            results = self.race(MANY, lambda db, n: self.open(user, conversations[n % 20], db)[1])
            self.assertEqual(self.outcomes(results), collections.Counter(ok=affordable, insufficient=MANY - affordable))
            self.assertEqual(self.credits(user), 0)

    def test_a_user_who_goes(self):
        """No history stays of a user who is deleted, in the order of locks, while holds are taken and end."""
        for _ in range(5):
            user = self.user(1000)
            first = self.hold(user, 1)[0]

            def act(db, n):
                if n == MANY // 2:
                    db.query("BEGIN")
                    db.query("SELECT FROM credit_transactions WHERE user_id = $1 FOR UPDATE", user)
                    db.query("DELETE FROM users WHERE id = $1", user)
                    return db.query("COMMIT")
                if n % 2:
                    return db.query("SELECT credits_confirm($1, 0.5, 'chat_cost')", first)
                return db.query("SELECT credits_hold($1, $2, $3, 1, 'x', 600)", new_id(), new_id(), user)

            errors = [r for r in self.race(MANY, act) if isinstance(r, Exception)]
            self.assertEqual(errors, [])
            self.assertEqual(self.db.value("SELECT count(*) FROM users WHERE id = $1", user), 0)
            self.assertEqual(self.db.value("SELECT count(*) FROM credits_history WHERE user_id = $1", user), 0)

    def test_limits_exact(self):
        user = self.user(1000)
        conversations = [self.conversation(user) for _ in range(5)]
        results = self.race(MANY, lambda db, n: self.open(user, conversations[n % 5], db, user_limit=15, conv_limit=5)[1])
        self.assertEqual(self.outcomes(results)["ok"], 15)
        conversation = self.conversation(self.user(0))
        user = self.db.value("SELECT user_id FROM conversations WHERE id = $1", conversation)
        results = self.race(MANY, lambda db, n: self.open(user, conversation, db, hold=0, user_limit=15, conv_limit=5)[1])
        self.assertEqual(self.outcomes(results), {"ok": 5, "conversation_queue_full": MANY - 5})
        user = self.user(1000)
        conversations = [self.conversation(user) for _ in range(20)]
        results = self.race(MANY, lambda db, n: self.open(user, conversations[n % 20], db, agent_limit=3)[1])
        running = self.db.value("SELECT count(DISTINCT conversation_id) FROM tasks WHERE user_id = $1 AND agent_run", user)
        self.assertEqual(running, 3)
        # the first run in each of three conversations; the others find their own busy or three busy already
        self.assertEqual(self.outcomes(results), {"ok": 3, "conversation_busy": 12, "conversation_limit": 85})

    def test_sequences(self):
        user = self.user(1000)
        conversation = self.conversation(user)
        self.outcomes(self.race(MANY, lambda db, n: self.open(user, conversation, db)[1]))
        rows = self.db.query("SELECT sequence, role, task_id FROM conversation_messages WHERE conversation_id = $1 ORDER BY sequence",
                             conversation)
        self.assertEqual([r["sequence"] for r in rows], list(range(1, 2 * MANY + 1)))
        for question, answer in zip(rows[::2], rows[1::2]):
            self.assertEqual((question["role"], answer["role"], question["task_id"]), ("user", "assistant", answer["task_id"]))

    def test_one_hold_per_task(self):
        user = self.user(1000)
        task = new_id()
        results = self.race(MANY, lambda db, n: db.row("SELECT * FROM credits_hold($1, $2, $3, 3, 'x', 600)", task, new_id(), user))
        self.assertEqual(self.outcomes(results), {"ok": 1, "duplicate": MANY - 1})
        self.assertEqual(self.credits(user), 997)

    def test_a_hold_made_this_moment_is_not_over(self):
        """Who ends it too early is told that it is missing, never that it has ended."""
        user = self.user(100000)
        tasks = [new_id() for _ in range(40)]

        def race(db, n):
            if n % 2:
                return [db.value("SELECT outcome FROM credits_hold($1, $2, $3, 3, 'x', 600)", t, new_id(), user) for t in tasks]
            return [db.value("SELECT outcome FROM credits_refund($1, 'x')", t) for t in tasks for _ in range(3)]

        results = self.race(6, race)
        self.assertEqual([r for r in results if isinstance(r, Exception)], [])
        refunds = results[::2]
        pending = self.db.query("SELECT task_id FROM credit_transactions WHERE user_id = $1 AND status = 'pending'", user)
        for row in pending:
            at = tasks.index(row["task_id"])
            for outcomes in refunds:
                self.assertEqual(set(outcomes[3 * at:3 * at + 3]), {"missing"})
        self.db.query("SELECT credits_refund(task_id, 'end') FROM credit_transactions WHERE user_id = $1", user)
        self.assertEqual(self.credits(user), 100000)

    def test_hold_ends_once(self):
        user = self.user(1000)
        task, _ = self.hold(user, 100, lease_s=-1)
        ways = ("SELECT outcome FROM credits_confirm($1, 40, 'chat_cost')", "SELECT outcome FROM credits_refund($1, 'x')",
                "SELECT CASE credits_expire(100) WHEN 0 THEN 'already' ELSE 'ok' END AS outcome WHERE $1::uuid IS NOT NULL")
        results = self.race(MANY, lambda db, n: db.row(ways[n % 3], task))
        self.assertEqual(self.outcomes(results), {"ok": 1, "already": MANY - 1})
        self.assertIn(self.credits(user), (1000, 960))

    def test_task_settles_once(self):
        user = self.user(1000)
        process = self.process()
        task, _ = self.open(user, self.conversation(user), hold=100, lease_s=-1, owner=process)
        self.kill(process)

        def end(db, n):
            if n % 4 == 0:
                return {"settled": db.value("SELECT credits_expire(10)") == 1}
            return self.settle(task, db, owner=process if n % 2 else None, cost=n + 1)

        results = self.race(MANY, end)
        for result in results:
            if isinstance(result, Exception):
                raise result
        self.assertEqual(sum(r["settled"] for r in results), 1)
        ends = {(r["charged"], r["task_status"]) for r in results if "charged" in r}
        self.assertEqual(len(ends), 1, "everybody is told the same end")

    def test_everything_together(self):
        """Random work on few users and conversations, deletions included; afterwards the ledger is sound."""
        users = [self.user(20) for _ in range(3)]
        conversations = [(u, self.conversation(u)) for u in users for _ in range(2)]
        processes = [self.process() for _ in range(2)]
        unexpected = []

        def work(db, n):
            dice = random.Random(n)
            mine = []
            for _ in range(30):
                user, conversation = dice.choice(conversations)
                roll = dice.random()
                if roll < 0.45:
                    task, row = self.open(user, conversation, db, owner=dice.choice(processes), hold=dice.choice((0, 1, 3)),
                                          user_limit=dice.choice((None, 15)), lease_s=dice.choice((-1, 600)))
                    if row["outcome"] == "ok":
                        mine.append((task, row["assistant_message"]["id"]))
                elif roll < 0.85 and mine:
                    task, message = mine.pop(dice.randrange(len(mine)))
                    end = dice.choice((("completed", "success"), ("failed", "error"), ("cancelled", "error")))
                    for process in processes:
                        self.settle(task, db, owner=process, outcome=end[0], status=end[1], cost=dice.choice((0, 0.5, 2)))
                    if end[1] == "error" and dice.random() < 0.5:
                        task, row = self.open(user, conversation, db, mode="regenerate_in_place", target=message, owner=processes[0])
                        if row["outcome"] == "ok":
                            mine.append((task, message))
                elif roll < 0.9:
                    db.query("SELECT credits_expire(100)")
                    db.query("SELECT credits_extend($1, 600)", processes[0])
                elif roll < 0.95:
                    db.query("SELECT message_delete($1, $2, (SELECT id FROM conversation_messages WHERE conversation_id = $2 LIMIT 1))",
                             user, conversation)
                elif n == 0:
                    db.query("SELECT conversation_delete($1, $2)", user, conversation)
                    conversations[conversations.index((user, conversation))] = (user, self.conversation_of(db, user))
            for task, _ in mine:
                for process in processes:
                    self.settle(task, db, owner=process, cost=1)
            return None

        unexpected = [r for r in self.race(24, work) if r is not None]
        self.assertEqual(unexpected, [])
        self.assertEqual(self.db.value("SELECT count(*) FROM tasks WHERE user_id = ANY ($1::uuid[]) AND status = 'running'",
                                       "{" + ",".join(users) + "}"), 0)
        self.assertGreater(self.db.value("SELECT count(*) FROM usage"), 100)

    @staticmethod
    def conversation_of(db, user):
        conversation = new_id()
        db.query("INSERT INTO conversations (id, user_id) VALUES ($1, $2)", conversation, user)
        return conversation


class Order(DatabaseTest):
    """The order of locks, at the head of functions/task.sql: who waits for a row has locked none of a later kind."""

    KINDS = {
        "conversation": "SELECT FROM conversations WHERE user_id = $1 ORDER BY id",
        "task": "SELECT FROM tasks WHERE user_id = $1 ORDER BY id",
        "key": "SELECT FROM idempotency_keys WHERE user_id = $1 ORDER BY key",
        "hold": "SELECT FROM credit_transactions WHERE user_id = $1 ORDER BY task_id",
        "user": "SELECT FROM users WHERE id = $1",
        "message": "SELECT FROM conversation_messages WHERE user_id = $1 ORDER BY id",
    }

    def world(self):
        """Two live tasks, of a process that is dead, whose leases ran out; a failed answer; an old key."""
        w = {"user": self.user(100)}
        w["conversation"] = self.conversation(w["user"])
        failed, opened = self.open(w["user"], w["conversation"])
        self.fail_turn(failed)
        w["failed"] = opened["assistant_message"]["id"]
        w["owner"] = self.process()
        w["tasks"] = [self.open(w["user"], w["conversation"], owner=w["owner"], lease_s=-1)[0] for _ in range(2)]
        self.kill(w["owner"])
        self.db.query("INSERT INTO idempotency_keys (user_id, key, route, body_hash, created_at)"
                      " VALUES ($1, 'K', 'r', 'h', now() - interval '25 h')", w["user"])
        return w

    def settled(self, tasks):
        return json.dumps([{"task_id": t, "outcome": "completed", "message_status": "success", "content": "x", "output_tokens": 1,
                            "cost": "0.5", "model_id": self.model} for t in tasks])

    # name: (the kinds it waits for, what it does in world w)
    CALLS = {
        "turn_open": ("conversation key user", lambda t, db, w: t.open(
            w["user"], w["conversation"], db, key="K")),
        "turn_open with limits": ("conversation key user", lambda t, db, w: t.open(
            w["user"], w["conversation"], db, key="K", user_limit=15, conv_limit=5)),
        "turn_open in place": ("conversation user message", lambda t, db, w: t.open(
            w["user"], w["conversation"], db, mode="regenerate_in_place", target=w["failed"])),
        "turns_settle": ("conversation task hold user message", lambda t, db, w: db.query(
            "SELECT * FROM turns_settle($1, $2)", w["owner"], t.settled(w["tasks"]))),
        "turn_settle": ("conversation task hold user message", lambda t, db, w: t.settle(w["tasks"][0], db, owner=None)),
        "conversation_delete": ("conversation task message", lambda t, db, w: db.query(
            "SELECT conversation_delete($1, $2)", w["user"], w["conversation"])),
        "message_delete": ("conversation message", lambda t, db, w: db.query(
            "SELECT message_delete($1, $2, $3)", w["user"], w["conversation"], w["failed"])),
        "task_cancel_request": ("task", lambda t, db, w: db.query("SELECT task_cancel_request($1, $2)", w["tasks"][0], w["user"])),
        "credits_expire": ("hold user message", lambda t, db, w: db.query("SELECT credits_expire(100)")),
        "credits_extend": ("", lambda t, db, w: db.query("SELECT credits_extend($1, 600)", w["owner"])),
        "credits_hold": ("user", lambda t, db, w: db.query("SELECT credits_hold($1, $2, $3, 1, 'x', 600)", new_id(), new_id(), w["user"])),
        "credits_confirm": ("hold user", lambda t, db, w: db.query("SELECT credits_confirm($1, 1, 'chat_cost')", w["tasks"][0])),
        "credits_refund": ("hold user", lambda t, db, w: db.query("SELECT credits_refund($1, 'x')", w["tasks"][0])),
        "key_claim": ("key", lambda t, db, w: db.query("SELECT key_claim($1, 'K', 'r', 'h', NULL)", w["user"])),
        "prune_expired": ("", lambda t, db, w: db.query("SELECT prune_expired(100)")),
    }

    audited = False  # holds are ended alone, leases are over

    def waits(self, call, kind):
        """Does `call` wait for a row of this kind that another has locked?  None of a later one may be locked then."""
        w, done = self.world(), threading.Event()
        with self.connect() as holder, self.connect() as db:
            pid = db.value("SELECT pg_backend_pid()")
            errors = []

            def run():
                try:
                    call(self, db, w)
                except Exception as error:
                    errors.append(error)
                done.set()

            holder.query("BEGIN")
            holder.query(self.KINDS[kind] + " FOR NO KEY UPDATE", w["user"])
            thread = threading.Thread(target=run)
            thread.start()
            while not done.wait(0.005) and not self.db.value("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
                pass
            waiting = not done.is_set()
            try:
                for later in list(self.KINDS)[list(self.KINDS).index(kind) + 1:] if waiting else ():
                    with self.subTest(waits_for=kind, has_locked=later):
                        holder.query("SAVEPOINT s")
                        try:
                            holder.query(self.KINDS[later] + " FOR NO KEY UPDATE NOWAIT", w["user"])
                        except Error as error:
                            holder.query("ROLLBACK TO s")
                            self.fail(error)
            finally:
                holder.query("ROLLBACK")
                thread.join()
        self.assertEqual(errors, [])
        return waiting

    def test_order(self):
        for name, (kinds, call) in self.CALLS.items():
            with self.subTest(name):
                self.assertEqual([k for k in self.KINDS if self.waits(call, k)], kinds.split())

    def test_a_set_locks_in_the_order_of_ids(self):
        """Whoever waits for the second row of a kind has the first."""
        for call, kind, key in ((self.CALLS["turns_settle"][1], "tasks", "id"), (self.CALLS["credits_expire"][1], "credit_transactions", "task_id")):
            w = self.world()
            w["tasks"].reverse()  # as told
            with self.connect() as holder, self.connect() as db, self.connect() as other:
                holder.query("BEGIN")
                holder.query(f"SELECT FROM {kind} WHERE {key} = $1 FOR NO KEY UPDATE", max(w["tasks"]))
                thread = threading.Thread(target=call, args=(self, db, w))
                thread.start()
                while not self.db.value("SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()"
                                        " AND cardinality(pg_blocking_pids(pid)) > 0"):
                    pass
                with self.assertRaises(Error, msg=kind) as caught:
                    other.query(f"SELECT FROM {kind} WHERE {key} = $1 FOR NO KEY UPDATE NOWAIT", min(w["tasks"]))
                self.assertEqual(caught.exception.sqlstate, "55P03")
                holder.query("ROLLBACK")
                thread.join()


if __name__ == "__main__":
    unittest.main()
