"""Conversations in order: folders, many at once, temporary ones, titles by a model: all or none, and nobody else's."""
import json
import os
import sys
import unittest
from decimal import Decimal as D

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402


class FoldersTest(DatabaseTest):
    def setUp(self):
        self.me = self.user(100)
        self.other = self.user(100)

    def folder(self, name="Work", user=None, most=100):
        folder = new_id()
        outcome = self.db.value("SELECT folder_create($1, $2, $3, $4)", folder, user or self.me, name, most)
        return folder if outcome == "ok" else outcome

    def names(self, user=None):
        rows = self.db.query("SELECT name, position FROM conversation_folders WHERE user_id = $1 ORDER BY position, id", user or self.me)
        return [r["name"] for r in rows]

    def arrange(self, ids, action, folder=None, user=None, most=100, db=None):
        row = (db or self.db).row("SELECT * FROM conversations_arrange($1, $2, $3, $4, $5)", user or self.me,
                                  "{" + ",".join(ids) + "}", action, folder, most)
        self.live = row["live_tasks"]
        return row["outcome"]

    def state(self, conversation):
        return self.db.row("SELECT folder_id, pinned_at IS NOT NULL AS pinned, archived_at IS NOT NULL AS archived,"
                           " temporary_until IS NOT NULL AS temporary, updated_at FROM conversations WHERE id = $1", conversation)

    def temporary(self, user, seconds=3600):
        conversation = self.conversation(user)
        self.db.query("UPDATE conversations SET temporary_until = now() + make_interval(secs => $2) WHERE id = $1", conversation, seconds)
        return conversation

    def exists(self, conversation):
        return self.db.value("SELECT EXISTS (SELECT FROM conversations WHERE id = $1)", conversation)

    def assert_refused(self, outcome, *a, **more):
        before = self.db.query("SELECT * FROM conversations ORDER BY id")
        self.assertEqual(self.arrange(*a, **more), outcome)
        self.assertEqual(self.db.query("SELECT * FROM conversations ORDER BY id"), before)


class Folders(FoldersTest):
    def test_made_up_to_a_limit(self):
        self.folder(" Work ")
        self.folder("家")
        self.assertEqual(self.names(), ["Work", "家"])
        self.assertEqual(self.folder("third", most=2), "too_many")
        self.folder("theirs", self.other, most=2)
        self.assertEqual((self.names(), self.names(self.other)), (["Work", "家"], ["theirs"]))

    def test_moved_and_renamed(self):
        a, b, c, d = (self.folder(n) for n in "abcd")
        theirs = self.folder("theirs", self.other)

        def change(folder, name=None, position=None, user=None):
            return self.db.value("SELECT folder_change($1, $2, $3, $4)", user or self.me, folder, name, position)

        for folder, position, names in ((d, 0, "dabc"), (d, 3, "abcd"), (b, 2, "acbd"), (b, 1, "abcd"), (a, 99, "bcda"), (a, 0, "abcd")):
            self.assertTrue(change(folder, position=position))
            self.assertEqual("".join(self.names()), names)
        self.assertTrue(change(c, " C "))
        self.assertEqual("".join(self.names()), "abCd")
        self.assertFalse(change(theirs, "x", 0))
        self.assertFalse(change(new_id(), "x"))
        self.assertEqual(self.names(self.other), ["theirs"])

    def test_what_is_in_one_that_goes_stays(self):
        folder, conversation = self.folder(), self.conversation(self.me)
        self.assertEqual(self.arrange([conversation], "move", folder), "ok")
        self.db.query("DELETE FROM conversation_folders WHERE id = $1", folder)
        self.assertIsNone(self.state(conversation)["folder_id"])


class Arrange(FoldersTest):
    def test_each_action_and_back(self):
        ids = [self.conversation(self.me) for _ in range(3)]
        before = self.state(ids[0])
        for there, back, column in (("pin", "unpin", "pinned"), ("archive", "unarchive", "archived")):
            self.assertEqual(self.arrange(ids, there), "ok")
            self.assertTrue(all(self.state(i)[column] for i in ids))
            self.assertEqual(self.arrange(ids + ids[:1], there), "ok")
            self.assertEqual(self.arrange(ids, back), "ok")
            self.assertEqual([self.state(i) for i in ids][0], before)
        folder = self.folder()
        self.assertEqual(self.arrange(ids, "move", folder), "ok")
        self.assertEqual({self.state(i)["folder_id"] for i in ids}, {folder})
        self.assertEqual(self.arrange(ids, "pin"), "ok")
        self.assertEqual({self.state(i)["folder_id"] for i in ids}, {folder})
        self.assertEqual(self.arrange(ids, "move"), "ok")
        self.assertEqual({self.state(i)["folder_id"] for i in ids}, {None})

    def test_refusals_change_nothing(self):
        mine, theirs = self.conversation(self.me), self.conversation(self.other)
        for action in ("pin", "archive", "move", "keep", "delete"):
            self.assert_refused("not_found", [mine, theirs], action)
            self.assert_refused("not_found", [mine, new_id()], action)
        self.assert_refused("no_folder", [mine], "move", self.folder("theirs", self.other))
        self.assert_refused("no_folder", [mine], "move", new_id())
        more = [self.conversation(self.me) for _ in range(2)]
        self.assertEqual(self.arrange(more, "pin", most=2), "ok")
        self.assert_refused("too_many", [mine], "pin", most=2)
        self.assertEqual(self.arrange(more, "pin", most=2), "ok")
        with self.assertRaises(Exception):
            self.db.query("SELECT * FROM conversations_arrange($1, '{}', 'burn', NULL, 1)", self.me)

    def test_many_are_deleted_and_their_money_ends(self):
        ids = [self.conversation(self.me) for _ in range(3)]
        task, _ = self.open(self.me, ids[0], hold=2)
        done, opened = self.open(self.me, ids[1], hold=2)
        self.settle(done, cost="0.5")
        self.assertEqual(self.arrange(ids, "delete"), "ok")
        self.assertEqual(self.live, [task])
        self.assertFalse(any(self.exists(i) for i in ids))
        self.assertEqual(self.db.value("SELECT count(*) FROM conversation_messages WHERE user_id = $1", self.me), 0)
        self.settle(task, outcome="cancelled", status="success", cost="0.25")
        self.assertEqual(self.credits(self.me), D("99.25"))
        self.assertEqual(self.db.value("SELECT sum(cost) FROM usage WHERE user_id = $1", self.me), D("0.75"))

    def test_nothing_said_is_left_of_an_answer_made_again(self):
        conversation = self.conversation(self.me)
        task, opened = self.open(self.me, conversation, hold=1)
        self.settle(task, outcome="failed", status="llm_error", content="half a secret", code="upstream_failed", cost="0.1")
        again, _ = self.open(self.me, conversation, hold=1, mode="regenerate_in_place", target=opened["assistant_message"]["id"])
        self.settle(again)
        self.arrange([conversation], "delete")
        self.assertEqual(self.db.value("SELECT count(*) FROM tasks WHERE prev_message IS NOT NULL AND user_id = $1", self.me), 0)


class Temporary(FoldersTest):
    def test_only_kept_or_deleted(self):
        conversation = self.temporary(self.me)
        for action in ("pin", "archive", "move", "unarchive"):
            self.assert_refused("temporary", [self.conversation(self.me), conversation], action)
        self.assertEqual(self.arrange([conversation], "keep"), "ok")
        self.assertFalse(self.state(conversation)["temporary"])
        self.assertEqual(self.arrange([self.temporary(self.me)], "delete"), "ok")

    def test_never_shared_and_nothing_made_in_it(self):
        conversation = self.temporary(self.me)
        task, _ = self.open(self.me, conversation)
        self.settle(task)
        share = self.db.row("SELECT outcome FROM conversation_share($1, 't', $2, $3, 'http://x/', 5, 99999)", new_id(), self.me, conversation)
        self.assertEqual(share["outcome"], "temporary")
        names = [r["name"] for r in self.db.query(
            "SELECT a.name FROM pg_proc p, unnest(p.proargnames, p.proargmodes) WITH ORDINALITY AS a (name, mode, at)"
            " WHERE p.proname = 'media_open' AND a.mode = 'i' ORDER BY a.at")]
        o = {"task_id": new_id(), "transaction_id": new_id(), "job_id": new_id(), "user_id": self.me, "type": "image",
             "conversation_id": conversation, "model_id": self.model, "hold": 1, "lease_s": 600, "prices": "[]", "group": "default",
             "op": "images.generate", "input": "{}", "units": "{}", "typical_s": 20, "user_message_id": new_id(), "message_id": new_id(),
             "prompt": "a weir"}
        row = self.db.row("SELECT outcome FROM media_open(" + ", ".join(f"${n + 1}" for n in range(len(names))) + ")",
                          *[o.get(n.removeprefix("p_")) for n in names])
        self.assertEqual((row["outcome"], self.credits(self.me)), ("temporary", D("99.75")))

    def test_removed_in_time_and_paid_for(self):
        over, later, kept, busy = self.temporary(self.me, -1), self.temporary(self.me), self.conversation(self.me), self.temporary(self.me, -1)
        task, _ = self.open(self.me, over, hold=2)
        self.settle(task, cost="0.5")
        live, _ = self.open(self.me, busy, hold=2)
        removed = self.db.query("SELECT id, user_id FROM conversations_expire(10)")
        self.assertEqual([(r["id"], r["user_id"]) for r in removed], [(over, self.me)])
        self.assertEqual([self.exists(c) for c in (over, later, kept, busy)], [False, True, True, True])
        self.assertEqual(self.db.value("SELECT count(*) FROM conversation_messages WHERE conversation_id = $1", over), 0)
        self.assertEqual(self.db.row("SELECT credits_used, conversation_id FROM tasks WHERE id = $1", task),
                         {"credits_used": D("0.5"), "conversation_id": None})
        self.assertEqual(self.db.value("SELECT sum(cost) FROM usage WHERE task_id = $1", task), D("0.5"))
        self.assertIn("chat_cost", [change for change, _, _ in self.history(self.me)])
        self.settle(live, cost="1")
        self.assertEqual([r["id"] for r in self.db.query("SELECT id FROM conversations_expire(10)")], [busy])
        self.assertEqual(self.credits(self.me), D("98.5"))


class Titles(FoldersTest):
    def answered(self, user=None, **columns):
        conversation = self.conversation(user or self.me)
        self.db.query("UPDATE conversations SET title_wanted = true WHERE id = $1", conversation)
        task, _ = self.open(user or self.me, conversation, content="What is a weir?")
        self.settle(task, content="A low dam.", cost="0.1")
        for name, value in columns.items():
            self.db.query(f"UPDATE conversations SET {name} = $2 WHERE id = $1", conversation, value)
        return conversation

    def untitled(self):
        return [r["id"] for r in self.db.query("SELECT id FROM conversations_untitled(100)")]

    def asked(self, conversation):
        return self.db.query("SELECT * FROM title_asked($1, 9, 5)", conversation)

    def test_wanted_once_after_the_first_answer(self):
        waiting = self.conversation(self.me)
        self.db.query("UPDATE conversations SET title_wanted = true WHERE id = $1", waiting)
        task, _ = self.open(self.me, waiting)
        answered = self.answered()
        self.assertIn(answered, self.untitled())
        self.assertNotIn(waiting, self.untitled())
        self.settle(task, outcome="failed", status="llm_error", cost=0)
        self.assertNotIn(waiting, self.untitled())
        job = new_id()
        self.assertTrue(self.db.value("SELECT title_submit($1, $2)", job, answered))
        self.assertFalse(self.db.value("SELECT title_submit($1, $2)", new_id(), answered))
        self.assertNotIn(answered, self.untitled())
        row = self.db.row("SELECT kind, payload, user_id, status FROM jobs WHERE id = $1", job)
        self.assertEqual(row, {"kind": "title", "payload": {"conversation_id": answered}, "user_id": self.me, "status": "waiting"})

    def test_what_it_is_made_of(self):
        conversation = self.answered()
        self.assertEqual(self.asked(conversation), [{"user_id": self.me, "user_group": "default", "question": "What is a", "answer": "A low"}])
        for name, value in (("title_is_custom", True), ("temporary_until", "2999-01-01")):
            self.assertEqual(self.asked(self.answered(**{name: value})), [])
        self.db.query("UPDATE users SET status = 'disabled' WHERE id = $1", self.me)
        self.assertEqual(self.asked(conversation), [])

    def test_kept_unless_the_user_gave_one_and_booked_in_either_case(self):
        used = json.dumps({"model_id": self.model, "channel_id": self.channel, "input_tokens": 30, "output_tokens": 4, "estimated": False,
                           "latency_ms": 12, "request_id": "rq", "details": {"borne": 0.38}})
        for column, title, changed in ((None, "Weirs", True), ("title_is_custom", "auto title", False)):
            conversation = self.answered(**({column: True} if column else {}))
            before, rows = self.credits(self.me), len(self.history(self.me))
            self.assertEqual(self.db.value("SELECT title_made($1, $2, 'Weirs', $3)", conversation, self.me, used), changed)
            row = self.db.row("SELECT title, title_is_custom FROM conversations WHERE id = $1", conversation)
            self.assertEqual(row, {"title": title, "title_is_custom": not changed})
            self.assertEqual((self.credits(self.me), len(self.history(self.me))), (before, rows))
        self.assertFalse(self.db.value("SELECT title_made($1, $2, 'Weirs', $3)", self.answered(user=self.other), self.me, used))
        failed = json.dumps({"model_id": self.model, "error_code": "upstream_failed"})
        self.assertFalse(self.db.value("SELECT title_made($1, $2, NULL, $3)", self.answered(), self.me, failed))
        booked = self.db.query("SELECT op, cost, request_tokens, response_tokens, channel, model, status, metadata FROM usage"
                               " WHERE user_id = $1 AND op = 'title' ORDER BY id", self.me)
        self.assertEqual(booked[0], {"op": "title", "cost": 0, "request_tokens": 30, "response_tokens": 4, "channel": "c1", "model": "m1",
                                     "status": "completed", "metadata": {"borne": D("0.38")}})
        self.assertEqual([r["status"] for r in booked], ["completed"] * 3 + ["failed"])


if __name__ == "__main__":
    unittest.main()
