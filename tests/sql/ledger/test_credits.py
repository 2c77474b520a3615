"""The money functions: every outcome, double endings, expiry and leases, constraints and privileges."""
import os
import sys
import unittest
from decimal import Decimal as D

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest, new_id  # noqa: E402


class Credits(DatabaseTest):
    def test_grant(self):
        user = self.user()
        grant = "SELECT * FROM credits_grant($1, $2, $3, 'why', $4)"
        admin = new_id()
        self.assertEqual(self.db.row(grant, user, "10.5", "signup_gift", admin), {"outcome": "ok", "balance": D("10.5")})
        self.assertEqual(self.db.row(grant, user, "-10.500001", "admin_adjustment", admin),
                         {"outcome": "insufficient", "balance": D("10.5")})
        self.assertEqual(self.db.row(grant, user, "-10.5", "admin_adjustment", admin), {"outcome": "ok", "balance": 0})
        self.assertEqual(self.db.row(grant, user, 0, "purchase", None), {"outcome": "ok", "balance": 0})
        self.assertEqual(self.db.row(grant, new_id(), 1, "purchase", None), {"outcome": "no_user", "balance": None})
        rows = self.db.query("SELECT * FROM credits_history WHERE user_id = $1 ORDER BY id", user)
        self.assertEqual([(r["change_type"], r["change_amount"], r["balance_after"], r["description"], r["actor_id"])
                          for r in rows],
                         [("signup_gift", D("10.5"), D("10.5"), "why", admin), ("admin_adjustment", D("-10.5"), 0, "why", admin)])
        for bad in ("NaN", "Infinity", None):
            with self.assertRaises(Error):
                self.db.row(grant, user, bad, "purchase", None)

    def test_rounding_cannot_split_ledger_and_balance(self):
        user = self.user()
        self.db.query("SELECT credits_grant($1, 1.0000005, 'purchase', '', NULL)", user)
        self.db.query("SELECT deduct_credits_atomic($1, 0.3333333, 'x', 'chat_cost')", user)
        task, _ = self.hold(user, "0.1111111")
        self.db.query("SELECT credits_confirm($1, 0.0555555555, 'chat_cost')", task)
        self.assertEqual(self.credits(user), D("1.000001") - D("0.333333") - D("0.055556"))

    def test_deduct_as_documented(self):
        user = self.user(10)
        deduct = "SELECT deduct_credits_atomic($1, $2, 'because', 'image_generation_cost')"
        self.assertEqual(self.db.value(deduct, user, "4.25"), {"success": True, "new_balance": D("5.75")})
        self.assertEqual(self.db.value(deduct, user, 6), {"success": False, "message": "Insufficient credits"})
        self.assertEqual(self.db.value(deduct, user, "5.75"), {"success": True, "new_balance": 0})
        self.assertEqual(self.db.value(deduct, user, "0.000001"), {"success": False, "message": "Insufficient credits"})
        self.assertEqual(self.db.value(deduct, new_id(), 1), {"success": False, "message": "User not found"})
        for bad in (0, -1, "NaN", "Infinity", None, "0.0000001"):
            self.assertEqual(self.db.value(deduct, user, bad), {"success": False, "message": "Invalid amount"}, bad)
        self.assertEqual(self.history(user), [("image_generation_cost", D("-4.25"), D("5.75")),
                                              ("image_generation_cost", D("-5.75"), 0)])

    def test_hold_outcomes(self):
        user = self.user(10)
        task, row = self.hold(user, 10)
        self.assertEqual(row, {"outcome": "ok", "balance": 0})
        before = self.snapshot()
        self.assertEqual(self.hold(user, "0.000001")[1], {"outcome": "insufficient", "balance": 0})
        self.assertEqual(self.hold(user, 5, task)[1], {"outcome": "duplicate", "balance": 0})
        self.assertEqual(self.hold(new_id(), 1)[1], {"outcome": "no_user", "balance": None})
        for bad in (0, -1, "NaN", "Infinity", None):
            with self.assertRaises(Error):
                self.hold(user, bad)
        self.assertEqual(self.snapshot(), before)
        self.db.query("SELECT credits_grant($1, 50, 'purchase', '', NULL)", user)
        self.assertEqual(self.hold(user, 5, task)[1], {"outcome": "duplicate", "balance": 50})
        self.assertEqual(self.credits(user), 50)

    def test_confirm(self):
        user = self.user(10)
        confirm = "SELECT * FROM credits_confirm($1, $2, 'chat_cost')"
        task, _ = self.hold(user, 4)
        self.assertEqual(self.db.row(confirm, task, "1.5"), {"outcome": "ok", "charged": D("1.5"), "balance": D("8.5")})
        self.assertEqual(self.db.row(confirm, task, "2.5"), {"outcome": "already", "charged": D("1.5"), "balance": D("8.5")})
        self.assertEqual(self.db.row("SELECT * FROM credits_refund($1, 'no')", task),
                         {"outcome": "already", "returned": 0, "balance": D("8.5")})
        self.assertEqual(self.history(user), [("hold", -4, 6), ("hold_release", 4, 10), ("chat_cost", D("-1.5"), D("8.5"))])
        task, _ = self.hold(user, 4)
        self.assertEqual(self.db.row(confirm, task, 99), {"outcome": "ok", "charged": 4, "balance": D("4.5")})
        task, _ = self.hold(user, 4)
        self.assertEqual(self.db.row(confirm, task, 0), {"outcome": "ok", "charged": 0, "balance": D("4.5")})
        self.assertEqual(self.db.row(confirm, new_id(), 1), {"outcome": "missing", "charged": None, "balance": None})
        for bad in (-1, "NaN", "Infinity", None):
            with self.assertRaises(Error):
                self.db.row(confirm, task, bad)

    def test_refund_pays_once(self):
        user = self.user(10)
        refund = "SELECT * FROM credits_refund($1, 'upstream failed')"
        task, _ = self.hold(user, 4)
        self.assertEqual(self.db.row(refund, task), {"outcome": "ok", "returned": 4, "balance": 10})
        before = self.snapshot()
        self.assertEqual(self.db.row(refund, task), {"outcome": "already", "returned": 0, "balance": 10})
        self.assertEqual(self.db.row("SELECT * FROM credits_confirm($1, 4, 'chat_cost')", task),
                         {"outcome": "already", "charged": 0, "balance": 10})
        self.assertEqual(self.db.row(refund, new_id()), {"outcome": "missing", "returned": 0, "balance": None})
        self.assertEqual(self.hold(user, 4, task)[1]["outcome"], "duplicate")
        self.assertEqual(self.snapshot(), before)
        row = self.db.row("SELECT status, reason, confirmed_at FROM credit_transactions WHERE task_id = $1", task)
        self.assertEqual(row, {"status": "refunded", "reason": "upstream failed", "confirmed_at": None})

    def test_refund_credits_names_its_hold(self):
        user, other = self.user(10), self.user(10)
        refund = "SELECT refund_credits($1, $2, $3)"
        task, _ = self.hold(user, 4)
        for wrong in ((user, 5, task), (other, 4, task), (user, 4, new_id())):
            self.assertEqual(self.db.value(refund, *wrong), {"success": False, "message": "No such hold"})
        self.assertEqual(self.db.value(refund, user, 4, task), {"success": True, "new_balance": 10})
        self.assertEqual(self.db.value(refund, user, 4, task), {"success": False, "message": "Already settled"})
        self.assertEqual(self.credits(user), 10)

    def test_expire_orphans_only(self):
        user = self.user(100)
        orphan, _ = self.hold(user, 1, lease_s=-1)
        fresh, _ = self.hold(user, 2)
        conversation = self.conversation(user)
        alive, _ = self.open(user, conversation, hold=4, lease_s=-1)
        process = self.process()
        dead, opened = self.open(user, conversation, hold=8, lease_s=-1, owner=process)
        self.kill(process)
        before = self.credits(user)
        self.assertEqual(self.db.value("SELECT credits_expire(100)"), 2)
        self.assertEqual(self.db.value("SELECT credits_expire(100)"), 0)
        self.assertEqual(self.credits(user), before + 1 + 8)
        status = "SELECT status FROM credit_transactions WHERE task_id = $1"
        self.assertEqual([self.db.value(status, t) for t in (orphan, fresh, alive, dead)],
                         ["expired", "pending", "pending", "expired"])
        self.assertEqual(self.db.row("SELECT status, error_code FROM tasks WHERE id = $1", dead),
                         {"status": "failed", "error_code": "expired"})
        message = self.db.row("SELECT status, error_message FROM conversation_messages WHERE id = $1",
                              opened["assistant_message"]["id"])
        self.assertEqual(message, {"status": "error", "error_message": "the hold expired"})
        late = self.settle(dead, owner=process)
        self.assertEqual((late["settled"], late["task_status"], late["charged"]), (False, "failed", 0))
        # a living task's lease may have run out between two heartbeats: extending it is not too late
        self.assertEqual(self.db.value("SELECT credits_extend($1, 600)", self.owner), 1)
        self.assertTrue(self.settle(alive)["settled"])

    def test_expire_restores_a_regenerated_message(self):
        user = self.user(100)
        conversation = self.conversation(user)
        task, opened = self.open(user, conversation)
        self.fail_turn(task, content="partial", error="first failure")
        message = opened["assistant_message"]["id"]
        process = self.process()
        self.assertEqual(self.open(user, conversation, mode="regenerate_in_place", target=message,
                                   owner=process, lease_s=-1)[1]["outcome"], "ok")
        self.kill(process)
        self.assertEqual(self.db.value("SELECT credits_expire(100)"), 1)
        row = self.db.row("SELECT content, status, error_message, task_id FROM conversation_messages WHERE id = $1", message)
        self.assertEqual(row, {"content": "partial", "status": "llm_error", "error_message": "first failure", "task_id": task})

    def test_extend_only_what_needs_it(self):
        user = self.user(100)
        conversation = self.conversation(user)
        owner = self.process()
        soon, _ = self.open(user, conversation, lease_s=100, owner=owner)
        late, _ = self.open(user, conversation, lease_s=500, owner=owner)
        other, _ = self.open(user, conversation, lease_s=100)
        self.assertEqual(self.db.value("SELECT credits_extend($1, 600)", owner), 1)
        left = "SELECT round(extract(epoch FROM expires_at - created_at)) FROM credit_transactions WHERE task_id = $1"
        self.assertEqual([self.db.value(left, t) for t in (soon, late, other)], [600, 500, 100])
        self.settle(soon, owner=owner)
        self.assertEqual(self.db.value("SELECT credits_extend($1, 6000)", owner), 1)

    def test_constraints_refuse(self):
        user = self.user(5)
        task, _ = self.hold(user, 1)
        for sql in ("UPDATE users SET credits = -1 WHERE id = $1",
                    "UPDATE users SET credits = 'NaN' WHERE id = $1",
                    "UPDATE users SET email = NULL WHERE id = $1",
                    "UPDATE credit_transactions SET used = 2 WHERE user_id = $1",
                    "UPDATE credit_transactions SET used = 1 WHERE user_id = $1",
                    "UPDATE credit_transactions SET status = 'confirmed' WHERE user_id = $1",
                    "UPDATE credit_transactions SET status = 'other' WHERE user_id = $1"):
            with self.assertRaises(Error, msg=sql) as caught:
                self.db.query(sql, user)
            self.assertEqual(caught.exception.sqlstate, "23514", sql)
        with self.assertRaises(Error) as caught:
            self.db.query("INSERT INTO credit_transactions (id, task_id, user_id, amount) VALUES ($1, $2, $3, 1)",
                          new_id(), task, user)
        self.assertEqual(caught.exception.sqlstate, "23505")
        with self.assertRaises(Error) as caught:
            self.db.query("INSERT INTO users (id, email) SELECT $1, upper(email) FROM users WHERE id = $2", new_id(), user)
        self.assertEqual(caught.exception.sqlstate, "23505")

    def test_history_is_append_only(self):
        user = self.user(5)
        with self.connect("weir_owner") as owner:
            for sql in ("UPDATE credits_history SET change_amount = 9", "DELETE FROM credits_history", "TRUNCATE credits_history"):
                with self.assertRaises(Error, msg=sql) as caught:
                    owner.query(sql)
                self.assertIn("append-only", str(caught.exception))
        for sql in ("UPDATE credits_history SET change_amount = 9", "DELETE FROM credits_history"):
            with self.assertRaises(Error) as caught:
                self.db.query(sql)
            self.assertEqual(caught.exception.sqlstate, "42501")
        self.hold(user, 1)
        self.db.query("DELETE FROM users WHERE id = $1", user)
        self.assertEqual(self.db.value("SELECT count(*) FROM credits_history WHERE user_id = $1", user), 0)
        self.assertEqual(self.db.value("SELECT count(*) FROM credit_transactions WHERE user_id = $1", user), 0)


class Privileges(DatabaseTest):
    def test_service_cannot_shape_or_forge(self):
        for sql in ("CREATE TABLE x (i int)", "ALTER TABLE users ADD x int", "DROP TABLE usage",
                    "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", "DELETE FROM audit_log", "UPDATE audit_log SET result = ''",
                    "DELETE FROM tasks", "DELETE FROM credit_transactions", "UPDATE usage SET cost = 0", "UPDATE admin_debug_logs SET cost = 0",
                    "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY", "TRUNCATE users", "ALTER TABLE credits_history DISABLE TRIGGER ALL"):
            with self.assertRaises(Error, msg=sql) as caught:
                self.db.query(sql)
            self.assertEqual(caught.exception.sqlstate, "42501", sql)

    def test_audit_log_takes_events(self):
        self.db.query("INSERT INTO audit_log (user_id, action, object, details, result, ip, user_agent, request_id) "
                      "VALUES ($1, 'auth.login', 'user:1', '{}', 'ok', '10.0.0.1', 'x', 'r')", new_id())
        self.assertEqual(self.db.value("SELECT count(*) FROM audit_log"), 1)

    def test_row_level_security(self):
        mine, theirs = self.user(10), self.user(10)
        task, _ = self.open(mine, self.conversation(mine))
        self.open(theirs, self.conversation(theirs))
        with self.connect() as db:
            self.assertEqual(db.value("SELECT count(*) FROM tasks"), 2)
            db.query("SET ROLE weir_user")
            for table in ("tasks", "credit_transactions"):
                self.assertEqual(db.value(f"SELECT count(*) FROM {table}"), 0, "no user set")
            db.query("SELECT set_config('weir.user_id', $1, false)", mine)
            self.assertEqual([r["id"] for r in db.query("SELECT id FROM tasks")], [task])
            self.assertEqual([r["task_id"] for r in db.query("SELECT task_id FROM credit_transactions")], [task])
            self.assertEqual(db.value("SELECT task_json(t)->>'id' FROM tasks t"), task)
            self.assertEqual(db.query("SELECT id FROM tasks WHERE user_id = $1", theirs), [])
            for sql in ("UPDATE tasks SET progress = 1", "DELETE FROM tasks", "UPDATE credit_transactions SET reason = ''",
                        "SELECT 1 FROM users", "SELECT 1 FROM conversation_messages", "SELECT 1 FROM credits_history",
                        "SELECT audit_run()", "SELECT credits_grant(gen_random_uuid(), 1, 'purchase', '', NULL)"):
                with self.assertRaises(Error, msg=sql) as caught:
                    db.query(sql)
                self.assertEqual(caught.exception.sqlstate, "42501", sql)
            db.query("SELECT set_config('weir.user_id', '', false)")
            self.assertEqual(db.value("SELECT count(*) FROM tasks"), 0)
            db.query("RESET ROLE")
            self.assertEqual(db.value("SELECT count(*) FROM tasks"), 2)


if __name__ == "__main__":
    unittest.main()
