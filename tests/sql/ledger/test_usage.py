"""Usage summed up: each call once, whatever commits when; sums that equal the calls; removal of what is summed up."""
import os
import random
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, cluster, new_id  # noqa: E402

INSERT = ("INSERT INTO usage (created_at, user_id, key_id, channel, model, request_tokens, response_tokens, cost, latency_ms,"
          " first_token_ms, status, error_code) VALUES (coalesce($1::timestamptz, now()), $2, $3, $4, $5, $6, $7, $8, $9, $10,"
          " $11, $12) RETURNING id")
GROUPS = {"day": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
          "hour": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:00\"Z\"')", "model": "model", "key": "key_id::text",
          "status": "status", "user": "user_id::text", "channel": "channel"}


class Usage(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.db.query("DELETE FROM usage")
        with cluster().connect(self.database, "weir_owner") as owner:
            owner.query("TRUNCATE usage_hours, usage_days")
        self.db.query("UPDATE usage_rolled SET id = coalesce((SELECT max(id) FROM usage), id), next_id = id, next_xid = NULL")

    def use(self, user, at=None, db=None, key=None, channel="c", model="m", tokens=10, cost="0.5", status="completed", error=None):
        return (db or self.db).value(INSERT, at, user, key, channel, model, tokens, 2 * tokens, cost, 100, 20, status, error)

    def roll(self, limit=1000000):
        """Marks how far, and goes there; how far that was."""
        for _ in range(3):
            while int(self.db.value("SELECT usage_roll_up($1::int)", limit)):
                pass
        return int(self.db.value("SELECT id FROM usage_rolled"))

    def rolled(self, table="usage_hours"):
        return int(self.db.value(f"SELECT coalesce(sum(calls), 0) FROM {table}"))

    def sums(self, group, start, end, user=None, key=None, model=None, status=None, channel=None):
        rows = self.db.query("SELECT * FROM usage_sums($1, $2, $3, $4, $5, $6, $7, $8)", group, user, key, model, status, channel,
                             start, end)
        return {None if r["total"] else ("", r["name"]): (int(r["calls"] or 0), int(r["request_tokens"] or 0),
                                                                int(r["errors"] or 0), float(r["cost"] or 0)) for r in rows}

    def by_hand(self, group, start, end, user=None, **more):
        where = "".join(f" AND {name} = '{value}'" for name, value in more.items())
        rows = self.db.query(
            f"SELECT GROUPING(name) AS total, name, count(*) AS n, coalesce(sum(request_tokens), 0) AS r, count(error_code) AS e,"
            f" coalesce(sum(cost), 0) AS c FROM (SELECT *, {GROUPS[group]} AS name FROM usage"
            f" WHERE created_at >= $1 AND created_at < $2 AND ($3::uuid IS NULL OR user_id = $3){where}) AS u"
            " GROUP BY GROUPING SETS ((name), ())", start, end, user)
        return {None if r["total"] == 1 else ("", r["name"]): (int(r["n"]), int(r["r"]), int(r["e"]), float(r["c"])) for r in rows}

    def test_each_call_once(self):
        user = self.user()
        for n in range(7):
            self.use(user, tokens=n)
        self.assertEqual(self.rolled(), 0)
        last = self.roll()
        self.assertEqual((self.rolled(), self.rolled("usage_days")), (7, 7))
        self.assertEqual(last, int(self.db.value("SELECT max(id) FROM usage")))
        self.roll()
        self.assertEqual(self.rolled(), 7)
        self.use(user)
        self.roll()
        self.assertEqual((self.rolled(), self.rolled("usage_days")), (8, 8))
        row = self.db.query("SELECT * FROM usage_hours")[0]
        self.assertEqual((row["request_tokens"], row["latency_ms"], row["first_token_calls"]), (31, 800, 8))

    def test_in_pieces(self):
        user = self.user()
        for _ in range(10):
            self.use(user)
        self.roll(limit=3)
        self.assertEqual((self.rolled(), self.rolled("usage_days")), (10, 10))

    def test_who_commits_late_is_counted(self):
        """Its id was taken before others that are committed already."""
        user = self.user()
        with self.connect() as late:
            late.query("BEGIN")
            self.use(user, db=late)
            for _ in range(3):
                self.use(user)
            self.roll()
            self.assertEqual(self.rolled(), 0, "somebody may still come below")
            late.query("COMMIT")
        self.roll()
        self.assertEqual((self.rolled(), self.rolled("usage_days")), (4, 4))

    def test_who_rolls_back_holds_up_nobody(self):
        user = self.user()
        with self.connect() as late:
            late.query("BEGIN")
            self.use(user, db=late)
            self.use(user)
            self.roll()
            late.query("ROLLBACK")
        self.roll()
        self.assertEqual(self.rolled(), 1)

    def test_under_concurrent_commits(self):
        """Writers that commit in any order, two workers and a reader: the reader is right each time, and so is the end."""
        user, stop, wrong = self.user(), threading.Event(), []

        def write(seed):
            dice = random.Random(seed)
            with self.connect() as db:
                for _ in range(60):
                    db.query("BEGIN")
                    for _ in range(dice.randint(1, 4)):
                        self.use(user, db=db, model=dice.choice("ab"))
                    db.query("SELECT pg_sleep($1::float8)", dice.random() / 200)
                    db.query("COMMIT" if dice.random() < 0.9 else "ROLLBACK")

        def work():
            with self.connect() as db:
                while not stop.is_set():
                    db.query("SELECT usage_roll_up(7)")

        def read():
            with self.connect() as db:
                while not stop.is_set():
                    row = db.query("SELECT (SELECT count(*) FROM usage) AS n, s.calls FROM usage_sums('model', NULL, NULL, NULL, NULL,"
                                   " NULL, now() - interval '2 days', now() + interval '1 day') AS s WHERE s.total")[0]
                    if int(row["n"]) != int(row["calls"] or 0):
                        wrong.append(row)

        writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
        others = [threading.Thread(target=work) for _ in range(2)] + [threading.Thread(target=read)]
        for thread in writers + others:
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in others:
            thread.join()
        self.assertEqual(wrong, [])
        self.roll()
        count = int(self.db.value("SELECT count(*) FROM usage"))
        self.assertGreater(count, 300)
        self.assertEqual((self.rolled(), self.rolled("usage_days")), (count, count))

    def test_sums_are_those_of_the_calls(self):
        dice = random.Random(5)
        users, keys = [self.user(), self.user()], [new_id(), None]
        for n in range(400):
            at = self.db.value("SELECT timestamptz '2026-03-01 00:00Z' + $1::int * interval '1 second'", dice.randint(0, 5 * 86400))
            self.use(dice.choice(users), at, key=dice.choice(keys), model=dice.choice("xy"), channel=dice.choice(["c", "d", None]),
                     tokens=n, cost="0.125", status=dice.choice(["completed", "failed"]), error=dice.choice([None, "internal"]))
            if n == 300:
                self.roll()
        spans = [("2026-03-01T00:00Z", "2026-03-06T00:00Z"), ("2026-03-02T00:00Z", "2026-03-04T00:00Z"),
                 ("2026-03-02T10:17Z", "2026-03-04T23:59:59Z"), ("2026-03-02T10:17Z", "2026-03-02T10:42Z"),
                 ("2026-03-02T10:17Z", "2026-03-02T11:42Z"), ("2026-03-02T10:00Z", "2026-03-02T12:00Z"),
                 ("2026-03-02T23:30Z", "2026-03-03T00:30Z"), ("2026-03-04T00:00Z", "2026-03-02T00:00Z")]
        for zone in ("UTC", "Asia/Kolkata"):
            self.db.query(f"SET timezone = '{zone}'")
            for start, end in spans:
                for group in GROUPS:
                    for user in (None, users[0]):
                        self.assertEqual(self.sums(group, start, end, user), self.by_hand(group, start, end, user), (group, start, end))
                self.assertEqual(self.sums("day", start, end, model="x", status="failed", channel="c", key=keys[0]),
                                 self.by_hand("day", start, end, model="x", status="failed", channel="c", key_id=keys[0]))
        self.db.query("SET timezone = 'UTC'")

    def test_what_is_removed_stays_in_the_sums(self):
        user = self.user()
        for days in (40, 31, 30, 29, 0):
            self.use(user, self.db.value("SELECT now() - make_interval(days => $1)", days))
        span = ("2020-01-01T00:00Z", "2100-01-01T00:00Z")
        before = self.sums("day", *span)
        self.assertEqual(self.db.value("SELECT usage_prune(30, 100)"), 0, "nothing is summed up yet")
        self.roll()
        self.assertEqual(self.db.value("SELECT usage_prune(30, 1)"), 1)
        self.assertEqual(self.db.value("SELECT usage_prune(30, 100)"), 1)
        self.assertEqual(self.db.value("SELECT usage_prune(30, 100)"), 0)
        self.assertEqual(self.db.value("SELECT count(*) FROM usage"), 3)
        self.assertEqual(self.sums("day", *span), before)
        self.use(user)
        self.roll()
        self.assertEqual(self.sums("day", *span)[None][0], 6)


if __name__ == "__main__":
    import unittest
    unittest.main()
