"""Accounts that leave: who may, when it begins, and what stays for the money's sake."""
import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest  # noqa: E402


class Leaving(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.user_id = self.user()
        self.name = self.db.query("SELECT coalesce(email, phone) AS n FROM users WHERE id = $1", self.user_id)[0]["n"]

    def leave(self, name=None, after_s=3600, user_id=None):
        return self.db.query("SELECT outcome, erase_at FROM account_leave($1, $2, $3::bigint)", user_id or self.user_id, name or self.name, after_s)[0]

    def begin(self):
        return int(self.db.query("SELECT account_erase_begin($1) AS n", self.user_id)[0]["n"])

    def erase(self):
        return int(self.db.query("SELECT account_erase($1, 100) AS n", self.user_id)[0]["n"])

    def count(self, sql):
        return int(self.db.query(f"SELECT count(*)::int AS n FROM {sql}", self.user_id)[0]["n"])

    def test_the_name_is_typed(self):
        self.assertEqual(self.leave("somebody else")["outcome"], "other_name")
        self.assertEqual(self.leave(" ")["outcome"], "other_name")
        self.assertEqual(self.leave(user_id=str(uuid.uuid4()))["outcome"], "not_found")
        self.assertEqual(self.count("account_exits WHERE user_id = $1"), 0)
        self.assertEqual(self.leave(" " + self.name.upper() + " ")["outcome"], "ok")

    def test_sessions_end_and_the_rest_waits(self):
        self.db.query("INSERT INTO sessions (id, user_id, expires_at) VALUES ($1, $2, now() + interval '1 day')", str(uuid.uuid4()), self.user_id)
        self.assertEqual(self.leave()["outcome"], "ok")
        self.assertEqual(self.count("sessions WHERE user_id = $1 AND revoked_at IS NULL"), 0)
        wait = self.begin()
        self.assertTrue(3500 < wait <= 3600, wait)
        self.assertEqual(self.erase(), 0)  # not begun: nothing goes
        self.assertEqual(self.db.query("SELECT status FROM users WHERE id = $1", self.user_id)[0]["status"], "active")

    def test_taken_back(self):
        self.leave(after_s=0)
        self.db.query("DELETE FROM account_exits WHERE user_id = $1", self.user_id)
        self.assertEqual(self.begin(), -1)

    def test_erased(self):
        conversation = str(uuid.uuid4())
        self.db.query("INSERT INTO conversations (id, user_id) VALUES ($1, $2)", conversation, self.user_id)
        before = self.db.query("SELECT credits FROM users WHERE id = $1", self.user_id)[0]["credits"]
        self.leave(after_s=0)
        self.assertEqual(self.begin(), 0)
        self.assertEqual(self.begin(), 0)  # a job that was killed begins anew
        for _ in range(10):
            if (n := self.erase()) == 0:
                break
            self.assertGreater(n, 0)
        row = self.db.query("SELECT email, phone, nickname, password_hash, status, credits FROM users WHERE id = $1", self.user_id)[0]
        self.assertEqual((row["email"], row["phone"], row["nickname"], row["status"]), (f"erased-{self.user_id}@invalid", None, "", "disabled"))
        self.assertEqual(row["credits"], before)
        self.assertEqual(self.count("conversations WHERE user_id = $1"), 0)
        self.assertEqual(self.begin(), -1)
        self.assertEqual(self.leave(f"erased-{self.user_id}@invalid")["outcome"], "not_found")

    def test_what_runs_is_waited_for(self):
        self.leave(after_s=0)
        self.begin()
        task = str(uuid.uuid4())
        self.db.query("INSERT INTO tasks (id, user_id, type) VALUES ($1, $2, 'chat')", task, self.user_id)
        self.assertEqual(self.erase(), -1)
        self.assertIsNotNone(self.db.query("SELECT cancel_requested_at AS at FROM tasks WHERE id = $1", task)[0]["at"])
        self.db.query("UPDATE tasks SET status = 'cancelled', completed_at = now(), error_message = 'words' WHERE id = $1", task)
        self.assertEqual(self.erase(), 1)
        self.assertIsNone(self.db.query("SELECT error_message AS m FROM tasks WHERE id = $1", task)[0]["m"])
        self.assertEqual(self.erase(), 0)

    def test_the_last_admin_stays(self):
        self.db.query("UPDATE users SET role = 'user' WHERE role = 'admin'")
        self.db.query("UPDATE users SET role = 'admin' WHERE id = $1", self.user_id)
        self.assertEqual(self.leave()["outcome"], "last_admin")
        other = self.user()
        self.db.query("UPDATE users SET role = 'admin' WHERE id = $1", other)
        self.assertEqual(self.leave()["outcome"], "ok")


if __name__ == "__main__":
    unittest.main()
