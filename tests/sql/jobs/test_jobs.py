"""The queue: submitted with its transaction, taken once, retried, given up; and the calendar."""
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest, new_id  # noqa: E402


class Jobs(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.owner = self.process()
        self.kind = "k" + new_id()[-8:]

    def submit(self, db=None, key=None, delay_ms=0, priority=0, ident=None):
        return (db or self.db).value("SELECT job_submit($1, $2, '{}', NULL, $3, NULL, $4, $5)", ident or new_id(), self.kind, key,
                                     delay_ms, priority)

    def take(self, free=10, at_once=10, tries=3, owner=None, lease_ms=60000, db=None):
        return [r["id"] for r in (db or self.db).query("SELECT * FROM jobs_take($1, $2, $3, $4, $5, $6)", owner or self.owner,
                                                       self.kind, free, at_once, lease_ms, tries)]

    def fail(self, job, tries=3, first_ms=1000, longest_ms=4000, final=False):
        return self.db.value("SELECT job_failed($1, $2, 'why', $3, $4, $5, $6, 7)", self.owner, job, tries, first_ms, longest_ms, final)

    def status(self, job):
        return self.db.value("SELECT status FROM jobs WHERE id = $1", job)

    def overview(self):
        return self.db.row("SELECT retried::int, died::int, done::int, run_ms::int FROM jobs_overview() WHERE kind = $1", self.kind)

    def due_now(self, job):
        self.db.query("UPDATE jobs SET run_at = now() WHERE id = $1", job)

    def test_it_shares_the_fate_of_its_transaction(self):
        with self.connect() as other:
            other.query("BEGIN")
            self.submit(other)
            self.assertEqual(self.take(), [])
            other.query("ROLLBACK")
            self.assertEqual(self.take(), [])
            other.query("BEGIN")
            job = self.submit(other)
            other.query("COMMIT")
        self.assertEqual(self.take(), [job])
        self.assertEqual(self.take(), [])

    def test_the_same_id_and_the_same_key_are_the_same_job(self):
        ident = new_id()
        self.assertEqual(self.submit(ident=ident), ident)
        self.assertEqual(self.submit(ident=ident), ident)
        first = self.submit(key="one")
        self.assertEqual(self.submit(key="one"), first)
        self.assertEqual(sorted(self.take()), sorted([ident, first]))
        self.assertEqual(self.submit(key="one"), first)  # it runs
        self.db.query("SELECT job_done($1, $2, 5)", self.owner, first)
        self.assertNotEqual(self.submit(key="one"), first)

    def test_order(self):
        late = self.submit(delay_ms=3600000)
        plain, second, urgent = self.submit(), self.submit(), self.submit(priority=5)
        self.assertEqual(self.take(free=1), [urgent])
        self.assertEqual(self.take(free=1), [plain])
        self.assertEqual(self.take(free=5), [second])
        self.due_now(late)
        self.assertEqual(self.take(), [late])

    def test_so_many_at_once_over_all_workers(self):
        for _ in range(6):
            self.submit()
        other = self.process()
        self.assertEqual(len(self.take(at_once=4, free=3)), 3)
        taken = self.take(at_once=4, free=3, owner=other)
        self.assertEqual(len(taken), 1)
        self.assertTrue(self.db.value("SELECT job_done($1, $2, 5)", other, taken[0]))
        self.assertEqual(len(self.take(at_once=4, free=3)), 1)

    def test_each_is_taken_once_by_many(self):
        jobs = {self.submit() for _ in range(60)}
        owners, got, lock = [self.process() for _ in range(6)], [], threading.Lock()

        def work(owner):
            with self.connect() as db:
                while mine := self.take(free=3, at_once=100, owner=owner, db=db):
                    with lock:
                        got.extend(mine)

        threads = [threading.Thread(target=work, args=(o,)) for o in owners]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual((len(got), set(got)), (60, jobs))

    def test_tries_and_pauses(self):
        job = self.submit()
        pauses = []
        for expected in ("waiting", "waiting", "waiting", "dead"):
            self.assertEqual(self.take(tries=4), [job])
            self.assertEqual(self.fail(job, tries=4), expected)
            pauses.append(self.db.value("SELECT (extract(epoch FROM run_at - now()) * 1000)::bigint FROM jobs WHERE id = $1", job) / 1000)
            self.due_now(job)
        for pause, middle in zip(pauses, (1, 2, 4)):  # 8 s would be longer than the longest
            self.assertTrue(middle * .7 < pause < middle * 1.3, pauses)
        self.assertEqual(self.take(), [])
        self.assertEqual(self.overview(), {"retried": 3, "died": 1, "done": 0, "run_ms": 28})

    def test_hopeless(self):
        job = self.submit()
        self.take()
        self.assertEqual(self.fail(job, final=True), "dead")

    def test_another_step_has_all_its_tries(self):
        job = self.submit()
        for _ in range(5):
            self.assertEqual(self.take(tries=2), [job])
            self.assertTrue(self.db.value("SELECT job_later($1, $2, 0, 3)", self.owner, job))

    def test_an_owner_that_died(self):
        job = self.submit()
        dead = new_id()  # never had a heartbeat
        self.assertEqual(self.take(owner=dead), [job])
        self.assertEqual(self.db.value("SELECT jobs_due(ARRAY[$1])", self.kind), "{" + self.kind + "}")
        self.assertEqual(self.take(), [job])
        self.assertFalse(self.db.value("SELECT job_done($1, $2, 5)", dead, job))
        self.assertIsNone(self.db.value("SELECT job_failed($1, $2, 'why', 3, 1, 1, false, 1)", dead, job))
        self.assertTrue(self.db.value("SELECT job_done($1, $2, 5)", self.owner, job))
        self.assertTrue(self.db.value("SELECT job_done($1, $2, 5)", self.owner, job))  # asked again
        self.assertEqual(self.overview()["done"], 1)

    def test_what_may_be_tried_once_is_dead_with_its_process(self):
        job = self.submit()
        self.take(owner=new_id(), tries=1)
        self.assertEqual(self.take(tries=1), [])
        self.assertEqual(self.status(job), "dead")

    def test_leases(self):
        job = self.submit()
        self.take(lease_ms=0)
        self.assertEqual(self.take(owner=self.process()), [job])  # alive, but it did not say so in time
        self.assertEqual(self.db.value("SELECT jobs_extend($1, ARRAY[$2]::uuid[], 60000)", self.owner, job), [job])
        mine = self.submit()
        self.take()
        self.assertIsNone(self.db.value("SELECT jobs_extend($1, ARRAY[$2]::uuid[], 60000)", self.owner, mine))

    def test_cancel(self):
        waiting, running = self.submit(delay_ms=9999), self.submit()
        self.take()
        self.assertEqual(self.db.row("SELECT status FROM job_cancel($1)", waiting), {"status": "cancelled"})
        self.assertEqual(self.db.row("SELECT status FROM job_cancel($1)", running), {"status": "running"})
        self.assertEqual(self.db.value("SELECT jobs_extend($1, ARRAY[$2]::uuid[], 60000)", self.owner, running), [running])
        self.assertEqual(self.fail(running), "cancelled")
        self.assertEqual(self.db.query("SELECT * FROM job_cancel($1)", new_id()), [])

    def test_retry_and_replay(self):
        dead = []
        for _ in range(3):
            dead.append(self.submit(key=f"k{len(dead)}"))
            self.take()
            self.fail(dead[-1], final=True)
        self.assertEqual(self.db.row("SELECT status, attempts FROM job_retry($1)", dead[0]), {"status": "waiting", "attempts": 0})
        taken = self.submit(key="k1")  # the key of a dead one is free again
        self.assertEqual(self.db.row("SELECT status FROM job_retry($1)", dead[1]), {"status": "dead"})
        self.assertEqual(self.db.value("SELECT jobs_replay($1, now() - interval '1 hour', 100)", self.kind), 1)
        self.assertEqual(self.db.value("SELECT jobs_replay($1, now() + interval '1 hour', 100)", self.kind), 0)
        self.assertEqual(sorted(self.take()), sorted([dead[0], dead[2], taken]))

    def test_paused(self):
        job = self.submit()
        self.db.query("INSERT INTO job_kinds (kind, paused) VALUES ($1, true)", self.kind)
        self.assertEqual(self.take(), [])
        self.db.query("UPDATE job_kinds SET paused = false WHERE kind = $1", self.kind)
        self.assertEqual(self.take(), [job])

    def test_prune(self):
        old, new, dead = self.submit(), self.submit(), self.submit()
        self.take()
        for job in (old, new):
            self.db.query("SELECT job_done($1, $2, 5)", self.owner, job)
        self.fail(dead, final=True)
        self.db.query("UPDATE jobs SET ended_at = now() - interval '2 days' WHERE id = ANY ($1::uuid[])", "{%s,%s}" % (old, dead))
        before = self.overview()
        self.db.query("SELECT jobs_prune(100)")
        self.assertEqual(self.overview(), before)
        self.assertEqual({r["id"] for r in self.db.query("SELECT id FROM jobs WHERE kind = $1", self.kind)}, {new, dead})


class Calendar(DatabaseTest):
    def next(self, cron, after, zone="UTC"):
        return self.db.value("SELECT to_char(cron_next($1, $2, $3::timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')", cron, zone, after)

    def test_lines(self):
        for cron, after, zone, expected in (
                ("* * * * *", "2026-03-01 10:00:30Z", "UTC", "2026-03-01 10:01"),
                ("* * * * *", "2026-03-01 10:00Z", "UTC", "2026-03-01 10:01"),
                ("*/15 * * * *", "2026-03-01 10:46Z", "UTC", "2026-03-01 11:00"),
                ("5,35 8-10 * * *", "2026-03-01 10:35Z", "UTC", "2026-03-02 08:05"),
                ("3/20 * * * *", "2026-03-01 10:24Z", "UTC", "2026-03-01 10:43"),
                ("0 0 1 1 *", "2026-03-01Z", "UTC", "2027-01-01 00:00"),
                ("0 0 29 2 *", "2026-03-01Z", "UTC", "2028-02-29 00:00"),
                ("0 0 31 2 *", "2026-03-01Z", "UTC", None),
                ("30 4 * * 0", "2026-11-29 05:00Z", "UTC", "2026-12-06 04:30"),
                ("30 4 * * 7", "2026-11-29 04:00Z", "UTC", "2026-11-29 04:30"),
                ("0 0 13 * 5", "2026-11-09Z", "UTC", "2026-11-13 00:00"),  # either day: the 13th,
                ("0 0 14 * 5", "2026-11-09Z", "UTC", "2026-11-13 00:00"),  # or a Friday
                ("0 0 */2 * 1", "2026-11-09Z", "UTC", "2026-11-23 00:00"),  # a Monday that is odd
                ("0 3 * * *", "2026-07-01Z", "Asia/Shanghai", "2026-07-01 19:00"),
                # names
                ("0 9 * * MON-FRI", "2026-11-27 09:00Z", "UTC", "2026-11-30 09:00"),
                ("0 9 * jan,JUN sun", "2026-11-27Z", "UTC", "2027-01-03 09:00"),
                ("0 0 * * Sat-Sun", "2026-11-27Z", "UTC", "2026-11-28 00:00"),
                ("0 0 * * sun-mon", "2026-11-27Z", "UTC", "2026-11-29 00:00"),
                ("0 0 1 mar-apr/1 *", "2026-11-27Z", "UTC", "2027-03-01 00:00"),
                ("@hourly", "2026-11-29 10:30Z", "UTC", "2026-11-29 11:00"),
                ("@daily", "2026-11-29 10:30Z", "UTC", "2026-11-30 00:00"),
                (" @Midnight ", "2026-11-29 10:30Z", "UTC", "2026-11-30 00:00"),
                ("@weekly", "2026-11-25Z", "UTC", "2026-11-29 00:00"),
                ("@monthly", "2026-11-29Z", "UTC", "2026-12-01 00:00"),
                ("@yearly", "2026-11-29Z", "UTC", "2027-01-01 00:00"),
                ("@annually", "2026-11-29Z", "UTC", "2027-01-01 00:00"),
                # Berlin leaves out 2:00 to 3:00 on 29 March 2026, and has it twice on 25 October
                ("30 2 * * *", "2026-03-29 00:00Z", "Europe/Berlin", "2026-03-29 01:30"),
                ("30 2 * * *", "2026-03-29 01:30Z", "Europe/Berlin", "2026-03-30 00:30"),
                ("30 2 * * *", "2026-10-24 22:30Z", "Europe/Berlin", "2026-10-25 01:30"),
                ("30 2 * * *", "2026-10-25 01:30Z", "Europe/Berlin", "2026-10-26 01:30")):
            with self.subTest(cron=cron, after=after):
                self.assertEqual(self.next(cron, after, zone), expected)

    def test_what_is_no_line(self):
        for cron in ("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *",
                     "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *", "-1 * * * *", "1.5 * * * *", "@often", "@daily * * * *", "mon * * * *", "* * jan * *",
                     "* * * mon *", "* * * * jan", "* * * jane *", "* * * * mon,", "* * * dec-jan *"):
            with self.subTest(cron=cron), self.assertRaises(Error) as raised:
                self.next(cron, "2026-03-01Z")
            self.assertEqual(raised.exception.sqlstate, "22023")
        with self.assertRaises(Error) as raised:
            self.next("* * * * *", "2026-03-01Z", "Mars/Olympus")
        self.assertEqual(raised.exception.sqlstate, "22023")

    def test_each_time_comes_once(self):
        name, kind = "s" + new_id()[-8:], "k" + new_id()[-8:]
        self.db.query("SELECT schedules_know(ARRAY[$1], ARRAY['*/5 * * * *'], ARRAY[$2])", name, kind)
        self.db.query("SELECT schedules_run(10)")  # reckons when it is due
        self.assertTrue(self.db.value("SELECT next_at > now() AND last_at IS NULL FROM schedules WHERE name = $1", name))
        self.db.query("UPDATE schedules SET next_at = now() - interval '3 hours' WHERE name = $1", name)
        threads = [threading.Thread(target=self.run_schedules) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(self.db.value("SELECT count(*) FROM jobs WHERE kind = $1", kind), 1)  # missed 36 times: done once
        self.db.query("UPDATE schedules SET next_at = now() WHERE name = $1", name)
        self.run_schedules()
        self.assertEqual(self.db.value("SELECT count(*) FROM jobs WHERE kind = $1", kind), 1)  # the one before lives
        self.db.query("SELECT schedules_know(ARRAY[$1], ARRAY['1 1 1 1 *'], ARRAY[$2])", name, kind)
        self.assertEqual(self.db.value("SELECT cron FROM schedules WHERE name = $1", name), "*/5 * * * *")
        self.db.query("UPDATE schedules SET enabled = false, next_at = now() WHERE name = $1", name)
        self.assertEqual(self.db.value("SELECT schedules_run(10)"), 0)

    def run_schedules(self):
        with self.connect() as db:
            db.query("SELECT schedules_run(10)")


if __name__ == "__main__":
    unittest.main(verbosity=1)
