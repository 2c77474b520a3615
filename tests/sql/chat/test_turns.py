"""turn_open(), turn_settle() and their company: every outcome, and that a refusal changes nothing."""
import json
import os
import re
import sys
import unittest
from decimal import Decimal as D

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest, migration_files, new_id  # noqa: E402

MESSAGE_KEYS = {
    "id", "conversation_id", "sequence", "role", "content", "status", "is_error", "error_message", "model",
    "input_tokens", "output_tokens", "credits_cost", "attachments", "citations", "searched", "calls", "task_id", "created_at", "updated_at"}
TASK_KEYS = {
    "id", "type", "status", "progress", "conversation_id", "credits_locked", "credits_used", "asked", "result",
    "error_message", "created_at", "started_at", "completed_at"}
RFC3339 = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
FAILURES = ("error", "insufficient_balance", "content_violation", "llm_error")


class TurnTest(DatabaseTest):
    def task(self, task):
        return self.db.row("SELECT * FROM tasks WHERE id = $1", task)

    def message(self, message):
        return self.db.row("SELECT * FROM conversation_messages WHERE id = $1", message)

    def failed_answer(self, user, conversation, **options):
        """A turn that failed; returns (task, id of the assistant message)."""
        task, opened = self.open(user, conversation)
        self.fail_turn(task, **options)
        return task, opened["assistant_message"]["id"]

    def assert_refused(self, outcome, user, conversation, **options):
        before = self.snapshot()
        _, row = self.open(user, conversation, **options)
        self.assertEqual(row["outcome"], outcome)
        self.assertEqual(self.snapshot(), before, outcome)
        return row


class Open(TurnTest):
    def test_send(self):
        user = self.user(10)
        conversation = self.conversation(user)
        pictures = [{"type": "image", "url": "http://x/y.png"}]
        task, row = self.open(user, conversation, hold="2.5", content="你好", attachments=pictures)
        self.assertEqual((row["outcome"], row["balance"], row["required"], row["title"], row["existing_task_id"]),
                         ("ok", D("7.5"), D("2.5"), "auto title", None))
        question, answer = row["user_message"], row["assistant_message"]
        for message in (question, answer):
            self.assertEqual(set(message), MESSAGE_KEYS)
            self.assertRegex(message["created_at"], RFC3339)
            self.assertEqual((message["conversation_id"], message["task_id"], message["is_error"], message["credits_cost"]),
                             (conversation, task, False, 0))
        self.assertEqual((question["role"], question["content"], question["status"], question["attachments"], question["sequence"]),
                         ("user", "你好", "success", pictures, 1))
        self.assertEqual((answer["role"], answer["content"], answer["status"], answer["model"], answer["sequence"]),
                         ("assistant", "", "processing", "m1", 2))
        stored = self.task(task)
        self.assertEqual((stored["status"], stored["type"], stored["credits_locked"], stored["owner"], stored["message_id"],
                          stored["user_message_id"], stored["agent_run"]),
                         ("running", "chat", D("2.5"), self.owner, answer["id"], question["id"], False))
        self.assertIsNotNone(stored["started_at"])
        _, row = self.open(user, conversation)
        self.assertEqual([row["user_message"]["sequence"], row["assistant_message"]["sequence"]], [3, 4])
        row = self.db.row("SELECT last_sequence, message_count, total_tokens, title FROM conversations WHERE id = $1", conversation)
        self.assertEqual(row, {"last_sequence": 4, "message_count": 4, "total_tokens": 0, "title": "auto title"})
        self.assertEqual(self.db.value("SELECT extract(epoch FROM expires_at - created_at)::int FROM credit_transactions "
                                       "WHERE task_id = $1", task), 600)
        self.assertEqual(self.db.value("SELECT reason FROM credit_transactions WHERE task_id = $1", task), "chat: m1")

    def test_title_only_when_nobody_chose_one(self):
        user = self.user(10)
        conversation = self.conversation(user)
        self.db.query("UPDATE conversations SET title = 'mine', title_is_custom = true WHERE id = $1", conversation)
        self.assertEqual(self.open(user, conversation)[1]["title"], "mine")
        conversation = self.conversation(user)
        self.assertEqual(self.open(user, conversation, title=None)[1]["title"], "")
        self.assertEqual(self.open(user, conversation, title="late")[1]["title"], "")
        self.assertEqual(len(self.open(user, self.conversation(user), title="长" * 600)[1]["title"]), 500)

    def test_free(self):
        user = self.user()
        task, row = self.open(user, self.conversation(user), hold=0)
        self.assertEqual((row["outcome"], row["balance"], row["required"]), ("ok", 0, 0))
        self.assertEqual(self.db.query("SELECT 1 FROM credit_transactions WHERE task_id = $1", task), [])
        row = self.settle(task, cost="3")
        self.assertEqual((row["settled"], row["charged"], row["balance"]), (True, 0, 0))
        self.assertEqual(self.db.row("SELECT cost, overrun FROM usage WHERE task_id = $1", task), {"cost": 0, "overrun": 3})

    def test_insufficient_keeps_the_question(self):
        user = self.user(5)
        conversation = self.conversation(user)
        task, row = self.open(user, conversation, hold="5.000001", key="k1")
        self.assertEqual((row["outcome"], row["balance"], row["required"]), ("insufficient", 5, D("5.000001")))
        question, answer = row["user_message"], row["assistant_message"]
        self.assertEqual((question["sequence"], question["status"], question["task_id"]), (1, "success", None))
        self.assertEqual((answer["sequence"], answer["status"], answer["task_id"], answer["is_error"]),
                         (2, "insufficient_balance", None, True))
        self.assertEqual(self.db.query("SELECT 1 FROM tasks WHERE id = $1", task), [])
        self.assertEqual(self.db.query("SELECT 1 FROM idempotency_keys WHERE user_id = $1", user), [])
        self.assertEqual(self.db.query("SELECT 1 FROM credit_transactions WHERE user_id = $1", user), [])
        self.assertEqual(self.db.value("SELECT credits FROM users WHERE id = $1", user), 5)
        self.assert_refused("insufficient", user, conversation, hold=6, mode="regenerate_in_place", target=answer["id"])
        _, row = self.open(user, conversation, hold=5, mode="regenerate_in_place", target=answer["id"])
        self.assertEqual((row["outcome"], row["balance"], row["assistant_message"]["status"]), ("ok", 0, "processing"))

    def test_refusals_change_nothing(self):
        user, other = self.user(5), self.user(5)
        conversation = self.conversation(user)
        self.assert_refused("not_found", other, conversation)
        self.assert_refused("not_found", user, new_id())
        self.db.query("UPDATE users SET status = 'disabled' WHERE id = $1", other)
        self.assert_refused("user_disabled", other, self.conversation(other), key="k")
        for options in ({"mode": "other"}, {"mode": None}, {"hold": -1}, {"hold": "NaN"}, {"hold": None}):
            with self.assertRaises(Error) as caught:
                self.open(user, conversation, **options)
            self.assertEqual(caught.exception.sqlstate, "22023", options)

    def test_limits(self):
        user = self.user(100)
        conversations = [self.conversation(user) for _ in range(4)]
        tasks = [self.open(user, conversations[n % 3], user_limit=15, conv_limit=5)[0] for n in range(15)]
        self.assert_refused("user_queue_full", user, conversations[3], user_limit=15, conv_limit=5, key="k")
        self.assert_refused("user_queue_full", user, conversations[3], user_limit=15)
        self.settle(tasks[2])
        self.assert_refused("conversation_queue_full", user, conversations[0], user_limit=15, conv_limit=5)
        self.assertEqual(self.open(user, conversations[2], user_limit=15, conv_limit=5)[1]["outcome"], "ok")
        self.assertEqual(self.open(user, conversations[2])[1]["outcome"], "ok", "limits held elsewhere")
        self.assertEqual(self.open(self.user(1), conversations[2], user_limit=15)[1]["outcome"], "not_found")

    def test_agent_conversations(self):
        user = self.user(100)
        conversations = [self.conversation(user) for _ in range(4)]
        self.open(user, conversations[3])
        tasks = [self.open(user, c, agent_limit=3)[0] for c in conversations[:3]]
        self.assert_refused("conversation_busy", user, conversations[0], agent_limit=3)
        self.assertEqual(self.open(user, conversations[0])[1]["outcome"], "ok", "no agent's run")
        self.assert_refused("conversation_limit", user, conversations[3], agent_limit=3)
        self.assertEqual(self.open(user, conversations[3])[1]["outcome"], "ok", "plain chat is not limited by it")
        self.db.query("SELECT conversation_delete($1, $2)", user, conversations[1])
        self.assertEqual(self.open(user, conversations[3], agent_limit=3)[1]["outcome"], "ok")
        self.assertTrue(self.task(tasks[0])["agent_run"])

    def test_idempotency(self):
        user, other = self.user(10), self.user(10)
        conversation = self.conversation(user)
        task, _ = self.open(user, conversation, key="K", hash=b"a", route="POST /1")
        row = self.assert_refused("idempotent_replay", user, conversation, key="K", hash=b"a", route="POST /1")
        self.assertEqual(row["existing_task_id"], task)
        self.assert_refused("idempotency_mismatch", user, conversation, key="K", hash=b"b", route="POST /1")
        self.assert_refused("idempotency_mismatch", user, self.conversation(user), key="K", hash=b"a", route="POST /2")
        self.assertEqual(self.open(other, self.conversation(other), key="K", hash=b"b", route="POST /1")[1]["outcome"], "ok")
        self.settle(task)
        self.assert_refused("idempotent_replay", user, conversation, key="K", hash=b"a", route="POST /1", user_limit=0, hold=9999)
        self.db.query("UPDATE idempotency_keys SET created_at = now() - interval '25 h' WHERE user_id = $1", user)
        again, row = self.open(user, conversation, key="K", hash=b"b", route="POST /1")
        self.assertEqual(row["outcome"], "ok", "a key older than a day is new")
        self.assertEqual(self.task(again)["idempotency_key"], "K")

    def test_regenerate_new(self):
        user = self.user(10)
        conversation = self.conversation(user)
        task, first = self.open(user, conversation)
        self.settle(task)
        target = first["assistant_message"]["id"]
        again, row = self.open(user, conversation, mode="regenerate_new", target=target, user_message=None)
        self.assertEqual(row["outcome"], "ok")
        self.assertEqual(row["user_message"]["id"], first["user_message"]["id"])
        self.assertEqual((row["assistant_message"]["sequence"], row["assistant_message"]["status"]), (3, "processing"))
        self.assertNotEqual(row["assistant_message"]["id"], target)
        self.assertEqual(self.task(again)["user_message_id"], first["user_message"]["id"])
        self.assertEqual(self.message(target)["content"], "answer")
        row = self.db.row("SELECT last_sequence, message_count FROM conversations WHERE id = $1", conversation)
        self.assertEqual(row, {"last_sequence": 3, "message_count": 3})
        self.assertEqual(self.fail_turn(again)["message"]["status"], "llm_error")
        _, row = self.open(user, conversation)
        self.assertEqual(row["user_message"]["sequence"], 4)

    def test_compare(self):
        user = self.user(10)
        conversation = self.conversation(user)
        first, opened = self.open(user, conversation)
        target = opened["assistant_message"]["id"]
        shown = "SELECT array_agg(id ORDER BY sequence) FROM conversation_messages WHERE conversation_id = $1 AND active"
        before = self.db.value(shown, conversation)
        # beside an answer that is being written, and beside the one that stands beside it
        second, row = self.open(user, conversation, mode="compare", target=target, user_message=None, model=self.model2)
        self.assertEqual((row["outcome"], row["user_message"]["id"]), ("ok", opened["user_message"]["id"]))
        third, row3 = self.open(user, conversation, mode="compare", target=row["assistant_message"]["id"], user_message=None)
        self.assertEqual(self.db.value(shown, conversation), before, "what is shown stays")
        self.assert_refused("comparison_full", user, conversation, mode="compare", target=target, user_message=None)
        for task in (third, first, second):
            self.assertTrue(self.settle(task)["settled"])
            self.assertFalse(self.settle(task)["settled"], "once")
        self.assertEqual(self.db.value("SELECT credits FROM users WHERE id = $1", user), D("9.25"))
        answers = self.db.query("SELECT compared, chosen, first_token_ms FROM conversation_messages WHERE conversation_id = $1"
                                " AND role = 'assistant' ORDER BY sequence", conversation)
        self.assertEqual([(a["compared"], a["chosen"], a["first_token_ms"]) for a in answers],
                         [(True, True, 10), (True, False, 10), (True, False, 10)])
        # another version is compared by itself
        task, row = self.open(user, conversation, mode="regenerate_new", target=target, user_message=None)
        self.settle(task)
        task, _ = self.open(user, conversation, mode="compare", target=row["assistant_message"]["id"], user_message=None)
        self.assertEqual(self.db.value("SELECT count(*) FROM conversation_messages WHERE conversation_id = $1 AND compared", conversation), 2)
        self.settle(task)
        for bad in (opened["user_message"]["id"], new_id()):
            self.assert_refused("invalid_target" if bad == opened["user_message"]["id"] else "not_found", user, conversation,
                                mode="compare", target=bad, user_message=None)

    def test_regenerate_in_place_succeeds(self):
        user = self.user(10)
        conversation = self.conversation(user)
        for status in FAILURES:
            task, target = self.failed_answer(user, conversation, status=status)
            sequence = self.message(target)["sequence"]
            again, row = self.open(user, conversation, mode="regenerate_in_place", target=target,
                                   user_message=None, assistant_message=None, model=self.model2)
            self.assertEqual(row["outcome"], "ok", status)
            answer = row["assistant_message"]
            self.assertEqual((answer["id"], answer["sequence"], answer["content"], answer["status"], answer["is_error"],
                              answer["error_message"], answer["task_id"], answer["model"]),
                             (target, sequence, "", "processing", False, None, again, "m2"))
            self.assertEqual(row["user_message"]["sequence"], sequence - 1)
            self.assertEqual(self.task(again)["prev_message"]["task_id"], task)
            done = self.settle(again, content="at last", model=None)
            self.assertEqual((done["message"]["status"], done["message"]["content"], done["message"]["model"]),
                             ("success", "at last", "m2"))
        self.assertEqual(self.db.value("SELECT message_count FROM conversations WHERE id = $1", conversation), 8)

    def test_regenerate_in_place_restores(self):
        user = self.user(10)
        conversation = self.conversation(user)
        _, target = self.failed_answer(user, conversation, content="half", reasoning="hm", error="first", input=3, output=4, cost="0.5")
        before = self.message(target)
        for outcome in ("failed", "cancelled"):
            again, _ = self.open(user, conversation, mode="regenerate_in_place", target=target)
            row = self.settle(again, outcome=outcome, status="error", content="second half", code="x", error="second", cost="0.75")
            self.assertEqual((row["charged"], row["task_status"]), (D("0.75"), outcome), "what was delivered is charged all the same")
            after = self.message(target)
            for column in before:
                if column != "updated_at":
                    self.assertEqual(after[column], before[column], column)
            self.assertEqual(row["message"]["content"], "half")
        again, _ = self.open(user, conversation, mode="regenerate_in_place", target=target)
        row = self.settle(again, outcome="cancelled", status="success", content="kept")
        self.assertEqual((row["message"]["status"], row["message"]["content"]), ("success", "kept"))

    def test_regenerate_refusals(self):
        user, other = self.user(10), self.user(10)
        conversation = self.conversation(user)
        task, opened = self.open(user, conversation)
        question, answer = opened["user_message"]["id"], opened["assistant_message"]["id"]
        for mode in ("regenerate_new", "regenerate_in_place"):
            self.assert_refused("invalid_target", user, conversation, mode=mode, target=answer)  # still running
            self.assert_refused("invalid_target", user, conversation, mode=mode, target=question)
            self.assert_refused("not_found", user, conversation, mode=mode, target=new_id(), key="k")
            self.assert_refused("not_found", user, conversation, mode=mode, target=None)
            self.assert_refused("not_found", user, self.conversation(user), mode=mode, target=answer)
            self.assert_refused("not_found", other, conversation, mode=mode, target=answer)
        self.settle(task)
        self.assert_refused("invalid_target", user, conversation, mode="regenerate_in_place", target=answer)
        _, failed = self.failed_answer(user, conversation)
        self.assert_refused("invalid_target", user, conversation, mode="regenerate_new", target=failed)
        self.assert_refused("insufficient", user, conversation, mode="regenerate_in_place", target=failed, hold=1000)
        self.assert_refused("conversation_queue_full", user, conversation, mode="regenerate_in_place", target=failed, conv_limit=0)
        # a question takes its answer along
        self.assertTrue(self.db.value("SELECT message_delete($1, $2, $3)", user, conversation, question))
        self.assert_refused("not_found", user, conversation, mode="regenerate_new", target=answer)


class Branches(TurnTest):
    """A tree of messages, told by their contents: q1 a1 q2 …"""

    def begin(self):
        self.who = self.user(1000)
        self.where = self.conversation(self.who)
        self.ids = {}

    def ask(self, question, answer, **options):
        task, row = self.open(self.who, self.where, content=question, hold=1, **options)
        self.assertEqual(row["outcome"], "ok")
        self.settle(task, content=answer)
        self.ids[answer] = row["assistant_message"]["id"]
        if options.get("mode", "send") in ("send", "edit"):
            self.ids[question] = row["user_message"]["id"]

    def again(self, target, answer):
        self.ask(None, answer, mode="regenerate_new", target=self.ids[target], user_message=None)

    def edit(self, target, question, answer):
        self.ask(question, answer, mode="edit", target=self.ids[target])

    def shown(self):
        """What is shown, in order; and that it is one way down the tree, and every version is chosen once."""
        rows = self.db.query("SELECT id, parent_id, content, sequence FROM conversation_messages"
                             " WHERE conversation_id = $1 AND active ORDER BY sequence", self.where)
        self.assertEqual([r["parent_id"] for r in rows], ([None] + [r["id"] for r in rows])[:len(rows)])
        self.assertEqual(self.db.query("SELECT parent_id, role FROM conversation_messages WHERE conversation_id = $1"
                                       " GROUP BY parent_id, role HAVING count(*) FILTER (WHERE chosen) <> 1", self.where), [])
        self.assertEqual(self.db.value("SELECT message_count FROM conversations WHERE id = $1", self.where),
                         self.db.value("SELECT count(*) FROM conversation_messages WHERE conversation_id = $1", self.where))
        return " ".join(r["content"] for r in rows)

    def choose(self, name):
        self.assertTrue(self.db.value("SELECT message_activate($1, $2, $3)", self.who, self.where, self.ids[name]))
        return self.shown()

    def delete(self, name, below=False):
        row = self.db.row("SELECT * FROM messages_delete($1, $2, $3, $4)", self.who, self.where, self.ids[name], below)
        gone = set(row["deleted"])
        return " ".join(sorted(n for n, i in self.ids.items() if i in gone))

    def talk(self, n):
        self.begin()
        for i in range(1, n + 1):
            self.ask(f"q{i}", f"a{i}")

    def test_versions(self):
        self.talk(3)
        self.assertEqual(self.shown(), "q1 a1 q2 a2 q3 a3")
        self.again("a2", "b2")
        self.assertEqual(self.shown(), "q1 a1 q2 b2")
        self.ask("r3", "s3")
        self.assertEqual(self.shown(), "q1 a1 q2 b2 r3 s3")
        self.assertEqual(self.choose("a2"), "q1 a1 q2 a2 q3 a3")
        self.assertEqual(self.choose("b2"), "q1 a1 q2 b2 r3 s3")
        self.edit("q1", "x1", "y1")
        self.assertEqual(self.shown(), "x1 y1")
        self.assertEqual(self.choose("q1"), "q1 a1 q2 b2 r3 s3", "what was chosen below comes back")
        self.assertEqual(self.choose("q3"), "q1 a1 q2 a2 q3 a3", "what is far below brings its way along")

    def test_a_version_of_what_is_not_shown(self):
        self.talk(2)
        self.edit("q1", "x1", "y1")
        self.edit("q2", "r2", "s2")
        self.assertEqual(self.shown(), "q1 a1 r2 s2")
        self.choose("x1")
        self.again("a1", "b1")
        self.assertEqual(self.shown(), "q1 b1")

    def test_refusals(self):
        self.talk(1)
        other = self.user(10)
        self.assert_refused("invalid_target", self.who, self.where, mode="edit", target=self.ids["a1"])
        self.assert_refused("not_found", self.who, self.where, mode="edit", target=new_id())
        self.assert_refused("not_found", self.who, self.where, mode="edit", target=None)
        self.assert_refused("not_found", other, self.where, mode="edit", target=self.ids["q1"])
        self.assert_refused("conversation_queue_full", self.who, self.where, mode="edit", target=self.ids["q1"], conv_limit=0)
        for who, where, what in ((other, self.where, "q1"), (self.who, self.conversation(self.who), "q1")):
            self.assertFalse(self.db.value("SELECT message_activate($1, $2, $3)", who, where, self.ids[what]))
            self.assertEqual(self.db.row("SELECT deleted FROM messages_delete($1, $2, $3, true)", who, where, self.ids[what])["deleted"], [])
        self.assertEqual(self.shown(), "q1 a1")

    def test_an_edit_without_credits_is_kept(self):
        self.talk(1)
        task, row = self.open(self.who, self.where, content="x1", hold=100000, mode="edit", target=self.ids["q1"])
        self.assertEqual((row["outcome"], row["assistant_message"]["status"]), ("insufficient", "insufficient_balance"))
        self.assertEqual(self.shown(), "x1 ")

    def test_deleting_an_exchange(self):
        self.talk(3)
        self.assertEqual(self.delete("q2"), "a2 q2")
        self.assertEqual(self.shown(), "q1 a1 q3 a3")
        self.assertEqual(self.delete("q1"), "a1 q1")
        self.assertEqual(self.shown(), "q3 a3")
        self.assertEqual(self.delete("a3"), "a3")
        self.assertEqual(self.shown(), "q3")
        self.ask("q4", "a4")
        self.assertEqual(self.shown(), "q3 q4 a4")

    def test_deleting_from_here(self):
        self.talk(3)
        self.assertEqual(self.delete("a2", True), "a2 a3 q3")
        self.assertEqual(self.shown(), "q1 a1 q2")

    def test_deleting_a_version(self):
        self.talk(2)
        self.again("a1", "b1")
        self.ask("r2", "s2")
        self.assertEqual(self.delete("b1"), "b1 r2 s2", "what follows a version goes with it")
        self.assertEqual(self.shown(), "q1 a1 q2 a2")
        self.again("a1", "c1")
        self.assertEqual(self.delete("a1"), "a1 a2 q2")
        self.assertEqual(self.shown(), "q1 c1")

    def test_followers_of_several_versions_move_up(self):
        self.talk(2)
        self.again("a1", "b1")
        self.ask("r2", "s2")
        self.choose("a1")
        self.assertEqual(self.delete("q1"), "a1 b1 q1")
        self.assertEqual(self.shown(), "q2 a2", "the one that was shown still is")
        self.assertEqual(self.choose("r2"), "r2 s2")

    def test_deleting_what_is_not_shown(self):
        self.talk(1)
        self.edit("q1", "x1", "y1")
        self.again("y1", "z1")
        self.choose("q1")
        self.assertEqual(self.delete("z1"), "z1")
        self.assertEqual(self.shown(), "q1 a1")
        self.assertEqual(self.choose("x1"), "x1 y1")

    def test_what_is_written_is_asked_to_stop(self):
        self.talk(1)
        task, row = self.open(self.who, self.where)
        gone = self.db.row("SELECT * FROM messages_delete($1, $2, $3, false)", self.who, self.where, row["user_message"]["id"])
        self.assertEqual(gone["live_tasks"], [task])
        self.assertIsNotNone(self.task(task)["cancel_requested_at"])
        self.assertTrue(self.settle(task, outcome="cancelled", cost=1)["settled"])
        self.assertEqual(self.shown(), "q1 a1")

    def test_two_at_once_follow_each_other(self):
        self.begin()
        one, first = self.open(self.who, self.where)
        two, second = self.open(self.who, self.where)
        self.settle(two, content="second")
        self.settle(one, content="first")
        self.assertEqual(self.shown(), "hello first hello second")

    def test_conversations_of_before(self):
        """What the migration makes of messages without a place: answers made again stood at the end."""
        self.begin()
        self.db.query("UPDATE conversations SET message_count = 8 WHERE id = $1", self.where)
        told = [("q1", "success", None), ("a1", "llm_error", "q1"), ("b1", "success", "q1"), ("q2", "success", None), ("a2", "success", None),
                ("c1", "success", "q1"), ("q3", "success", None), ("d2", "error", "q2")]
        for sequence, (name, status, of) in enumerate(told, 1):
            task, self.ids[name] = new_id(), new_id()
            if of:
                self.db.query("INSERT INTO tasks (id, user_id, conversation_id, type, status, completed_at, user_message_id)"
                              " VALUES ($1, $2, $3, 'chat', 'completed', now(), $4)", task, self.who, self.where, self.ids[of])
            self.db.query("INSERT INTO conversation_messages (id, conversation_id, user_id, sequence, role, content, status, task_id)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", self.ids[name], self.where, self.who, sequence,
                          "user" if name[0] == "q" else "assistant", name, status, task if of else None)
        path, = [p for p in migration_files("up") if p.endswith("_branches.up.sql")]
        with open(path, encoding="utf-8") as file, self.connect("postgres") as admin:
            admin.script("BEGIN;\n" + file.read().split("-- What is there:")[1].split("\n", 2)[2] + "\nCOMMIT")
        self.assertEqual(self.shown(), "q1 b1 q2 a2 q3")
        self.assertEqual(self.choose("c1"), "q1 c1")
        self.assertEqual(self.choose("a1"), "q1 a1")
        self.assertEqual(self.choose("d2"), "q1 b1 q2 d2")
        self.assertEqual(self.choose("q3"), "q1 b1 q2 a2 q3")

    def end(self, task, status, finish):
        turn = {"task_id": task, "outcome": "completed" if status == "success" else "failed", "message_status": status, "content": "x",
                "finish": finish, "cost": 0}
        self.assertTrue(self.db.row("SELECT * FROM turns_settle($1, $2)", self.owner, json.dumps([turn]))["settled"])

    def test_why_it_ended(self):
        self.begin()
        finish = "SELECT finish FROM conversation_messages WHERE id = $1"
        task, row = self.open(self.who, self.where)
        target = row["assistant_message"]["id"]
        self.end(task, "llm_error", "length")
        self.assertEqual(self.db.value(finish, target), "length")
        again, _ = self.open(self.who, self.where, mode="regenerate_in_place", target=target)
        self.assertIsNone(self.db.value(finish, target))
        self.end(again, "error", None)
        self.assertEqual(self.db.value(finish, target), "length", "restored with the rest")
        again, _ = self.open(self.who, self.where, mode="regenerate_in_place", target=target)
        self.end(again, "success", "stop")
        self.assertEqual(self.db.value(finish, target), "stop")


class Settle(TurnTest):
    def test_success(self):
        user = self.user(10)
        conversation = self.conversation(user)
        task, opened = self.open(user, conversation, hold=5)
        listed = self.db.value("SELECT updated_at FROM conversations WHERE id = $1", conversation)
        row = self.settle(task, cost="1.25", content="done", reasoning="because", model=self.model2, input=100, output=50)
        self.assertEqual((row["settled"], row["charged"], row["balance"], row["task_status"]), (True, D("1.25"), D("8.75"), "completed"))
        message = row["message"]
        self.assertEqual(set(message), MESSAGE_KEYS)
        self.assertEqual((message["id"], message["content"], message["status"], message["model"], message["input_tokens"],
                          message["output_tokens"], message["credits_cost"]),
                         (opened["assistant_message"]["id"], "done", "success", "m2", 100, 50, D("1.25")))
        self.assertEqual(self.message(message["id"])["reasoning"], "because")
        stored = self.task(task)
        self.assertEqual((stored["status"], stored["credits_used"], stored["progress"], stored["model_id"], stored["error_code"]),
                         ("completed", D("1.25"), 100, self.model2, None))
        usage = self.db.row("SELECT * FROM usage WHERE task_id = $1", task)
        self.assertEqual({k: usage[k] for k in (
            "request_id", "user_id", "channel_id", "channel", "provider", "model_id", "model", "request_tokens", "response_tokens",
            "total_tokens", "estimated", "cost", "overrun", "latency_ms", "first_token_ms", "status", "error_code")}, {
                "request_id": "rq", "user_id": user, "channel_id": self.channel, "channel": "c1", "provider": "openai",
                "model_id": self.model2, "model": "m2", "request_tokens": 100, "response_tokens": 50, "total_tokens": 150,
                "estimated": False, "cost": D("1.25"), "overrun": 0, "latency_ms": 100, "first_token_ms": 10,
                "status": "completed", "error_code": None})
        row = self.db.row("SELECT total_tokens, message_count, updated_at FROM conversations WHERE id = $1", conversation)
        self.assertEqual(row, {"total_tokens": 150, "message_count": 2, "updated_at": listed})
        self.assertEqual(self.history(user), [("hold", -5, 5), ("hold_release", 5, 10), ("chat_cost", D("-1.25"), D("8.75"))])

    def test_twice(self):
        user = self.user(10)
        task, _ = self.open(user, self.conversation(user), hold=5)
        first = self.settle(task, cost=2)
        before = self.snapshot()
        for options in ({"cost": 5}, {"outcome": "failed", "status": "error"}, {"owner": new_id()}, {"owner": None}):
            row = self.settle(task, **{"cost": 1, "content": "other", **options})
            self.assertEqual((row["settled"], row["charged"], row["balance"], row["task_status"], row["message"]["content"]),
                             (False, 2, 8, "completed", "answer"))
        self.assertEqual(row["message"], first["message"])
        self.assertEqual(self.snapshot(), before)
        row = self.settle(new_id())
        self.assertEqual((row["settled"], row["task_status"], row["message"], row["charged"]) if row else None,
                         (False, None, None, None))

    def test_overrun_is_recorded_not_charged(self):
        user = self.user(10)
        task, _ = self.open(user, self.conversation(user), hold=5)
        row = self.settle(task, cost="7.5", estimated=True)
        self.assertEqual((row["charged"], row["balance"]), (5, 5))
        self.assertEqual(self.db.row("SELECT cost, overrun, estimated FROM usage WHERE task_id = $1", task),
                         {"cost": 5, "overrun": D("2.5"), "estimated": True})
        self.assertEqual(self.db.value("SELECT status FROM credit_transactions WHERE task_id = $1", task), "confirmed")

    def test_failure_refunds(self):
        user = self.user(10)
        conversation = self.conversation(user)
        for status in FAILURES:
            task, _ = self.open(user, conversation, hold=5)
            row = self.fail_turn(task, status=status)
            self.assertEqual((row["charged"], row["balance"], row["task_status"]), (0, 10, "failed"))
            self.assertEqual((row["message"]["status"], row["message"]["is_error"], row["message"]["error_message"]),
                             (status, True, "upstream said no"))
            tx = self.db.row("SELECT status, used, reason, confirmed_at FROM credit_transactions WHERE task_id = $1", task)
            self.assertEqual(tx, {"status": "refunded", "used": 0, "reason": "upstream_failed", "confirmed_at": None})
            stored = self.task(task)
            self.assertEqual((stored["error_code"], stored["error_message"]), ("upstream_failed", "upstream said no"))
        self.assertEqual(self.history(user)[:2], [("hold", -5, 5), ("hold_release", 5, 10)])

    def test_only_success_counts_tokens(self):
        user = self.user(10)
        conversation = self.conversation(user)
        for outcome, status in (("failed", "error"), ("cancelled", "error"), ("cancelled", "success"), ("completed", "success")):
            task, _ = self.open(user, conversation)
            self.settle(task, outcome=outcome, status=status, input=3, output=4, cost="0.5")
        row = self.db.row("SELECT total_tokens, message_count FROM conversations WHERE id = $1", conversation)
        self.assertEqual(row, {"total_tokens": 14, "message_count": 8})

    def test_fencing(self):
        user = self.user(10)
        process = self.process()
        task, _ = self.open(user, self.conversation(user), hold=5, owner=process)
        before = self.snapshot()
        for owner in (self.owner, None):
            row = self.settle(task, owner=owner)
            self.assertEqual((row["settled"], row["task_status"]), (False, "running"))
        self.assertEqual(self.snapshot(), before)
        self.kill(process)
        self.assertEqual(self.settle(task, owner=self.owner)["settled"], False)
        row = self.settle(task, owner=None, outcome="failed", status="error", content="so far", cost=1)
        self.assertEqual((row["settled"], row["charged"], row["message"]["content"]), (True, 1, "so far"))
        # the owner wakes up: its late write is refused
        self.db.query("SELECT process_heartbeat($1, 'responder', 'here', 1)", process)
        row = self.settle(task, owner=process, cost=5)
        self.assertEqual((row["settled"], row["charged"], row["task_status"]), (False, 1, "failed"))

    def test_deleted_meanwhile(self):
        user = self.user(10)
        conversation = self.conversation(user)
        task, _ = self.open(user, conversation, hold=5)
        row = self.db.row("SELECT deleted, array_to_json(live_tasks) AS live FROM conversation_delete($1, $2)", user, conversation)
        self.assertEqual(row, {"deleted": True, "live": [task]})
        self.assertIsNotNone(self.task(task)["cancel_requested_at"])
        self.assertIsNone(self.task(task)["conversation_id"])
        row = self.settle(task, outcome="cancelled", cost=2)
        self.assertEqual((row["settled"], row["charged"], row["balance"], row["message"]), (True, 2, 8, None))
        self.assertEqual(self.settle(task)["message"], None)
        conversation = self.conversation(user)
        task, opened = self.open(user, conversation, hold=5)
        self.db.query("SELECT message_delete($1, $2, $3)", user, conversation, opened["assistant_message"]["id"])
        row = self.settle(task, cost=2)
        self.assertEqual((row["settled"], row["balance"], row["message"]), (True, 6, None))
        _, target = self.failed_answer(user, conversation)
        task, _ = self.open(user, conversation, mode="regenerate_in_place", target=target)
        self.db.query("SELECT message_delete($1, $2, $3)", user, conversation, target)
        self.assertEqual(self.fail_turn(task)["message"], None)

    def test_message_of_another_task_is_left_alone(self):
        user = self.user(10)
        task, opened = self.open(user, self.conversation(user), hold=5)
        message = opened["assistant_message"]["id"]
        self.db.query("UPDATE conversation_messages SET task_id = $2, content = 'theirs' WHERE id = $1", message, new_id())
        row = self.settle(task, cost=2)
        self.assertEqual((row["settled"], row["charged"], row["message"]), (True, 2, None))
        self.assertEqual(self.message(message)["content"], "theirs")

    def test_hold_confirmed_by_other_means(self):
        """For more than the settlement would have charged: it takes place all the same, and charges nothing more."""
        user = self.user(10)
        task, opened = self.open(user, self.conversation(user), hold=5)
        self.db.query("SELECT credits_confirm($1, 4, 'chat_cost')", task)
        row = self.settle(task, cost=1)
        self.assertEqual((row["settled"], row["charged"], row["balance"]), (True, 4, 6))
        self.assertEqual(self.db.row("SELECT cost, overrun FROM usage WHERE task_id = $1", task), {"cost": 4, "overrun": 0})

    def test_hold_ended_by_other_means(self):
        self.addCleanup(setattr, self, "audited", True)
        user = self.user(10)
        task, opened = self.open(user, self.conversation(user), hold=5)
        self.db.query("SELECT credits_refund($1, 'by hand')", task)
        row = self.settle(task, cost=3)
        self.assertEqual((row["settled"], row["charged"], row["balance"]), (True, 0, 10))
        self.assertEqual(self.message(opened["assistant_message"]["id"])["credits_cost"], 0)
        self.assertEqual(self.db.row("SELECT cost, overrun FROM usage WHERE task_id = $1", task), {"cost": 0, "overrun": 3})
        self.audited = False  # charged less than held with an overrun: reported, as it should be
        broken = [r for r in self.db.query("SELECT * FROM audit_run()") if not r["ok"]]
        self.assertEqual([r["invariant"] for r in broken], ["I6"])
        with self.connect("weir_owner") as owner:
            owner.query("DELETE FROM usage WHERE task_id = $1", task)

    def test_bad_arguments(self):
        user = self.user(10)
        task, _ = self.open(user, self.conversation(user), hold=5)
        before = self.snapshot()
        for options in ({"outcome": "running"}, {"outcome": None}, {"cost": -1}, {"cost": "NaN"}, {"cost": "Infinity"},
                        {"status": "odd"}, {"status": None}, {"input": -1}):
            with self.assertRaises(Error, msg=options):
                self.settle(task, **options)
        self.assertEqual(self.snapshot(), before)
        self.assertTrue(self.settle(task, cost=None, input=None, output=None, content=None, latency=None, first=None,
                                    request=None, channel=None, model=None, estimated=None)["settled"])

    def test_charge_type_follows_task_type(self):
        user = self.user(100)
        for kind in ("image", "video"):
            task, _ = self.hold(user, 5)
            self.db.query("INSERT INTO tasks (id, user_id, type, status, credits_locked, owner) VALUES ($1, $2, $3, 'running', 5, $4)",
                          task, user, kind, self.owner)
            self.assertEqual(self.settle(task, cost=4)["charged"], 4)
            self.assertEqual(self.history(user)[-1][0], kind + "_generation_cost")


class Tasks(TurnTest):
    """task_open() and tasks_end() for what is no chat turn: no conversation, no message."""

    ASK = ("task_id", "transaction_id", "user_id", "type", "conversation_id", "owner", "model_id", "hold", "lease_s", "reason",
           "user_limit", "conv_limit", "agent_conv_limit", "key", "route", "body_hash", "refusal", "message_id", "user_message_id",
           "prev_message", "key_id", "prompt_tokens", "prices", "user_group")
    END = ("task_id", "outcome", "error_code", "error_message", "input_tokens", "output_tokens", "estimated", "cost", "model_id",
           "channel_id", "latency_ms", "first_token_ms", "request_id", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "op", "details")

    def open_task(self, user, db=None, **options):
        """Returns (task id, task_opened)."""
        task = new_id()
        ask = {"task_id": task, "transaction_id": new_id(), "user_id": user, "type": "image", "owner": self.owner,
               "model_id": self.model, "hold": 5, "lease_s": 600, "reason": "image: m1", **options}
        places = ",".join(f"${n}" for n in range(1, len(self.ASK) + 1))
        return task, (db or self.db).row(f"SELECT * FROM task_open(ROW({places})::task_ask)", *(ask.get(name) for name in self.ASK))

    def end_tasks(self, *ends, owner=None, db=None):
        """ends: (task, what is told)…; returns task_ended by task."""
        told = json.dumps([{"outcome": "completed", "cost": "2", "model_id": self.model, "channel_id": self.channel, **how,
                            "task_id": task} for task, how in ends])
        rows = (db or self.db).query(
            f"SELECT * FROM unnest(tasks_end($1, ARRAY(SELECT ROW({','.join('j.' + name for name in self.END)})::task_end"
            " FROM json_populate_recordset(NULL::task_end, $2) AS j)))", owner or self.owner, told)
        return {r["task_id"]: r for r in rows}

    def test_whole(self):
        user = self.user(10)
        task, opened = self.open_task(user)
        self.assertEqual(opened, {"outcome": "ok", "balance": 5, "existing_task_id": None})
        row = self.task(task)
        self.assertEqual([row[c] for c in ("type", "status", "conversation_id", "message_id", "credits_locked", "agent_run")],
                         ["image", "running", None, None, 5, False])
        self.assertEqual(self.db.value("SELECT credits_held($1)", user), 5)
        done = self.end_tasks((task, {"cost": "2", "input_tokens": 7, "cached_tokens": 5, "reasoning_tokens": 1, "request_id": "r"}))[task]
        self.assertEqual([done[c] for c in ("settled", "user_id", "charged", "balance", "held", "model", "status")],
                         [True, user, 2, 8, 0, "m1", "completed"])
        self.assertEqual(self.history(user)[-1], ("image_generation_cost", -2, 8))
        self.assertEqual(self.db.row("SELECT request_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost, overrun, channel, model, status, request_id FROM usage"
                                     " WHERE task_id = $1", task),
                         {"request_tokens": 7, "cached_tokens": 5, "cache_write_tokens": 0, "reasoning_tokens": 1, "cost": 2, "overrun": 0, "channel": "c1", "model": "m1", "status": "completed",
                          "request_id": "r"})
        before = self.snapshot()
        again = self.end_tasks((task, {"cost": "5"}))[task]
        self.assertEqual([again[c] for c in ("settled", "charged", "balance", "held", "status")], [False, 2, 8, 0, "completed"])
        self.assertEqual(self.snapshot(), before)

    def test_many_of_several_kinds(self):
        first, second = self.user(100), self.user(100)
        tasks = [self.open_task(u, type=kind, hold=hold)[0] for u, kind, hold in (
            (first, "image", 5), (first, "video", 6), (second, "image", 7), (second, "video", 0))]
        kept = self.open_task(second, hold=3)[0]
        foreign = self.open_task(first, owner=self.process(), hold=1)[0]
        done = self.end_tasks((tasks[0], {}), (tasks[1], {"cost": "99"}), (tasks[2], {"outcome": "failed", "cost": None, "error_code": "x"}),
                              (tasks[3], {"cost": "0"}), (foreign, {}), (unknown := new_id(), {}))
        self.assertEqual([(done[t]["settled"], done[t]["charged"], done[t]["status"]) for t in [*tasks, foreign, unknown]],
                         [(True, 2, "completed"), (True, 6, "completed"), (True, 0, "failed"), (True, 0, "completed"),
                          (False, 0, "running"), (False, None, None)])
        self.assertEqual([done[t]["held"] for t in [*tasks, foreign]], [1, 1, 3, 3, 1])
        self.assertEqual((self.credits(first), self.credits(second)), (100 - 2 - 6 - 1, 100 - 3))
        self.assertEqual(self.db.value("SELECT overrun FROM usage WHERE task_id = $1", tasks[1]), 93)
        self.assertEqual(self.task(kept)["status"], "running")

    def test_what_waits_in_a_queue(self):
        task, _ = self.open_task(self.user(10), owner=None)
        row = self.task(task)
        self.assertEqual((row["status"], row["owner"], row["started_at"]), ("pending", None, None))
        self.db.query("UPDATE tasks SET owner = $1, status = 'running', started_at = now() WHERE id = $2", self.owner, task)
        self.assertTrue(self.end_tasks((task, {}))[task]["settled"])

    def test_refusals_change_nothing(self):
        user = self.user(5)
        for outcome, options in (("insufficient", {"hold": 6}), ("quota", {"refusal": "quota"}), ("user_queue_full", {"user_limit": 0})):
            before = self.snapshot()
            self.assertEqual(self.open_task(user, key="K", route="r", body_hash=b"h", **options)[1]["outcome"], outcome)
            self.assertEqual(self.snapshot(), before)
        task, opened = self.open_task(user, key="K", route="r", body_hash=b"h", user_limit=1, conv_limit=1, agent_conv_limit=1)
        self.assertEqual(opened["outcome"], "ok", "tasks without a conversation have no limit in common but the user's")
        before = self.snapshot()
        # who asks again learns what came of it, whatever would be said now
        for other, options in (("idempotent_replay", {"refusal": "quota", "hold": 99}), ("idempotency_mismatch", {"route": "s"})):
            opened = self.open_task(user, **{"key": "K", "route": "r", "body_hash": b"h", **options})[1]
            self.assertEqual((opened["outcome"], opened["existing_task_id"]), (other, task if other == "idempotent_replay" else None))
        self.assertEqual(self.snapshot(), before)
        self.db.query("UPDATE users SET status = 'disabled' WHERE id = $1", user)
        self.assertEqual(self.open_task(user, refusal="quota", hold=0)[1]["outcome"], "user_disabled")
        self.assertEqual(self.open_task(new_id(), hold=0)[1]["outcome"], "user_disabled")

    def test_an_unknown_kind_is_neither_opened_nor_charged(self):
        user = self.user(10)
        for kind in ("postcard", "", None):
            with self.assertRaises(Error) as caught:
                self.db.query("SELECT cost_type($1)", kind)
            self.assertEqual(caught.exception.sqlstate, "20000", kind)
            before = self.snapshot()
            with self.assertRaises(Error) as caught:
                self.open_task(user, type=kind)
            self.assertEqual(caught.exception.sqlstate, "20000", kind)
            self.assertEqual(self.snapshot(), before)
        # a kind that the domain has and cost_type() has not
        for kind in re.findall(r"'(\w+)'", self.db.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                                                        " WHERE contypid = 'task_type'::regtype")):
            self.assertTrue(self.db.value("SELECT cost_type($1)", kind).endswith("_cost"))

    def test_keys(self):
        user = self.user()

        def claim(function, *arguments):
            row = self.db.row(f"SELECT * FROM {function}($1, 'k', $2, $3{', $4' if function == 'key_claim' else ''})", user, *arguments)
            return row["outcome"], row["task_id"], row["status"], row["response"]

        task = new_id()
        self.assertEqual(claim("key_find", "r", b"h"), ("new", None, None, None))
        self.assertEqual(claim("key_claim", "r", b"h", task), ("new", None, None, None))
        self.db.query("UPDATE idempotency_keys SET status = 201, response = '{}' WHERE user_id = $1", user)
        for function, more in (("key_find", ()), ("key_claim", (new_id(),))):
            self.assertEqual(claim(function, "r", b"h", *more), ("replay", task, 201, {}))
            self.assertEqual(claim(function, "r", b"other", *more)[0], "mismatch")
            self.assertEqual(claim(function, "other", b"h", *more)[0], "mismatch")
        self.db.query("UPDATE idempotency_keys SET created_at = now() - interval '25 h' WHERE user_id = $1", user)
        self.assertEqual(claim("key_find", "r", b"h")[0], "new")
        self.assertEqual(claim("key_claim", "s", b"i", None)[0], "new")
        self.assertEqual(claim("key_find", "s", b"i"), ("replay", None, None, None))


class Plans(TurnTest):
    """One row by its key must never be found by walking all live tasks or all pending holds."""

    def scans(self, db):
        db.query("SELECT pg_stat_force_next_flush()")
        return {r["name"]: r["scans"] for r in db.query(
            "SELECT indexrelname AS name, idx_scan AS scans FROM pg_stat_user_indexes WHERE idx_scan > 0 "
            "UNION ALL SELECT relname, seq_scan FROM pg_stat_user_tables WHERE seq_scan > 0")}

    def test_turns_use_keys_only(self):
        user = self.user(1000)
        conversations = [self.conversation(user) for _ in range(300)]
        with self.connect() as db:
            # statistics that call live tasks and pending holds rare, as they are after a quiet night
            for conversation in conversations:
                self.settle(self.open(user, conversation, db)[0], db)
            with self.connect("postgres") as admin:
                admin.query("ANALYZE")
            before = self.scans(db)
            tasks = [self.open(user, conversation, db, user_limit=400, conv_limit=5)[0] for conversation in conversations]
            opened = self.scans(db)
            for task in tasks:
                db.query("SELECT task_cancel_request($1, $2)", task, user)
            asked = self.scans(db)
            for task in tasks:
                self.settle(task, db)
            after = self.scans(db)

        def more(to, since):
            return {name for name in to if to[name] - since.get(name, 0) >= 100}

        used = more(opened, before) | more(after, asked)
        small = {"llm_models", "channels", "processes", "users"}  # a page or two: reading them whole is right
        keys = {"users_pkey", "conversations_pkey", "tasks_pkey", "conversation_messages_pkey", "idx_credit_tx_task",
                "conversation_messages_sequence", "tasks_live", "llm_models_pkey", "channels_pkey", "processes_pkey", "quotas_user", "quotas_group",
                "allowances_user", "allowances_owner"}  # of those that live: some for each process
        self.assertLessEqual(used - small, keys)
        # PostgreSQL 17 may find the one among the user's live tasks, no more than the slots there are for them.
        self.assertLessEqual(more(asked, opened) - small, keys | {"idx_tasks_user_status"})
        self.assertIn("tasks_pkey", used)
        self.assertIn("tasks_live", used)  # what the user's live tasks hold, without a look at those that ended


class Liveness(TurnTest):
    def test_dead_turns(self):
        user = self.user(100)
        conversation = self.conversation(user)
        process = self.process()
        alive, _ = self.open(user, conversation)
        dead, opened = self.open(user, conversation, owner=process, content="what?", hold=3)
        gone, _ = self.open(user, conversation, owner=new_id())
        ended, _ = self.open(user, conversation, owner=process)
        self.settle(ended, owner=process)
        queued = new_id()
        self.db.query("INSERT INTO tasks (id, user_id, type) VALUES ($1, $2, 'video')", queued, user)
        for seq, text in enumerate(("Hel", "lo ", "世界")):
            self.db.query("INSERT INTO task_journal VALUES ($1, $2, $3, $4)", dead, seq, seq * 3, text)
        self.assertEqual(self.db.query("SELECT * FROM turn_dead(10)"), [])
        self.kill(process)
        row = self.db.row("SELECT * FROM turn_dead(10)")
        self.assertEqual({k: row[k] for k in row if k != "started_at"}, {
            "task_id": dead, "user_id": user, "conversation_id": conversation, "message_id": opened["assistant_message"]["id"],
            "user_message_id": opened["user_message"]["id"], "type": "chat", "model_id": self.model, "model": "m1",
            "prices": {"ratio_ppm": 1000000, "rows": [["input", 0, 10000000, 1000000], ["output", 0, 20000000, 1000000]]},
            "credits_locked": 3,
            "user_content": "what?", "journal": "Hello 世界", "cancel_requested": False,
            "prompt_tokens": None})
        # an owner without a row is given the time to write its first heartbeat
        self.db.query("UPDATE tasks SET started_at = started_at - interval '21 s' WHERE id = $1", gone)
        rows = self.db.query("SELECT * FROM turn_dead(10)")
        self.assertEqual([r["task_id"] for r in rows], [dead, gone])
        self.assertIsNone(rows[1]["journal"])
        self.assertEqual(len(self.db.query("SELECT * FROM turn_dead(1)")), 1)
        for task in (dead, gone):
            self.assertTrue(self.settle(task, owner=None, outcome="failed", status="error", cost=0)["settled"])
        self.assertEqual(self.db.query("SELECT * FROM turn_dead(10)"), [])
        live = self.db.query("SELECT * FROM audit_live_tasks()")
        self.assertEqual([(r["task_id"], r["owner_alive"]) for r in live], [(alive, True), (queued, False)])

    def test_cancel(self):
        user, other = self.user(10), self.user(10)
        process = self.process()
        task, _ = self.open(user, self.conversation(user), owner=process)
        cancel = "SELECT task_json(t) AS task, cancel_requested_at FROM task_cancel_request($1, $2) t"
        def asked(owner):
            return self.db.row("SELECT to_json(cancel) AS cancel FROM process_heartbeat($1, 'responder', 'here', 1)",
                               owner)["cancel"]

        self.assertEqual(self.db.query(cancel, task, other), [])
        self.assertEqual(self.db.query(cancel, new_id(), user), [])
        self.assertEqual(asked(process), [])
        first = self.db.row(cancel, task, user)
        self.assertEqual(set(first["task"]), TASK_KEYS)
        self.assertEqual(first["task"]["status"], "running")
        self.assertEqual(self.db.row(cancel, task, user), first, "asking again changes nothing")
        self.assertEqual(asked(process), [task])
        self.assertEqual(asked(self.owner), [])
        self.settle(task, owner=process, outcome="cancelled")
        self.assertEqual(asked(process), [])
        self.assertEqual(self.db.row(cancel, task, user)["task"]["status"], "cancelled")

    BEAT = "SELECT late, to_json(cancel) AS cancel, to_json(ended) AS ended FROM process_heartbeat($1, 'responder', 'h', 1, $2)"

    def test_heartbeat_tells_what_was_missed(self):
        user, process = self.user(100), new_id()

        def beat(mine=None):
            row = self.db.row(self.BEAT, process, mine)
            return row["late"], row["cancel"], row["ended"]

        def age(seconds):
            self.db.query("UPDATE processes SET heartbeat_at = now() - make_interval(secs => $2) WHERE id = $1",
                          process, seconds)

        self.assertEqual(beat(), (True, [], None), "a row that was not there: others may have pruned it")
        self.assertEqual(beat(), (False, [], None))
        tasks = [self.open(user, self.conversation(user), owner=process)[0] for _ in range(3)]
        mine = "{" + ",".join(tasks) + "}"
        age(9)
        self.assertEqual(beat(mine), (False, [], []))
        age(11)
        self.assertEqual(beat(), (True, [], None))
        self.assertEqual(beat(), (False, [], None), "late once")
        age(21)
        self.assertTrue(self.settle(tasks[1], owner=None, outcome="failed", status="error", cost=0)["settled"])
        self.assertEqual(beat(mine), (True, [], [tasks[1]]))
        self.assertEqual(beat("{}"), (False, [], []))
        self.db.query("SELECT FROM task_cancel_request($1, $2)", tasks[2], user)
        self.assertEqual(beat(mine), (False, [tasks[2]], [tasks[1]]))

    def test_heartbeat_waits_for_nobody(self):
        user, process = self.user(100), self.process()
        task, _ = self.open(user, self.conversation(user), owner=process)
        self.db.query("UPDATE processes SET heartbeat_at = now() - interval '21 s' WHERE id = $1", process)
        with self.connect("weir_owner") as other:
            other.query("BEGIN")
            other.query("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
            self.assertEqual(self.db.row(self.BEAT, process, "{" + task + "}"), {"late": True, "cancel": [], "ended": None})
            other.query("ROLLBACK")
            self.assertTrue(self.db.row("SELECT process_is_alive($1) AS alive", process)["alive"])
            self.db.query("UPDATE credit_transactions SET expires_at = now() WHERE task_id = $1", task)
            other.query("BEGIN")
            other.query("SELECT FROM credit_transactions WHERE task_id = $1 FOR UPDATE", task)
            self.assertEqual(self.db.row("SELECT credits_extend($1, 600) AS n", process)["n"], 0)
            other.query("ROLLBACK")
            self.assertEqual(self.db.row("SELECT credits_extend($1, 600) AS n", process)["n"], 1)

    def test_prune(self):
        user = self.user(10)
        process = self.process()
        conversation = self.conversation(user)
        task, _ = self.open(user, conversation, key="old", owner=process)
        self.open(user, conversation, key="new")
        self.db.query("INSERT INTO task_journal VALUES ($1, 0, 0, 'x')", task)
        self.db.query("UPDATE idempotency_keys SET created_at = now() - interval '25 h' WHERE key = 'old'")
        self.db.query("UPDATE processes SET heartbeat_at = now() - interval '2 h' WHERE id = $1", process)
        session = new_id()
        self.db.query("INSERT INTO sessions (id, user_id, expires_at) VALUES ($1, $2, now() - interval '2 d')", session, user)
        self.db.query("INSERT INTO refresh_tokens (id, session_id, token_hash, expires_at) VALUES ($1, $2, '\\x01', now())", new_id(), session)
        self.db.query("INSERT INTO password_resets (token_hash, user_id, expires_at) VALUES ('\\x02', $1, now() - interval '2 d')", user)
        prune = "SELECT * FROM prune_expired(100)"
        others = {"sign_in_challenges": 0, "account_exports": 0, "oidc_flows": 0}
        removed = {r["what"]: r["removed"] for r in self.db.query(prune)}
        self.assertEqual(removed, {"idempotency_keys": 1, "task_journal": 0, "response_pins": 0, "processes": 0, "allowances": 0, "sessions": 1, "password_resets": 1, **others})
        self.settle(task, owner=None, outcome="failed", status="error", cost=0)
        self.db.query("UPDATE tasks SET completed_at = now() - interval '11 min' WHERE id = $1", task)
        removed = {r["what"]: r["removed"] for r in self.db.query(prune)}
        self.assertEqual(removed, {"idempotency_keys": 0, "task_journal": 1, "response_pins": 0, "processes": 1, "allowances": 0, "sessions": 0, "password_resets": 0, **others})
        self.assertEqual(self.db.query("SELECT 1 FROM refresh_tokens WHERE session_id = $1", session), [])

    def test_deletes_are_owner_only(self):
        user, other = self.user(10), self.user(10)
        conversation = self.conversation(user)
        task, opened = self.open(user, conversation)
        message = opened["user_message"]["id"]
        before = self.snapshot()
        for who, where in ((other, conversation), (user, new_id())):
            self.assertFalse(self.db.row("SELECT * FROM conversation_delete($1, $2)", who, where)["deleted"])
            self.assertFalse(self.db.value("SELECT message_delete($1, $2, $3)", who, where, message))
        self.assertFalse(self.db.value("SELECT message_delete($1, $2, $3)", user, conversation, new_id()))
        self.assertEqual(self.snapshot(), before)
        self.assertTrue(self.db.value("SELECT message_delete($1, $2, $3)", user, conversation, message))
        self.assertEqual(self.db.value("SELECT message_count FROM conversations WHERE id = $1", conversation), 0)
        self.assertTrue(self.db.row("SELECT * FROM conversation_delete($1, $2)", user, conversation)["deleted"])
        self.assertEqual(self.db.query("SELECT 1 FROM conversation_messages WHERE conversation_id = $1", conversation), [])
        self.settle(task)


if __name__ == "__main__":
    unittest.main()
