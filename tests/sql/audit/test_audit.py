"""The audit finds what it should: each invariant is broken on purpose, by the superuser, and reported."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402


class Audit(DatabaseTest):
    audited = False

    def broken(self, db):
        return {r["invariant"]: r["detail"] for r in db.query("SELECT * FROM audit_run()") if not r["ok"]}

    def after(self, *statements):
        """What the audit says after these statements, which are then rolled back; triggers and checks are off."""
        with self.connect("postgres") as db:
            db.script("BEGIN; SET LOCAL session_replication_role = replica;"
                      "ALTER DOMAIN credits_amount DROP CONSTRAINT credits_amount_check;")
            for sql, *params in statements:
                self.assertEqual(len(db.query(sql + " RETURNING 1", *params)), 1, sql)
            broken = self.broken(db)
            db.script("ROLLBACK")
        self.assertEqual(self.broken(self.db), {})
        return broken

    def setUp(self):
        self.someone = self.user(100)
        conversation = self.conversation(self.someone)
        self.running, _ = self.open(self.someone, conversation, hold=5)
        self.ended, _ = self.open(self.someone, conversation, hold=5)
        self.settle(self.ended, cost=2)
        self.refunded, _ = self.open(self.someone, conversation, hold=5)
        self.fail_turn(self.refunded)

    def test_sound(self):
        rows = self.db.query("SELECT * FROM audit_run()")
        self.assertEqual([r["invariant"] for r in rows], ["I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11", "I14"])
        self.assertTrue(all(r["ok"] for r in rows))
        total = rows[0]["detail"]["sum"]
        self.assertEqual(total["granted"], total["available"] + total["held"] + total["spent"])
        self.assertGreater(total["held"], 0)
        self.assertGreater(total["spent"], 0)
        self.db.query("SELECT deduct_credits_atomic($1, 3, 'direct', 'chat_cost')", self.someone)
        self.assertEqual(self.broken(self.db), {})

    def test_i1_i4_money_from_nowhere(self):
        broken = self.after(("UPDATE users SET credits = credits + 1 WHERE id = $1", self.someone))
        self.assertEqual(set(broken), {"I1", "I4"})
        self.assertEqual(broken["I1"]["rows"][0]["user_id"], self.someone)

    def test_i2_paid_back_twice(self):
        broken = self.after(
            ("UPDATE users SET credits = credits + 5 WHERE id = $1", self.someone),
            ("INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, task_id) "
             "SELECT id, 'hold_release', 5, credits, $2 FROM users WHERE id = $1", self.someone, self.refunded))
        self.assertEqual(set(broken), {"I1", "I2"})
        self.assertEqual(broken["I2"]["rows"][0]["task_id"], self.refunded)

    def test_i2_hold_left_behind(self):
        broken = self.after(("UPDATE tasks SET status = 'failed', completed_at = now() WHERE id = $1", self.running))
        self.assertIn("pending hold of an ended task", [r["why"] for r in broken["I2"]["rows"]])

    def test_i2_hold_gone(self):
        broken = self.after(("DELETE FROM credit_transactions WHERE task_id = $1", self.running))
        whys = [r["why"] for r in broken["I2"]["rows"]]
        self.assertIn("live task without its pending hold", whys)
        self.assertIn("history of a hold that does not exist", whys)

    def test_i2_charge_differs(self):
        broken = self.after(("UPDATE tasks SET credits_used = 1 WHERE id = $1", self.ended))
        self.assertIn("ended task and its hold disagree", [r["why"] for r in broken["I2"]["rows"]])

    def test_i3(self):
        self.assertIn("I3", self.after(("UPDATE users SET credits = -1 WHERE id = $1", self.someone)))
        self.assertIn("I3", self.after(("UPDATE credits_history SET balance_after = -1 WHERE task_id = $1 AND change_type = 'hold'",
                                        self.ended)))

    def test_i4_history_rewritten(self):
        broken = self.after(("UPDATE credits_history SET balance_after = balance_after + 1 WHERE task_id = $1 AND change_type = 'hold'",
                             self.ended))
        self.assertEqual(set(broken), {"I4"})

    def test_i5(self):
        late = "UPDATE credit_transactions SET expires_at = now() - interval '%d s' WHERE task_id = $1"
        self.assertEqual(set(self.after((late % 16, self.running))), {"I5"})
        self.assertEqual(set(self.after((late % 10, self.running))), set())

    def test_i6(self):
        self.assertIn("I6", self.after(("UPDATE credit_transactions SET used = 6 WHERE task_id = $1", self.ended)))
        self.assertEqual(set(self.after(("UPDATE usage SET cost = 1 WHERE task_id = $1", self.ended))), {"I6"})
        self.assertEqual(set(self.after(("UPDATE usage SET overrun = 1 WHERE task_id = $1", self.ended))), {"I6"})

    def test_i9(self):
        late = "UPDATE processes SET heartbeat_at = now() - interval '%d s' WHERE id = $1"
        self.assertEqual(set(self.after((late % 36, self.owner))), {"I9"})
        self.assertEqual(set(self.after((late % 30, self.owner))), set())
        gone = "UPDATE tasks SET owner = $2, started_at = now() - interval '36 s' WHERE id = $1"
        self.assertEqual(set(self.after((gone, self.running, new_id()))), {"I9"})

    def test_i11_a_budget_that_counts_something_else(self):
        user = self.user(10)
        self.db.query("SELECT quota_set($1, NULL, 5, 'month', NULL)", user)
        self.assertEqual(self.db.query("SELECT * FROM audit_broken"), [])
        self.db.query("UPDATE quotas SET month_spent = 1, spent_at = now() WHERE user_id = $1", user)
        self.assertEqual([r["invariant"] for r in self.db.query("SELECT invariant FROM audit_broken")], ["I11"])
        self.db.query("DELETE FROM quotas WHERE user_id = $1", user)


if __name__ == "__main__":
    unittest.main()
