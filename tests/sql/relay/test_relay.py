"""relay_open() and relays_settle(): a call through a key, held and ended once."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402


class Relay(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.owner, self.key = self.process(), new_id()

    def open(self, user, **options):
        task = new_id()
        ask = {"key_id": self.key, "hold": 5, "limit": None, "prompt": 12, "key": None, "owner": self.owner, **options}
        row = self.db.row("SELECT * FROM relay_open($1, $2, $3, $4, NULL, $5, 600, $6, $7, $8, $9, $10, $11)", task, new_id(), user,
                          ask["key_id"], ask["hold"], ask["owner"], ask["limit"], ask["prompt"], ask["key"],
                          ask["key"] and "POST /v1/x", ask["key"] and b"hash")
        return task, row

    def settle(self, *ends, owner=None):
        told = json.dumps([{"task_id": task, "outcome": "completed", "cost": "2", **how} for task, how in ends])
        return {r["task_id"]: r for r in self.db.query("SELECT * FROM relays_settle($1, $2)", owner or self.owner, told)}

    def test_once(self):
        user = self.user(10)
        task, opened = self.open(user)
        self.assertEqual(opened, {"outcome": "ok", "balance": 5, "required": 5, "existing_task_id": None, "held": 5})
        how = {"input_tokens": 20, "output_tokens": 9, "cached_tokens": 16, "cache_write_tokens": 2, "reasoning_tokens": 4}
        done = self.settle((task, how))[task]
        self.assertEqual([done[c] for c in ("settled", "charged", "balance", "held", "task_status")], [True, 2, 8, 0, "completed"])
        self.assertEqual(self.db.row("SELECT key_id, request_tokens, response_tokens, cached_tokens, cache_write_tokens, reasoning_tokens"
                                     " FROM usage WHERE task_id = $1", task),
                         {"key_id": self.key, "request_tokens": 20, "response_tokens": 9, "cached_tokens": 16,
                          "cache_write_tokens": 2, "reasoning_tokens": 4})
        again = self.settle((task, {"cost": "3"}))[task]
        self.assertEqual([again[c] for c in ("settled", "charged", "balance")], [False, 2, 8])
        self.assertEqual(self.db.value("SELECT change_type::text FROM credits_history WHERE user_id = $1 ORDER BY id DESC LIMIT 1", user),
                         "relay_cost")
        self.assertEqual(self.db.query("SELECT * FROM audit_broken"), [])

    def test_refusals_change_nothing(self):
        user = self.user(4)
        task, opened = self.open(user)
        self.assertEqual((opened["outcome"], opened["balance"], opened["required"]), ("insufficient", 4, 5))
        self.assertEqual(self.db.value("SELECT count(*) FROM tasks WHERE id = $1", task), 0)
        self.assertEqual(self.open(user, hold=1, limit=1)[1]["outcome"], "ok")
        self.assertEqual(self.open(user, hold=1, limit=1)[1]["outcome"], "user_queue_full")

    def test_a_key_used_twice_is_one_call(self):
        user = self.user(10)
        first, _ = self.open(user, key="k")
        second, told = self.open(user, key="k")
        self.assertEqual((told["outcome"], told["existing_task_id"], told["balance"]), ("idempotent_replay", first, 5))

    def test_a_failed_call_gives_its_key_free(self):
        user = self.user(20)
        for outcome in ("failed", "cancelled"):
            first, _ = self.open(user, key=outcome)
            self.settle((first, {"outcome": outcome, "cost": "0", "error_code": "upstream_failed"}))
            found = self.db.row("SELECT * FROM key_find($1, $2, 'POST /v1/x', $3)", user, outcome, b"hash")
            self.assertEqual(found["outcome"], "new")
            second, told = self.open(user, key=outcome)
            self.assertEqual(told["outcome"], "ok")
            _, told = self.open(user, key=outcome)
            self.assertEqual((told["outcome"], told["existing_task_id"]), ("idempotent_replay", second))
            self.settle((second, {}))
            _, told = self.open(user, key=outcome)
            self.assertEqual((told["outcome"], told["existing_task_id"]), ("idempotent_replay", second), "which was answered")
        self.assertEqual(self.db.query("SELECT * FROM audit_broken"), [])

    def test_pins(self):
        user, other = self.user(20), self.user(20)
        channel = self.db.value("INSERT INTO channels (name, provider, base_url) VALUES ($1, 'responses', 'https://x') RETURNING id", new_id())
        how = {"response_id": "resp_1", "channel_id": channel, "channel_key_id": 7, "input_tokens": 20, "output_tokens": 9}
        tasks = [self.open(u)[0] for u in (user, user, other)]
        self.settle((tasks[0], how))
        self.settle((tasks[1], {**how, "output_tokens": 10, "channel_key_id": 8}), (tasks[2], {**how, "channel_key_id": None}))
        pins = "SELECT id, channel_id, key_id, tokens FROM response_pins WHERE user_id = $1"
        self.assertEqual(self.db.query(pins, user), [{"id": "resp_1", "channel_id": channel, "key_id": 8, "tokens": 30}], "the later one counts")
        self.assertEqual(self.db.row(pins, other), {"id": "resp_1", "channel_id": channel, "key_id": 0, "tokens": 29})
        gone = self.open(user)[0]
        self.assertTrue(self.settle((gone, {**how, "channel_id": 999999, "response_id": "resp_2"}))[gone]["settled"], "a channel that is gone")
        self.db.query("DELETE FROM channels WHERE id = $1", channel)
        self.assertIn("resp_1", [r["id"] for r in self.db.query(pins, user)], "whoever names it is told that it is gone")

    def api_key(self, user, **limits):
        key = new_id()
        self.db.query("INSERT INTO api_keys (id, user_id, name, hash, prefix, budget, budget_period, max_concurrent, tpm)"
                      " VALUES ($1, $2, 'k', $3, 'wk-x', $4, $5, $6, $7)", key, user, key.encode(), limits.get("budget"),
                      limits.get("period", "none"), limits.get("max_concurrent"), limits.get("tpm"))
        return key

    def spent(self, key):
        return self.db.value("SELECT spent FROM api_keys WHERE id = $1", key)

    def test_a_budget_is_spent_to_its_edge(self):
        user = self.user(100)
        key = self.api_key(user, budget=10)
        first, opened = self.open(user, key_id=key, hold=6)
        self.assertEqual(opened["outcome"], "ok")
        self.assertEqual(self.open(user, key_id=key, hold=5)[1]["outcome"], "key_budget")
        second, opened = self.open(user, key_id=key, hold=4)
        self.assertEqual(opened["outcome"], "ok")
        self.settle((first, {"cost": "6"}), (second, {"cost": "1"}))
        self.assertEqual(self.spent(key), 7)
        self.assertEqual(self.open(user, key_id=key, hold=4)[1]["outcome"], "key_budget")
        self.assertEqual(self.open(user, key_id=key, hold=3)[1]["outcome"], "ok")
        self.assertEqual(self.db.query("SELECT * FROM audit_broken"), [])

    def test_a_rotated_key_spends_the_same_budget(self):
        user = self.user(100)
        old, new = self.api_key(user, budget=10), new_id()
        self.assertEqual(self.db.value("SELECT api_key_rotate($1, $2, $3, $4, 'wk-y', 600)", old, user, new, b"new"), "ok")
        task, _ = self.open(user, key_id=old, hold=8)
        self.assertEqual(self.open(user, key_id=new, hold=5)[1]["outcome"], "key_budget")
        self.settle((task, {"cost": "8"}))
        self.assertEqual((self.spent(old), self.spent(new)), (8, 8))
        self.assertEqual(self.open(user, key_id=new, hold=5)[1]["outcome"], "key_budget")

    def test_so_many_at_once(self):
        user = self.user(100)
        key = self.api_key(user, max_concurrent=2)
        tasks = [self.open(user, key_id=key)[0] for _ in range(2)]
        self.assertEqual(self.open(user, key_id=key)[1]["outcome"], "key_queue_full")
        self.settle((tasks[0], {}))
        self.assertEqual(self.open(user, key_id=key)[1]["outcome"], "ok")

    def test_tokens_per_minute(self):
        """What runs counts by what it asked, what has ended by what it used, for a minute."""
        user = self.user(100)
        key = self.api_key(user, tpm=100)
        task, opened = self.open(user, key_id=key)
        self.assertEqual(opened["outcome"], "ok")
        self.settle((task, {"input_tokens": 40, "output_tokens": 50}))
        self.assertEqual(self.open(user, key_id=key)[1]["outcome"], "ok")  # 90 and, with its prompt, more than 100
        self.assertEqual(self.open(user, key_id=key)[1]["outcome"], "key_tokens")
        self.assertEqual(self.open(user, key_id=self.api_key(user, tpm=100))[1]["outcome"], "ok")
        with self.connect("weir_owner") as owner:
            owner.query("UPDATE usage SET created_at = created_at - interval '1 minute' WHERE key_id = $1", key)
        self.assertEqual(self.open(user, key_id=key)[1]["outcome"], "ok")

    def test_a_dead_owner_leaves_the_estimate(self):
        user = self.user(10)
        task, _ = self.open(user)
        self.kill(self.owner)
        self.assertEqual([(r["task_id"], r["type"], r["prompt_tokens"]) for r in self.db.query("SELECT * FROM turn_dead(9)")],
                         [(task, "relay", 12)])


if __name__ == "__main__":
    unittest.main(verbosity=1)
