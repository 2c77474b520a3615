"""allowance_fill(), allowance_return() and relay_round(): what a process holds for an account, and what its calls are charged."""
import itertools
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402

CALL = ("call_id", "allowance_id", "user_id", "key_id", "outcome", "error_code", "input_tokens", "output_tokens", "cached_tokens",
        "cache_write_tokens", "reasoning_tokens", "estimated", "cost", "overrun", "limited", "model_id", "model", "channel_id",
        "channel", "provider", "latency_ms", "first_token_ms", "request_id", "user_group", "details")


def call_text(call):
    """A relay_call as PostgreSQL reads it in an array."""
    return '"(' + ",".join("" if call[c] is None else str(call[c]) for c in CALL) + ')"'


class Allowances(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.owner = self.process()

    def fill(self, user, wanted=8, ceiling=1, allowance=None, seq=1, key=None, owner=None, group="default"):
        allowance = allowance or new_id()
        row = self.db.row("SELECT granted, limited FROM allowance_fill($1, $2, $3, $4, $5, $6, $7, $8)", allowance, owner or self.owner,
                          user, key, seq, wanted, ceiling, group)
        return allowance, row["granted"], row["limited"]

    def call(self, user, allowance, cost=1, **more):
        return {**dict.fromkeys(CALL), "call_id": new_id(), "allowance_id": allowance, "user_id": user, "outcome": "completed",
                "estimated": "f", "cost": cost, "overrun": 0, "limited": "f", "input_tokens": 3, "output_tokens": 4, "model": "m",
                "request_id": "r", "user_group": "default", **more}

    def settle(self, *calls, db=None):
        return (db or self.db).query("SELECT * FROM relay_round($1::relay_call[])", "{" + ",".join(map(call_text, calls)) + "}")

    def give(self, allowance, seq=2, part=None, owner=None):
        return self.db.value("SELECT allowance_return($1, $2, $3, $4)", allowance, owner or self.owner, seq, part)

    def state(self, user):
        return (self.db.value("SELECT credits FROM users WHERE id = $1", user), self.db.value("SELECT credits_held($1)", user))

    def sound(self):
        self.assertEqual(self.db.query("SELECT * FROM audit_broken"), [])

    def test_a_small_share(self):
        user = self.user(1600)
        _, granted, limited = self.fill(user, wanted=1000)
        self.assertEqual((granted, limited), (100, False))
        self.assertEqual(self.state(user), (1500, 100))
        self.sound()

    def test_near_the_end_none(self):
        user = self.user(24)
        self.assertEqual(self.fill(user, wanted=2)[1], 1.5)
        self.assertEqual(self.fill(user, wanted=8)[1], round(22.5 / 16, 6))
        self.assertEqual(self.fill(user, wanted=8)[1], 0, "less than 20 ceilings would be left")
        self.assertEqual(self.fill(self.user(1), wanted=8)[1], 0)
        self.assertEqual(self.fill(new_id(), wanted=8)[1], 0, "nobody")
        self.sound()

    def test_users_and_groups_with_a_budget_have_none(self):
        user, other = self.user(1600), self.user(1600)
        group = "g" + new_id()[-8:]
        self.db.query("INSERT INTO user_groups (name) VALUES ($1)", group)
        self.db.query("SELECT quota_set($1, NULL, 500, 'day', NULL)", user)
        self.db.query("SELECT quota_set(NULL, $1, 500, 'day', NULL)", group)
        self.assertEqual(self.fill(user)[1], 0)
        self.assertEqual(self.fill(other, group=group)[1], 0)
        self.assertEqual(self.fill(other)[1], 8)

    def test_a_budget_that_comes_meanwhile_counts_what_is_under_way(self):
        user = self.user(1600)
        allowance, _, _ = self.fill(user, wanted=50)
        before = self.call(user, allowance, 3)
        self.settle(before)
        self.db.query("SELECT quota_set($1, NULL, 40, 'month', NULL)", user)
        self.assertEqual(self.db.value("SELECT quota_left($1, NULL)", user), 0, "50 are set aside")
        self.settle(before, self.call(user, allowance, 4))
        self.give(allowance)
        self.assertEqual(self.db.value("SELECT quota_left($1, NULL)", user), 33)
        self.settle(self.call(user, allowance, 29))
        self.assertEqual([r["percent"] for r in self.db.query("SELECT percent FROM quota_history WHERE subject = $1 AND reason = 'reminder'", user)], [80])
        self.sound()

    def test_a_budget_of_a_key_is_counted_and_told(self):
        user, key = self.user(1600), new_id()
        self.db.query("INSERT INTO api_keys (id, user_id, name, hash, prefix, budget, budget_period) VALUES ($1, $2, 'k', $3, 'wk-', 100, 'day')",
                      key, user, key.encode())
        allowance, granted, limited = self.fill(user, wanted=60, key=key)
        self.assertEqual((granted, limited), (60, True))
        self.assertEqual(self.db.value("SELECT quota_left($1, $2)", user, key), 40)
        self.settle(self.call(user, allowance, 81, key_id=key, limited="t"))
        self.give(allowance)
        self.assertEqual(self.db.value("SELECT quota_left($1, $2)", user, key), 19)
        self.assertEqual(self.db.row("SELECT spent, day_spent, week_spent, month_spent FROM api_keys WHERE id = $1", key),
                         {"spent": 81, "day_spent": 81, "week_spent": 81, "month_spent": 81})
        self.assertEqual([r["percent"] for r in self.db.query("SELECT percent FROM quota_history WHERE subject = $1", key)], [80])
        self.sound()

    def test_the_same_again(self):
        user = self.user(100)
        allowance, granted, _ = self.fill(user, wanted=5)
        self.assertEqual(self.fill(user, 5, 1, allowance, 1)[1], granted)
        self.assertEqual(self.state(user), (95, 5))
        self.assertEqual(self.fill(user, 5, 1, allowance, 2)[1], 5)
        self.assertEqual(self.give(allowance, 3, 4), 4)
        self.assertEqual(self.give(allowance, 3, 4), 0)
        self.assertEqual(self.state(user), (94, 6))
        self.assertEqual(self.give(allowance, 4, owner=new_id()), 0, "somebody else's")
        self.assertEqual(self.give(allowance, 4), 6)
        self.assertEqual(self.give(allowance, 4), 0)
        self.assertIsNone(self.fill(user, 5, 1, allowance, 5)[1], "it has ended")
        self.assertEqual(self.state(user), (100, 0))
        self.sound()

    def test_a_round_is_one_row_an_account(self):
        users = [self.user(100), self.user(50)]
        held = [self.fill(u, wanted=2)[0] for u in users]
        calls = [self.call(users[i % 2], held[i % 2], cost=i) for i in range(6)]
        rows = self.settle(*calls)
        self.assertEqual([r["place"] for r in rows], list(range(6)))
        self.assertEqual([(r["settled"], r["charged"], r["taken"], r["live"]) for r in rows], [(True, i, 0, True) for i in range(6)])
        self.assertEqual([self.state(u) for u in users], [(92, 2), (39, 2)])
        self.assertEqual([r["balance"] for r in rows], [92, 39] * 3)
        self.assertEqual(self.db.value("SELECT count(*) FROM credits_history WHERE change_type = 'relay_cost'"
                                       " AND user_id = ANY ($1::uuid[])", "{" + ",".join(users) + "}"), 2)
        again = self.settle(*[{**c, "cost": 9} for c in calls])
        self.assertEqual([(r["settled"], r["charged"]) for r in again], [(False, i) for i in range(6)])
        self.assertEqual([self.state(u) for u in users], [(92, 2), (39, 2)])
        mixed = self.settle(calls[0], self.call(users[0], held[0], cost=2))
        self.assertEqual([(r["settled"], r["charged"], r["balance"]) for r in mixed], [(False, 0, 90), (True, 2, 90)])
        self.sound()

    def test_what_the_balance_cannot_pay(self):
        user, other = self.user(100), self.user(100)
        allowance, granted, _ = self.fill(user, wanted=6)
        self.db.value("SELECT deduct_credits_atomic($1, 93, 'x', 'admin_adjustment')", user)
        rows = self.settle(self.call(user, allowance, 3), self.call(other, self.fill(other, 5)[0], 4))
        self.assertEqual([(r["charged"], r["balance"], r["taken"]) for r in rows], [(3, 0, 2), (4, 91, 0)])
        self.assertEqual(self.state(user), (0, 4))
        self.sound()
        # taken for lost and given back while calls of it ran, then spent: what nobody can pay is on record
        self.give(allowance)
        self.db.value("SELECT deduct_credits_atomic($1, 3, 'x', 'admin_adjustment')", user)
        late = self.call(user, allowance, 3)
        row, = self.settle(late)
        self.assertEqual((row["settled"], row["charged"], row["balance"], row["live"]), (True, 1, 0, False))
        self.assertEqual(self.db.row("SELECT cost, overrun FROM usage WHERE task_id = $1", late["call_id"]), {"cost": 1, "overrun": 2})
        self.assertFalse(self.settle(late)[0]["settled"])
        self.sound()

    def api_key(self, user, budget):
        key = new_id()
        self.db.query("INSERT INTO api_keys (id, user_id, name, hash, prefix, budget) VALUES ($1, $2, 'k', $3, 'wk-x', $4)", key,
                      user, key.encode(), budget)
        return key

    def test_a_budget_is_used_up(self):
        user = self.user(1000)
        key = self.api_key(user, 30)
        allowance, granted, limited = self.fill(user, wanted=8, key=key)
        self.assertEqual((granted, limited), (8, True))
        row, = self.settle(self.call(user, allowance, 5, key_id=key, limited="t"))
        self.assertEqual((row["charged"], row["taken"], row["balance"]), (5, 5, 992))
        self.assertEqual(self.state(user), (992, 3))
        self.assertEqual(self.db.value("SELECT spent FROM api_keys WHERE id = $1", key), 5)
        self.assertEqual(self.fill(user, 8, 1, allowance, 2, key)[1], 0, "22 are left, 14 would be")
        refused = "SELECT relay_key_refusal($1, $2, $3)"
        self.assertIsNone(self.db.value(refused, key, user, 22))
        self.assertEqual(self.db.value(refused, key, user, 23), "allowances", "spent 5, held 3: it is asked for")
        self.give(allowance, 2, 0)
        self.assertEqual(self.db.value(refused, key, user, 23), "key_budget")
        self.sound()

    def test_a_rotated_key_pays_for_both(self):
        user = self.user(1000)
        old, new = self.api_key(user, None), self.api_key(user, None)
        self.db.query("UPDATE api_keys SET status = 'rotated', rotated_to = $2 WHERE id = $1", old, new)
        allowance = self.fill(user)[0]
        self.settle(self.call(user, allowance, 2, key_id=old), self.call(user, allowance, 3, key_id=new))
        self.assertEqual([self.db.value("SELECT spent FROM api_keys WHERE id = $1", k) for k in (old, new)], [2, 5])

    def test_who_needs_it_asks(self):
        user = self.user(100)
        allowance = self.fill(user, 5)[0]
        ask = "SELECT allowances_pending($1, $2)"
        self.assertFalse(self.db.value(ask, user, new_id()), "of another key")
        self.assertTrue(self.db.value(ask, user, None))
        self.assertTrue(self.db.value(ask, user, None), "not yet answered")
        self.assertEqual(self.fill(user, 5, 1, allowance, 2)[1], 0, "not while somebody asks")
        self.give(allowance, 2, 0)
        self.assertFalse(self.db.value(ask, user, None), "answered: all of it is in use")
        self.assertEqual(self.state(user), (95, 5))
        self.db.query("UPDATE allowances SET answered_at = now() - interval '2 s' WHERE id = $1", allowance)
        self.assertTrue(self.db.value(ask, user, None), "by now it may be idle")
        self.db.query("UPDATE allowances SET asked_at = now() - interval '3 s' WHERE id = $1", allowance)
        self.assertFalse(self.db.value(ask, user, None), "whoever holds it is dead")

    def test_nobody_is_refused_before_it_is_asked_for(self):
        user = self.user(100)
        allowance = self.fill(user, 6)[0]
        opened = ("SELECT outcome FROM relay_open($1, $2, $3, NULL, NULL, 97, 600, $4, NULL, 1, NULL, NULL, NULL)")
        self.assertEqual(self.db.value(opened, new_id(), new_id(), user, self.owner), "allowances")
        self.give(allowance, 2, 0)
        self.assertEqual(self.db.value(opened, new_id(), new_id(), user, self.owner), "insufficient")
        self.give(allowance, 3)
        self.assertEqual(self.db.value(opened, new_id(), new_id(), user, self.owner), "ok")

    def test_dead_owners(self):
        user = self.user(100)
        self.fill(user, 5)
        dead = self.fill(user, 3, owner=self.process())[0]
        self.assertEqual(self.db.value("SELECT allowances_expire(10)"), 0)
        self.db.query("UPDATE processes SET heartbeat_at = now() - interval '61 s' WHERE id = (SELECT owner FROM allowances WHERE id = $1)",
                      dead)
        self.assertEqual(self.db.value("SELECT allowances_expire(10)"), 1)
        self.assertEqual(self.state(user), (95, 5))
        self.assertEqual(self.db.value("SELECT allowances_end($1)", self.owner), 1)
        self.assertEqual(self.state(user), (100, 0))
        self.sound()

    def test_an_account_that_is_gone(self):
        user = self.user(100)
        allowance = self.fill(user, 5)[0]
        self.db.query("DELETE FROM users WHERE id = $1", user)
        row, = self.settle(self.call(user, allowance, 2))
        self.assertEqual((row["settled"], row["charged"], row["balance"]), (True, 0, None))
        self.sound()

    def test_races(self):
        """Rounds of the same calls from several settlers, among fills, returns and holds of the same accounts."""
        users = [self.user(200) for _ in range(4)]
        keys = [self.api_key(u, 150) for u in users]
        owners = [self.process() for _ in range(4)]
        held = [[self.fill(u, 4, key=k, owner=o)[0] for u, k in zip(users, keys)] for o in owners]
        calls = [[self.call(users[i % 4], held[n][i % 4], 1, key_id=keys[i % 4], limited="tf"[i // 4 % 2]) for i in range(24)]
                 for n in range(4)]
        failed = []

        def again(act, *args, **named):
            """Who met a rival asks again, as the programs do."""
            for _ in range(20):
                try:
                    return act(*args, **named)
                except Exception as e:  # noqa: BLE001 - told apart here
                    if getattr(e, "sqlstate", "") not in ("40P01", "23505"):
                        raise
            return None

        def settler(n):
            try:
                with self.connect() as db:
                    for i in range(0, 24, 6):
                        for whose, limited in itertools.product((n, (n + 1) % 4), "tf"):  # another's as well
                            if part := [c for c in calls[whose][i:i + 6] if c["limited"] == limited]:
                                again(self.settle, *(part if n % 2 else part[::-1]), db=db)
                        again(db.query, "SELECT allowance_fill($1, $2, $3, $4, $5, 2, 1, NULL)", held[n][i % 4], owners[n], users[i % 4],
                              keys[i % 4], 2 + i)
                        again(db.query, "SELECT allowance_return($1, $2, $3, 1)", held[n][i % 4], owners[n], 3 + i)
            except Exception as e:  # noqa: BLE001 - told below
                failed.append(e)

        threads = [threading.Thread(target=settler, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failed, [])
        self.sound()
        mine = "{" + ",".join(users) + "}"
        self.assertEqual(self.db.value("SELECT count(*) FROM usage WHERE user_id = ANY ($1::uuid[])", mine), 96)
        self.assertEqual(self.db.value("SELECT sum(cost) FROM usage WHERE user_id = ANY ($1::uuid[])", mine), 96)
        self.assertEqual(self.db.value("SELECT sum(spent) FROM api_keys WHERE user_id = ANY ($1::uuid[])", mine), 96)
        for o in owners:
            self.db.value("SELECT allowances_end($1)", o)
        self.assertEqual(self.db.value("SELECT sum(credits) FROM users WHERE id = ANY ($1::uuid[])", mine), 800 - 96)
        self.sound()


if __name__ == "__main__":
    unittest.main()
