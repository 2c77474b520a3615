"""turns_settle(): many turns in one transaction come to what they come to one by one."""
import json
import os
import random
import sys
import unittest
from decimal import Decimal as D

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest, new_id  # noqa: E402

DONE = {"outcome": "completed", "message_status": "success", "content": "answer", "input_tokens": 10, "output_tokens": 20,
        "cost": "0.25", "latency_ms": 100, "first_token_ms": 10, "request_id": "rq"}
FAILED = {"outcome": "failed", "message_status": "llm_error", "content": "", "error_code": "upstream_failed",
          "error_message": "upstream said no"}
STOPPED = {"outcome": "cancelled", "message_status": "success", "content": "ans", "input_tokens": 10, "output_tokens": 3,
           "estimated": True, "cost": "0.125"}
DEAR = {**DONE, "cost": "99"}  # more than was held


class Together(DatabaseTest):
    def settle_all(self, turns, owner=None, db=None):
        """turns: (task, how it ended)…; the answer by task."""
        told = [{"task_id": task, "model_id": self.model, "channel_id": self.channel, **how} for task, how in turns]
        db = db or self.db
        db.query("BEGIN")  # the messages as they are then, before somebody deletes one
        try:
            rows = db.query("SELECT * FROM turns_settle($1, $2)", owner or self.owner, json.dumps(told))
            self.assertEqual(len(rows), len(turns))
            for r in (r for r in rows if r["sequence"] is not None):  # filled as told: the rest is told back
                self.assertIsNone(r["message"])
                message = db.row("SELECT message_json(m) AS json FROM conversation_messages m JOIN tasks t ON t.message_id = m.id"
                                 " WHERE t.id = $1", r["task_id"])["json"]
                for column in ("sequence", "model", "attachments", "created_at", "updated_at"):
                    self.assertEqual(message[column], r[column])
                r["message"] = message
        finally:
            db.query("COMMIT")  # of a transaction that has failed: its end
        return {r["task_id"]: r for r in rows}

    def world(self):
        """Two users, three conversations, six turns, one of which makes a failed answer again."""
        first, second = self.user(100), self.user(50)
        conversations = [self.conversation(first), self.conversation(first), self.conversation(second)]
        failed, opened = self.open(first, conversations[0], hold=1)
        self.fail_turn(failed, content="half", error="first failure")
        tasks = [self.open(u, c, hold=h)[0] for u, c, h in (
            (first, conversations[0], 5), (first, conversations[0], 6), (first, conversations[1], 7), (second, conversations[2], 8),
            (second, conversations[2], 0))]
        again, _ = self.open(first, conversations[0], hold=2, mode="regenerate_in_place", target=opened["assistant_message"]["id"])
        return (first, second), conversations, list(zip(tasks + [again], (DONE, FAILED, DEAR, STOPPED, DONE, FAILED)))

    def outcome(self, users, conversations, turns):
        """What came of it, without ids and times."""
        def rows(sql, *parameters):
            return [tuple(r.values()) for r in self.db.query(sql, *parameters)]

        return {
            "credits": [self.credits(u) for u in users],
            "history": [sorted(self.history(u)) for u in users],
            "holds": [rows("SELECT amount, used, status, reason, confirmed_at IS NULL FROM credit_transactions"
                           " WHERE user_id = $1 ORDER BY amount", u) for u in users],
            "tasks": [rows("SELECT status, progress, credits_locked, credits_used, error_code, error_message FROM tasks WHERE id = $1",
                           task) for task, _ in turns],
            "messages": [rows("SELECT sequence, role, content, status, error_message, model, input_tokens, output_tokens, credits_cost"
                              " FROM conversation_messages WHERE conversation_id = $1 ORDER BY sequence", c) for c in conversations],
            "totals": [rows("SELECT total_tokens, message_count FROM conversations WHERE id = $1", c) for c in conversations],
            "usage": [rows("SELECT request_tokens, response_tokens, estimated, cost, overrun, latency_ms, first_token_ms, status,"
                           " error_code, channel, model FROM usage WHERE task_id = $1", task) for task, _ in turns]}

    def test_as_one_by_one(self):
        one, many = self.world(), self.world()
        for turn in one[2]:
            self.settle_all([turn])
        answers = self.settle_all(many[2])
        expected, found = self.outcome(*one), self.outcome(*many)
        for result in (expected, found):  # the balance after each change depends on the order, sums do not
            for history in result["history"]:
                history[:] = sorted((kind, amount) for kind, amount, _ in history)
        self.assertEqual(found, expected)
        self.assertEqual(found["credits"], [D("92.75"), D("49.875")])
        for task, how in many[2]:
            self.assertEqual((answers[task]["settled"], answers[task]["task_status"]), (True, how["outcome"]))
            self.assertEqual(answers[task]["held"], 0)
            self.assertIsNotNone(answers[task]["message"])
        restored = answers[many[2][5][0]]["message"]
        self.assertEqual((restored["content"], restored["error_message"]), ("half", "first failure"))

    def test_others_are_left_alone(self):
        """What is not the caller's, has ended or never was is told as it is, and does not stop the rest."""
        user = self.user(100)
        conversation = self.conversation(user)
        mine, ended, foreign, unknown = (self.open(user, conversation, hold=5)[0], self.open(user, conversation, hold=5)[0],
                                         self.open(user, conversation, hold=5, owner=self.process())[0], new_id())
        self.settle(ended, cost="0.5")
        answers = self.settle_all([(foreign, DONE), (unknown, DONE), (mine, DONE), (ended, DONE)])
        self.assertEqual({t: (a["settled"], a["charged"], a["task_status"]) for t, a in answers.items()},
                         {foreign: (False, 0, "running"), unknown: (False, None, None), mine: (True, D("0.25"), "completed"),
                          ended: (False, D("0.5"), "completed")})
        self.assertEqual(answers[mine]["held"], 5)  # the foreign one's
        self.assertEqual(answers[ended]["message"]["status"], "success")
        self.settle_all([(mine, FAILED), (ended, FAILED)])
        self.assertEqual(self.credits(user), 100 - D("0.25") - D("0.5") - 5)

    def test_a_hold_that_ended_by_other_means(self):
        user = self.user(100)
        conversation = self.conversation(user)
        tasks = [self.open(user, conversation, hold=5)[0] for _ in range(3)]
        self.db.query("SELECT credits_confirm($1, 2, 'chat_cost')", tasks[1])
        answers = self.settle_all([(t, DONE) for t in tasks])
        self.assertEqual([answers[t]["charged"] for t in tasks], [D("0.25"), 2, D("0.25")])
        self.assertEqual(self.credits(user), 100 - 2 - D("0.5"))

    def test_what_was_deleted_does_not_matter(self):
        user = self.user(100)
        gone, kept = self.conversation(user), self.conversation(user)
        turns = [(self.open(user, c, hold=5)[0], DONE) for c in (gone, kept, gone)]
        self.db.query("SELECT conversation_delete($1, $2)", user, gone)
        answers = self.settle_all(turns)
        self.assertEqual([(answers[t]["settled"], answers[t]["message"] is None) for t, _ in turns],
                         [(True, True), (True, False), (True, True)])
        self.assertEqual(self.credits(user), 100 - 3 * D("0.25"))

    def test_all_or_nothing(self):
        user = self.user(100)
        conversation = self.conversation(user)
        good, bad = (self.open(user, conversation, hold=5)[0] for _ in range(2))
        before = self.snapshot()
        for wrong in ({"cost": -1}, {"cost": "NaN"}, {"outcome": "running"}, {"message_status": "odd"}, {"input_tokens": -1}):
            with self.assertRaises(Error, msg=wrong):
                self.settle_all([(good, DONE), (bad, {**DONE, **wrong})])
            self.assertEqual(self.snapshot(), before, wrong)

    def test_balances_in_order(self):
        """Each row of the history says the balance after itself, in the order in which it was written."""
        user = self.user(100)
        conversation = self.conversation(user)
        tasks = [self.open(user, conversation, hold=3)[0] for _ in range(7)]
        self.settle_all([(t, DONE if n % 3 else FAILED) for n, t in enumerate(tasks)])
        balance = 100
        for _, amount, after in self.history(user):
            balance += amount
            self.assertEqual(after, balance)
        self.assertEqual(self.credits(user), balance)

    def test_rounds_that_meet(self):
        """Settlements of the same users and conversations from several connections, openings and deletions among them."""
        users = [self.user(1000) for _ in range(3)]
        conversations = [(u, self.conversation(u)) for u in users for _ in range(3)]

        def work(db, n):
            dice, owner = random.Random(n), self.owner
            for _ in range(12):
                turns = [(self.open(*dice.choice(conversations), db, hold=dice.choice((0, 1, 2)), owner=owner)[0],
                          dice.choice((DONE, FAILED, STOPPED, DEAR))) for _ in range(dice.randrange(1, 9))]
                if dice.random() < 0.3:
                    db.query("SELECT message_delete($1, $2, (SELECT id FROM conversation_messages WHERE conversation_id = $2 LIMIT 1))",
                             *dice.choice(conversations))
                self.assertTrue(all(a["settled"] for a in self.settle_all(turns, owner, db).values()))

        for result in self.race(8, work):
            if isinstance(result, Exception):
                raise result
        self.assertEqual(self.db.value("SELECT count(*) FROM tasks WHERE completed_at IS NULL AND user_id = ANY ($1::uuid[])",
                                       "{" + ",".join(users) + "}"), 0)


if __name__ == "__main__":
    unittest.main()
