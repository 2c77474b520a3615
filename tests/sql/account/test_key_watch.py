"""The watch on API keys: what is gathered, each rule, locks, leaked keys, reminders, rotation by itself."""
import hashlib
import json
import os
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest  # noqa: E402

RULES = {"new_model": "tell", "new_address": "tell", "failures": "tell", "size_jump": "tell", "overspeed": "tell", "learn_calls": 10,
         "failures_per_hour": 5, "size_factor": 10, "calls_per_minute": 0, "tokens_per_minute": 0}
USE = {"calls": 1, "ms": 1700000000000, "ip": "10.0.0.1", "failures": 0, "refusals": 0, "sized": 1, "bytes": 100, "bytes_max": 100,
       "tokens": 0, "minute": 1, "minute_calls": 1, "minute_tokens": 0, "calls_peak": 0, "tokens_peak": 0, "models": ["a"],
       "addresses": ["10.0.0.1"]}


def hash_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Watch(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.user_id = self.user()
        self.db.query("UPDATE key_hours SET judged = true")
        self.db.query("UPDATE security_events SET told_at = now() WHERE told_at IS NULL")

    def key(self, **columns):
        key_id = str(uuid.uuid4())
        row = {"id": key_id, "user_id": self.user_id, "name": "k", "hash": "\\x" + hash_of(key_id), "prefix": "wk-0123456", **columns}
        self.db.query(f"INSERT INTO api_keys ({', '.join(row)}) VALUES ({', '.join(f'${i + 1}' for i in range(len(row)))})",
                      *row.values())
        return key_id

    def use(self, key, **more):
        self.db.query("SELECT api_keys_used($1::json)", json.dumps([{**USE, "id": key, **more}]))

    def judge(self, **rules):
        return int(self.db.value("SELECT key_hours_judge($1::jsonb, 50)", json.dumps({**RULES, **rules})))

    def known(self, **more):
        """A key that was used enough to be known."""
        key = self.key()
        self.use(key, calls=10, sized=10, bytes=1000, minute_calls=10, **more)
        self.judge()
        self.db.query("UPDATE key_hours SET hour = hour - interval '1 hour' WHERE key_id = $1", key)
        return key

    def events(self, key):
        return [(r["kind"], r["action"], r["details"])
                for r in self.db.query("SELECT kind, action, details FROM security_events WHERE key_id = $1 ORDER BY id", key)]

    def hour(self, key):
        return self.db.query("SELECT * FROM key_hours WHERE key_id = $1 ORDER BY hour DESC", key)[0]

    def status(self, key):
        return self.db.value("SELECT status FROM api_keys WHERE id = $1", key)

    def test_what_is_gathered(self):
        key = self.key()
        self.use(key, calls=2, minute=7, minute_calls=2, minute_tokens=5, tokens=5, bytes=300, bytes_max=200, sized=2)
        self.use(key, calls=3, minute=7, minute_calls=3, minute_tokens=6, tokens=6, models=["b", "a"], addresses=["10.0.0.2"])
        self.use(key, calls=1, minute=8, minute_calls=1, failures=1, refusals=2, models=[])
        self.use(key, calls=1, minute=7, minute_calls=9)  # late
        row = self.hour(key)
        self.assertEqual([int(row[n]) for n in ("calls", "failures", "refusals", "bytes", "bytes_max", "tokens", "calls_peak",
                                                "tokens_peak", "minute", "minute_calls")], [7, 1, 2, 600, 200, 11, 9, 11, 8, 1])
        self.assertEqual((sorted(row["models"].strip("{}").split(",")), len(row["addresses"].split(","))), (["a", "b"], 2))
        self.assertEqual(self.db.value("SELECT use_count FROM api_keys WHERE id = $1", key), 7)
        self.use(str(uuid.uuid4()))  # not a key: a session's, or one that is gone

    def test_use_that_comes_late_is_not_the_last(self):
        key = self.key()
        self.use(key, ms=1700000100000, ip="10.0.0.9")
        self.use(key, ms=1700000000000, ip="10.0.0.1")
        self.use(key, calls=0, refusals=1, ms=1800000000000, ip=None)
        row = self.db.query("SELECT host(last_ip) AS ip, extract(epoch FROM last_used_at) AS at FROM api_keys WHERE id = $1", key)[0]
        self.assertEqual((row["ip"], float(row["at"])), ("10.0.0.9", 1700000100.0))

    def test_a_new_model(self):
        key = self.known()
        self.use(key)
        self.judge()
        self.assertEqual(self.events(key), [])
        self.use(key, models=["a", "z"])
        self.judge()
        self.assertEqual(self.events(key), [("new_model", "tell", {"models": ["z"]})])
        self.use(key, models=["z"])
        self.judge()
        self.assertEqual(len(self.events(key)), 1, "it is known now")

    def test_who_is_not_known_yet_may_ask_anything(self):
        key = self.key()
        for model, address in (("a", "10.0.0.1"), ("b", "11.0.0.1"), ("c", "12.0.0.1")):
            self.use(key, models=[model], addresses=[address])
            self.judge()
        self.assertEqual(self.events(key), [])

    def test_a_successor_is_known(self):
        key, new = self.known(), str(uuid.uuid4())
        self.db.query("SELECT api_key_rotate($1, $2, $3, $4, 'wk-new', 60)", key, self.user_id, new, "\\x" + hash_of(new))
        self.use(new, calls=10)
        self.judge()
        self.use(new, models=["z"])
        self.judge()
        self.assertEqual([e[0] for e in self.events(new)], ["new_model"])

    def test_a_new_address(self):
        key = self.known()
        self.use(key, addresses=["10.0.0.77"])  # the same network
        self.judge()
        self.assertEqual(self.events(key), [])
        self.use(key, addresses=["10.0.1.1", "2001:db8::1"])
        self.judge()
        self.assertEqual(self.events(key), [("new_address", "tell", {"addresses": ["10.0.1.1", "2001:db8::1"]})])
        self.use(key, addresses=["2001:db8::2"])
        self.judge()
        self.assertEqual(len(self.events(key)), 1)

    def test_failures(self):
        key = self.key()
        self.use(key, failures=3, refusals=1)
        self.judge()
        self.assertEqual(self.events(key), [])
        self.use(key, calls=0, refusals=1)
        self.judge()
        self.judge()
        self.use(key, failures=100)
        self.judge()
        events = self.events(key)
        self.assertEqual(len(events), 1, "one of a kind within an hour")
        self.assertEqual((events[0][0], events[0][2]["failures"], events[0][2]["refusals"]), ("failures", 3, 2))
        self.db.query("UPDATE security_events SET hour = hour - interval '1 hour' WHERE key_id = $1", key)
        self.use(key)
        self.judge()
        self.assertEqual(len(self.events(key)), 2)

    def test_a_jump_in_size(self):
        key = self.known()
        self.use(key, sized=5, bytes=5000, bytes_max=1000)
        self.judge()
        self.assertEqual(self.events(key), [], "ten times is not more than ten times")
        self.use(key, sized=1, bytes=10000, bytes_max=10000)
        self.judge()
        (kind, _, details), = self.events(key)
        self.assertEqual((kind, details["mean_bytes"], details["mean_bytes_before"], details["max_bytes"]), ("size_jump", 2500, 100, 10000))

    def test_overspeed(self):
        key = self.key()
        self.use(key, minute_calls=11, minute_tokens=900)
        self.judge()
        self.assertEqual(self.events(key), [])
        self.use(key, calls=0)
        self.judge(calls_per_minute=12)
        self.assertEqual(self.events(key), [], "at the limit is within it")
        self.use(key, calls=0)
        self.judge(tokens_per_minute=899)
        self.assertEqual([(e[0], e[2]["tokens_per_minute"]) for e in self.events(key)], [("overspeed", 900)])

    def test_off_and_lock(self):
        key = self.known()
        self.use(key, models=["z"], addresses=["99.0.0.1"], failures=50)
        self.judge(new_model="off", new_address="lock", failures="off")
        self.assertEqual([e[:2] for e in self.events(key)], [("new_address", "lock")])
        row = self.db.query("SELECT status, lock_reason, locked_at IS NOT NULL AS at FROM api_keys WHERE id = $1", key)[0]
        self.assertEqual((row["status"], row["lock_reason"], row["at"]), ("locked", "new_address", True))

    def test_told_once(self):
        key = self.known()
        self.use(key, models=["z"])
        self.judge()
        first = self.db.query("SELECT * FROM security_events_tell(10)")
        self.assertEqual([(r["kind"], r["key_id"], r["email"]) for r in first], [("new_model", key, self.user_id + "@example.org")])
        self.assertEqual(self.db.query("SELECT * FROM security_events_tell(10)"), [])

    def test_leaked(self):
        live, ended, locked, other = self.key(), self.key(status="revoked"), self.key(status="locked"), self.key()
        hashes = "{" + ",".join(hash_of(k) for k in (live, ended, locked, "stranger")) + "}"
        rows = self.db.query("SELECT key_id, locked FROM api_keys_leaked($1::text[])", hashes)
        self.assertEqual({(r["key_id"], r["locked"]) for r in rows}, {(live, True), (ended, False), (locked, False)})
        self.assertEqual([self.status(k) for k in (live, ended, other)], ["locked", "revoked", "active"])
        self.assertEqual([e[:2] for e in self.events(live)], [("leaked", "lock")])
        self.assertEqual(self.events(ended), [])
        self.db.query("UPDATE api_keys SET status = 'active' WHERE id = $1", live)
        self.db.query("SELECT api_keys_leaked($1::text[])", hashes)
        self.assertEqual((self.status(live), len(self.events(live))), ("locked", 1), "unlocked, and in the list again")

    def reminded(self):
        rows = self.db.query("SELECT key_id, days, uncollected FROM api_keys_remind(100)")
        return sorted((r["key_id"], int(r["days"]), r["uncollected"]) for r in rows)

    def ends_in(self, key, span, created="60 days"):
        self.db.query(f"UPDATE api_keys SET expires_at = now() + interval '{span}', created_at = now() - interval '{created}'"
                      " WHERE id = $1", key)

    def test_reminders(self):
        key, later, short = self.key(), self.key(), self.key()
        self.ends_in(key, "6 days")
        self.ends_in(later, "8 days")
        self.ends_in(short, "6 days", created="1 hour")  # it never had a week
        self.assertEqual(self.reminded(), [(key, 7, False)])
        self.assertEqual(self.reminded(), [])
        self.db.query("UPDATE api_keys SET expires_at = now() + interval '20 hours', reminded_end = now() + interval '20 hours'"
                      " WHERE id = $1", key)
        self.assertEqual(self.reminded(), [(key, 1, False)])
        self.assertEqual(self.reminded(), [])
        self.ends_in(key, "5 days")
        self.assertEqual(self.reminded(), [(key, 7, False)], "another end, another reminder")
        self.db.query("UPDATE api_keys SET status = 'revoked', revoked_at = now(), reminded_end = NULL WHERE id = $1", key)
        self.assertEqual(self.reminded(), [])

    def due(self, kept_max=500):
        return [r["key_id"] for r in self.db.query("SELECT key_id FROM api_keys_rotation_due(100, $1::int)", kept_max)]

    def test_rotation_by_itself(self):
        key = self.key(auto_rotate="t", rotate_every_days="30")
        self.assertEqual(self.due(), [])
        self.db.query("UPDATE api_keys SET created_at = now() - interval '31 days' WHERE id = $1", key)
        self.assertEqual(self.due(), [key])
        self.assertEqual(self.due(kept_max=1), [])
        new = str(uuid.uuid4())
        self.db.query("SELECT api_key_rotate($1, $2, $3, $4, 'wk-new', 3600)", key, self.user_id, new, "\\x" + hash_of(new))
        self.db.query("UPDATE api_keys SET secret_sealed = '\\x01', created_at = now() - interval '31 days' WHERE id = $1", new)
        self.assertEqual(self.due(), [], "it was not collected")
        self.db.query("UPDATE api_keys SET created_at = now() - interval '31 days' WHERE id = $1", key)
        self.assertEqual(self.reminded(), [(key, 1, True)])
        self.db.query("UPDATE api_keys SET secret_sealed = NULL WHERE id = $1", new)
        self.assertEqual(self.due(), [new], "what takes its place rotates, too")


if __name__ == "__main__":
    import unittest
    unittest.main()
