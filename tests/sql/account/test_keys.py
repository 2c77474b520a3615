"""API keys: budgets of periods, spending that survives a rotation, the end of keys."""
import hashlib
import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest  # noqa: E402


def hash_of(text):
    return "\\x" + hashlib.sha256(text.encode()).hexdigest()


class Keys(DatabaseTest):
    def key(self, **columns):
        """A key with these columns beside the usual ones."""
        key_id = str(uuid.uuid4())
        row = {"id": key_id, "user_id": self.user_id, "name": "k", "hash": hash_of(key_id), "prefix": "wk-0123456",
               **columns}
        places = ", ".join(f"${i + 1}" for i in range(len(row)))
        self.db.query(f"INSERT INTO api_keys ({', '.join(row)}) VALUES ({places})", *row.values())
        return key_id

    def setUp(self):
        super().setUp()
        self.user_id = self.user()

    def row(self, key_id):
        return self.db.query("SELECT k.*, api_key_budget_left(k) AS left FROM api_keys k WHERE id = $1", key_id)[0]

    def spend(self, key_id, amount):
        self.db.query("SELECT api_key_spend($1, $2)", key_id, amount)

    def rotate(self, key_id, overlap_s=0, user_id=None):
        new = str(uuid.uuid4())
        outcome = self.db.query("SELECT api_key_rotate($1, $2, $3, $4, 'wk-new', $5::int) AS o", key_id,
                                user_id or self.user_id, new, hash_of(new), overlap_s)[0]["o"]
        return outcome, new

    def test_a_budget_for_life(self):
        key = self.key(budget="2.5")
        self.spend(key, "1.25")
        self.assertEqual(float(self.row(key)["left"]), 1.25)
        self.spend(key, "3")
        self.assertEqual(float(self.row(key)["left"]), 0)
        self.assertEqual(float(self.row(key)["spent"]), 4.25)
        self.assertIsNotNone(self.row(key)["spent_at"])

    def test_no_budget(self):
        key = self.key()
        self.spend(key, "1")
        self.assertIsNone(self.row(key)["left"])
        self.assertEqual(float(self.row(key)["spent"]), 1)

    def test_a_budget_begins_anew(self):
        for period in ("day", "week", "month"):
            key = self.key(budget="10", budget_period=period)
            self.spend(key, "4")
            self.spend(key, "1")
            self.assertEqual(float(self.row(key)["left"]), 5)
            self.db.query(f"UPDATE api_keys SET spent_at = spent_at - interval '1 {period}' WHERE id = $1", key)
            self.assertEqual(float(self.row(key)["left"]), 10, period)
            self.spend(key, "2")
            row = self.row(key)
            self.assertEqual((float(row["left"]), float(row[period + "_spent"]), float(row["spent"])), (8, 2, 7))

    def test_periods_are_of_utc(self):
        for zone in ("UTC", "Asia/Shanghai", "America/Los_Angeles"):
            self.db.query(f"SET timezone = '{zone}'")
            row = self.db.query(
                "SELECT api_key_period_start('day') = date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS began,"
                " api_key_period_end('day') = api_key_period_start('day') + interval '24 hours' AS ends,"
                " api_key_period_end('month') > now() AS month, api_key_period_end('none') IS NULL AS none")[0]
            self.assertTrue(all(v in (True, "t") for v in row.values()), (zone, row))
        self.db.query("SET timezone = 'UTC'")

    def test_rotation_opens_no_new_budget(self):
        key = self.key(budget="10", budget_period="month", models="{a,b}", rpm=7, allow_ips="{10.0.0.0/8}")
        self.spend(key, "4")
        outcome, new = self.rotate(key, 60)
        self.assertEqual(outcome, "ok")
        row = self.row(new)
        self.assertEqual((float(row["left"]), row["rpm"], row["models"], row["status"]), (6, 7, "{a,b}", "active"))
        self.spend(key, "1")  # within the overlap
        self.assertEqual((float(self.row(new)["left"]), float(self.row(key)["spent"])), (5, 5))
        self.spend(new, "2")
        self.assertEqual((float(self.row(new)["left"]), float(self.row(key)["spent"])), (3, 5))

    def test_rotated_twice_within_the_overlap(self):
        key = self.key(budget="10")
        new = self.rotate(key, 3600)[1]
        newest = self.rotate(new, 3600)[1]
        self.assertEqual([self.row(k)["rotated_to"] for k in (key, new)], [newest] * 2)
        self.spend(key, "1")
        self.spend(new, "1")
        self.assertEqual(float(self.row(newest)["left"]), 8)

    def test_spending_at_the_same_moment(self):
        """Through both keys of a rotation at once: nothing is lost, nobody waits for another for good."""
        key = self.key(budget="100", budget_period="month")
        new = self.rotate(key, 3600)[1]

        def spend(db, number):
            for _ in range(20):
                db.query("SELECT api_key_spend($1, 0.01)", (key, new)[number % 2])

        self.race(8, spend)
        self.assertAlmostEqual(float(self.row(new)["spent"]), 1.6)
        self.assertAlmostEqual(float(self.row(new)["left"]), 98.4)
        self.assertAlmostEqual(float(self.row(key)["spent"]), 0.8)

    def test_what_cannot_be_rotated(self):
        key = self.key()
        self.assertEqual(self.rotate(key, user_id=self.user())[0], "not_found")
        self.assertEqual(self.rotate(str(uuid.uuid4()))[0], "not_found")
        self.assertEqual(self.rotate(key)[0], "ok")
        self.assertEqual(self.rotate(key)[0], "ended")
        for columns in ({"status": "revoked"}, {"status": "locked"}, {"expires_at": "2020-01-01"}):
            self.assertEqual(self.rotate(self.key(**columns))[0], "ended")

    def test_an_overlap_is_no_longer_life(self):
        key = self.key()
        self.db.query("UPDATE api_keys SET expires_at = now() + interval '1 minute' WHERE id = $1", key)
        new = self.rotate(key, 3600)[1]
        self.assertEqual(self.row(key)["expires_at"], self.row(new)["expires_at"])

    def test_the_successor_is_deleted(self):
        key = self.key(budget="5")
        new = self.rotate(key, 3600)[1]
        self.db.query("DELETE FROM api_keys WHERE id = $1", new)
        self.assertIsNone(self.row(key)["rotated_to"])
        self.spend(new, "1")  # of a key that is gone

    def test_the_sweep(self):
        over, rotated = self.key(expires_at="2020-01-01"), self.key(expires_at="2020-01-01", status="rotated")
        live, later = self.key(), self.key(expires_at="2100-01-01")
        self.assertEqual(self.db.query("SELECT api_keys_expire(1) AS n")[0]["n"], 1)
        self.assertEqual(self.db.query("SELECT api_keys_expire(10) AS n")[0]["n"], 1)
        self.assertEqual(self.db.query("SELECT api_keys_expire(10) AS n")[0]["n"], 0)
        self.assertEqual([self.row(k)["status"] for k in (over, rotated, live, later)],
                         ["expired", "rotated", "active", "active"])
        self.assertEqual(self.row(over)["revoked_at"], self.row(over)["expires_at"])
        self.assertIsNone(self.row(live)["revoked_at"])

    def test_what_the_table_refuses(self):
        for columns in ({"status": "odd"}, {"budget_period": "year"}, {"budget": "-1"}, {"rpm": 0}, {"tpm": -1},
                        {"allow_ips": "{nowhere}"}):
            with self.assertRaises(Error):
                self.key(**columns)
        with self.assertRaises(Error):
            self.key(hash=self.db.query("SELECT hash FROM api_keys WHERE id = $1", self.key())[0]["hash"])


if __name__ == "__main__":
    unittest.main()
