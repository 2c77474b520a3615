"""Health of channels: keys that are turned off and on, pings by their schedule, hours, events."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402

HOUR = 3600000


class Health(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.db.query("DELETE FROM channels")
        for table in ("channel_events", "channel_hours"):
            self.db.query("DELETE FROM " + table)

    def supplier(self, name, *keys, **columns):
        ident = self.db.value("INSERT INTO channels (name, provider, base_url) VALUES ($1, 'openai', 'http://x.example') RETURNING id", name)
        for column, value in columns.items():
            self.db.query(f"UPDATE channels SET {column} = $2 WHERE id = $1", ident, value)
        ids = [self.db.value("INSERT INTO channel_keys (channel_id, name, key_enc) VALUES ($1, $2, '\\x00') RETURNING id", ident, key)
               for key in keys]
        return (ident, *ids)

    def off(self, channel, key, detail="no such key"):
        return self.db.value("SELECT channel_key_off($1, $2, 'refused', 401, $3, 'here', 60000)", channel, key, detail)

    def status(self, key):
        return self.db.value("SELECT status FROM channel_keys WHERE id = $1", key)

    def take(self, every=HOUR, first=60000, limit=100):
        return [(r["channel_id"], r["key_id"]) for r in
                self.db.query("SELECT * FROM channel_pings_take($1, $2, $3) ORDER BY 1, 2", limit, every, first)]

    def done(self, channel, key, outcome, every=HOUR, first=60000, longest=HOUR, status=200):
        return self.db.value("SELECT channel_ping_done($1, $2, $3, $4, 25, 'said so', 'here', $5, $6, $7)", channel, key, outcome, status,
                             every, first, longest)

    def due(self, channel, key=0):
        """Everything is due now."""
        self.db.query("UPDATE channel_health SET next_at = now() - interval '1 second' WHERE channel_id = $1 AND key_id = $2", channel, key)

    def waits(self, channel, key=0):
        return self.db.value("SELECT round(extract(epoch FROM next_at - now())) FROM channel_health WHERE channel_id = $1 AND key_id = $2",
                             channel, key)

    def events(self):
        return [(r["kind"], r["channel"], r["key"]) for r in self.db.query("SELECT kind, channel, key FROM channel_events ORDER BY id")]

    def test_off_once(self):
        channel, a, b = self.supplier("two", "a", "b")
        self.assertTrue(self.off(channel, a))
        self.assertFalse(self.off(channel, a))  # another host has seen the same
        self.assertEqual([self.status(a), self.status(b)], ["off", "active"])
        row = self.db.row("SELECT off_reason, off_at IS NOT NULL AS at, last_error FROM channel_keys WHERE id = $1", a)
        self.assertEqual(row, {"off_reason": "no such key", "at": True, "last_error": "no such key"})
        self.assertEqual(self.events(), [("key_off", "two", "a")])
        self.assertEqual(self.waits(channel, a), 60)

    def test_what_is_not_turned_off(self):
        spared, key = self.supplier("spared", "a", auto_disable=False)
        self.assertFalse(self.off(spared, key))
        channel, mine = self.supplier("mine", "a")
        self.assertFalse(self.off(spared, mine))  # the key of another channel
        self.db.query("UPDATE channel_keys SET status = 'disabled' WHERE id = $1", mine)
        self.assertFalse(self.off(channel, mine))
        self.assertEqual([self.status(key), self.status(mine), self.events()], ["active", "disabled", []])

    def test_always_a_way_back(self):
        channel, key = self.supplier("back", "a")
        self.off(channel, key, "")
        self.assertEqual(self.db.value("SELECT off_reason FROM channel_keys WHERE id = $1", key), "refused, HTTP 401")
        self.assertEqual(self.take(every=0), [])
        for waits in (120, 240, 480, 960, 1920, 3600, 3600):
            self.due(channel, key)
            self.assertEqual(self.take(every=0), [(channel, key)])
            self.assertEqual(self.take(every=0), [])  # somebody has it
            self.assertEqual(self.waits(channel, key), 60)  # for as long
            self.assertEqual(self.done(channel, key, "refused", status=401), "probe_failed")
            self.assertEqual(self.waits(channel, key), waits)
        self.due(channel, key)
        self.take(every=0)
        self.assertEqual(self.done(channel, key, "success"), "key_on")
        self.assertEqual(self.db.row("SELECT status, off_reason, off_at FROM channel_keys WHERE id = $1", key),
                         {"status": "active", "off_reason": None, "off_at": None})
        self.assertEqual(self.events()[0][0], "key_off")
        self.assertEqual(self.events()[-1], ("key_on", "back", "a"))

    def test_who_is_pinged(self):
        quiet, = self.supplier("quiet")
        busy, = self.supplier("busy")
        away, = self.supplier("away", enabled=False)
        keyed, one, two = self.supplier("keyed", "one", "two")
        self.db.query("UPDATE channel_keys SET status = 'disabled' WHERE id = $1", two)
        self.assertEqual(self.take(), [])  # all of them are new
        for ident in ((quiet, 0), (busy, 0), (away, 0), (keyed, one), (keyed, two)):
            self.due(*ident)
        self.db.query("UPDATE channel_health SET last_success_at = now() WHERE channel_id = $1", busy)
        self.assertEqual(self.take(every=0), [])
        self.assertEqual(self.take(), sorted([(quiet, 0), (keyed, one)]))
        self.assertIsNone(self.done(quiet, 0, "success"))
        self.assertEqual(self.waits(quiet), 3600)
        self.db.query("DELETE FROM channel_keys WHERE id = $1", one)
        self.take()
        self.assertEqual(self.db.value("SELECT count(*) FROM channel_health WHERE channel_id = $1", keyed), 1)
        self.assertIsNone(self.done(keyed, one, "success"))  # gone meanwhile

    def test_failing_pings(self):
        channel, key = self.supplier("flaky", "a")
        self.take()
        self.assertEqual(self.done(channel, key, "connect", status=0), "probe_failed")
        self.assertEqual(self.waits(channel, key), 60)  # looked at again soon
        self.assertIsNone(self.done(channel, key, "connect", status=0))  # told once
        self.assertEqual(self.status(key), "active")
        self.assertIsNone(self.done(channel, key, "success"))
        self.assertEqual(self.done(channel, key, "refused", status=403), "probe_failed")
        self.assertEqual(self.status(key), "active")  # once is no evidence
        self.assertEqual(self.done(channel, key, "refused", status=403), "key_off")
        self.assertEqual(self.status(key), "off")

    def test_hours(self):
        channel, key = self.supplier("counted", "a")
        self.take()
        counts = {"channel_id": channel, "key_id": key, "tries": 5, "successes": 3, "connect": 1, "timeout": 0, "rate_limited": 1,
                  "server": 0, "refused": 0, "cut": 0, "client": 0, "skips": 2, "switches": 1, "opens": 1, "first_bytes": 3,
                  "first_byte_ms": 60, "histogram": [0, 3, 0]}
        self.db.query("SELECT channel_hours_add($1)", json.dumps([counts]))
        self.db.query("SELECT channel_hours_add($1)", json.dumps([counts | {"histogram": [1, 1, 1, 1]}, counts | {"key_id": 0}]))
        row = self.db.row("SELECT tries, successes, rate_limited, first_byte_ms, histogram::text, hour = date_trunc('hour', now()) AS now"
                          " FROM channel_hours WHERE key_id = $1", key)
        self.assertEqual(row, {"tries": 10, "successes": 6, "rate_limited": 2, "first_byte_ms": 120, "histogram": "{1,4,1,1}", "now": True})
        self.assertEqual(self.db.value("SELECT tries FROM channel_hours WHERE key_id = 0"), 5)
        self.assertTrue(self.db.value("SELECT last_success_at IS NOT NULL FROM channel_health WHERE key_id = $1", key))

    def test_what_was_used(self):
        channel, = self.supplier("used")
        self.db.query("DELETE FROM usage")
        for age, tokens, cost in (("0 hours", 10, "0.5"), ("0 hours", 20, "0.25"), ("3 hours", 7, "1"), ("9 days", 1, "1")):
            self.db.query("INSERT INTO usage (user_id, channel_id, request_tokens, response_tokens, cost, status, created_at)"
                          " VALUES ($1, $2, $3, $3, $4, 'completed', now() - $5::interval)", new_id(), channel, tokens, cost, age)
        for _ in range(2):
            self.db.query("SELECT channel_hours_sum()")
            rows = self.db.query("SELECT calls, request_tokens, response_tokens, cost FROM channel_hours WHERE channel_id = $1 ORDER BY hour", channel)
            self.assertEqual([tuple(map(float, r.values())) for r in rows], [(1, 7, 7, 1), (2, 30, 30, 0.75)])
        self.db.query("DELETE FROM usage")

    def test_news(self):
        channel, on, off = self.supplier("news", "on", "off")
        self.take()
        self.off(channel, off)

        def news(after, ids):
            return [tuple(r.values()) for r in self.db.query("SELECT * FROM channel_health_news($1, $2)", after, ids)]

        start = news(0, "{}")[0][5]
        self.done(channel, on, "success")
        told = news(start, "{%d,%d,999999}" % (on, off))
        self.assertEqual(told[0][:5], (channel, on, "success", 200, 25))
        self.assertEqual({t[:2] for t in told[1:-1]}, {(0, on), (0, 999999)})
        self.assertEqual(told[-1][:2] + (told[-1][5],), (0, 0, told[0][5]))
        self.assertEqual(news(told[-1][5], "{}"), [told[-1]])

    def test_prune(self):
        channel, = self.supplier("old")
        for age in ("1 day", "3 days"):
            self.db.query("SELECT channel_event_add('down', $1, 0, 'server', 503, 1700000000000, '', 'here')", channel)
            self.db.query("UPDATE channel_events SET at = now() - $1::interval WHERE at > now() - interval '1 hour'", age)
            self.db.query("INSERT INTO channel_hours (channel_id, hour) VALUES ($1, now() - $2::interval)", channel, age)
        removed = {r["what"]: r["removed"] for r in self.db.query("SELECT * FROM channels_prune(10, $1, $1)", 48 * HOUR)}
        self.assertEqual(removed, {"channel_events": 1, "channel_hours": 1})
        self.assertEqual(self.db.row("SELECT key_id, cause, http_status, detail, until_at IS NULL AS gone FROM channel_events"),
                         {"key_id": None, "cause": "server", "http_status": 503, "detail": None, "gone": False})
