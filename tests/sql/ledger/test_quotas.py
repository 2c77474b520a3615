"""Budgets of keys, users and groups: to the edge, counted where it is charged, written down."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402


class Quotas(DatabaseTest):
    def group(self, **columns):
        name = "g" + new_id()[-12:]
        self.db.query("INSERT INTO user_groups (name) VALUES ($1)", name)
        return name

    def member(self, group, credits=100):
        user = self.user(credits)
        self.db.query("UPDATE users SET user_group = $2 WHERE id = $1", user, group)
        return user

    def budget(self, user=None, group=None, amount=None, period="none", actor=None):
        return self.db.value("SELECT quota_set($1, $2, $3, $4, $5)", user, group, amount, period, actor)

    def key(self, user, **limits):
        key = new_id()
        self.db.query("INSERT INTO api_keys (id, user_id, name, hash, prefix, budget, budget_period, user_group)"
                      " VALUES ($1, $2, 'k', $3, 'wk-x', $4, $5, $6)", key, user, key.encode(), limits.get("budget"),
                      limits.get("period", "none"), limits.get("group"))
        return key

    def call(self, user, hold=5, key=None, db=None, prices=None):
        task = new_id()
        return task, (db or self.db).value(
            "SELECT outcome FROM relay_open($1, $2, $3, $4, NULL, $5, 600, $6, NULL, 1, NULL, NULL, NULL, $7)",
            task, new_id(), user, key, hold, self.owner, prices)

    def charge(self, *tasks, cost="5", db=None):
        told = json.dumps([{"task_id": task, "outcome": "completed", "cost": cost} for task in tasks])
        return [r["charged"] for r in (db or self.db).query("SELECT * FROM relays_settle($1, $2)", self.owner, told)]

    def pay(self, user, amount, key=None):
        task, outcome = self.call(user, amount, key)
        self.assertEqual(outcome, "ok")
        self.charge(task, cost=str(amount))

    def left(self, user, key=None):
        return self.db.value("SELECT quota_left($1, $2)", user, key)

    def history(self, kind, subject):
        return [(r["reason"], r["percent"], r["before"], r["after"]) for r in self.db.query(
            "SELECT reason, percent, before, after FROM quota_history WHERE kind = $1 AND subject = $2 ORDER BY id", kind, subject)]

    def test_without_a_budget_nothing_is_counted(self):
        user = self.user(100)
        self.pay(user, 5)
        self.assertIsNone(self.left(user))
        self.assertEqual(self.db.value("SELECT count(*) FROM quotas WHERE user_id = $1", user), 0)

    def test_a_users_budget_to_its_edge(self):
        user = self.user(100)
        self.budget(user=user, amount=10)
        first, outcome = self.call(user, 5)
        self.assertEqual((outcome, self.left(user)), ("ok", 5))
        self.assertEqual(self.call(user, 5)[1], "ok")
        self.assertEqual(self.call(user, "0.000001")[1], "user_budget")
        self.charge(first, cost="2")
        self.assertEqual(self.left(user), 3)
        self.assertEqual(self.call(user, "3.000001")[1], "user_budget")
        self.assertEqual(self.call(user, 3)[1], "ok")

    def test_a_refused_turn_changes_nothing(self):
        user = self.user(100)
        self.budget(user=user, amount=1)
        conversation = self.conversation(user)
        before = self.snapshot()
        _, opened = self.open(user, conversation, hold=2)
        self.assertEqual(opened["outcome"], "user_budget")
        self.assertEqual(self.snapshot(), before)
        task, opened = self.open(user, conversation, hold=1)
        self.assertEqual(opened["outcome"], "ok")
        self.settle(task, cost=1)
        self.assertEqual(self.left(user), 0)
        self.assertEqual(self.open(user, conversation, hold=0)[1]["outcome"], "ok")  # free is free

    def test_a_group_has_it_in_common(self):
        group = self.group()
        one, two, other = self.member(group), self.member(group), self.user(100)
        self.budget(group=group, amount=10, period="month")
        self.pay(one, 4)
        task, outcome = self.call(two, 6)
        self.assertEqual((outcome, self.left(one), self.left(two)), ("ok", 0, 0))
        self.assertEqual(self.call(one, 1)[1], "group_budget")
        self.assertEqual(self.call(other, 50)[1], "ok")
        self.charge(task, cost="1")
        self.assertEqual(self.left(one), 5)

    def test_a_keys_group_counts_instead(self):
        group, user = self.group(), self.user(100)
        self.budget(group=group, amount=3)
        key = self.key(user, group=group)
        self.assertEqual(self.call(user, 4, key)[1], "group_budget")
        self.assertEqual(self.call(user, 4)[1], "ok")

    def test_the_least_of_three_is_left(self):
        group = self.group()
        user = self.member(group)
        key = self.key(user, budget=7)
        self.assertEqual(self.left(user, key), 7)
        self.budget(user=user, amount=5)
        self.assertEqual((self.left(user, key), self.left(user)), (5, 5))
        self.budget(group=group, amount=2)
        self.assertEqual(self.left(user, key), 2)
        rows = self.db.query("SELECT kind, budget_left FROM quota_state($1, $2)", user, key)
        self.assertEqual({r["kind"]: r["budget_left"] for r in rows}, {"key": 7, "user": 5, "group": 2})

    def test_a_changed_period_forgets_nothing(self):
        user = self.user(1000)
        key = self.key(user, budget=100, period="day")
        self.budget(user=user, amount=100, period="day")
        self.pay(user, 40, key)
        for period in ("week", "month", "none", "day"):
            self.db.query("UPDATE api_keys SET budget_period = $2 WHERE id = $1", key, period)
            self.budget(user=user, amount=100, period=period)
            self.assertEqual((self.left(user, key), self.left(user)), (60, 60), period)

    def test_a_first_budget_knows_what_was_spent(self):
        group = self.group()
        user = self.member(group)
        self.pay(user, 4)
        self.budget(user=user, amount=10, period="day")
        self.assertEqual(self.left(user), 6)
        self.budget(group=group, amount=9, period="month")
        self.assertEqual(self.left(user), 5)
        self.budget(user=user)
        self.budget(group=group)
        self.assertIsNone(self.left(user))
        self.budget(user=user, amount=10)  # without a period: for what comes
        self.assertEqual(self.left(user), 10)

    def test_periods_begin_anew(self):
        for period in ("day", "week", "month"):
            user = self.user(100)
            self.budget(user=user, amount=10, period=period)
            self.pay(user, 9)
            self.db.query(f"UPDATE quotas SET spent_at = spent_at - interval '1 {period}' WHERE user_id = $1", user)
            with self.connect("postgres") as db:
                db.query(f"UPDATE usage SET created_at = created_at - interval '1 {period}' WHERE user_id = $1", user)
            self.db.query(f"UPDATE quota_history SET created_at = created_at - interval '1 {period}' WHERE user_id = $1", user)
            self.assertEqual(self.left(user), 10, period)
            self.pay(user, 8)
            self.assertEqual(self.left(user), 2)
            self.assertEqual(self.history("user", user), [
                ("budget", None, None, 10), ("reminder", 80, None, 9), ("reset", None, 9, 0), ("reminder", 80, None, 8)], period)

    def test_reminders_once(self):
        user = self.user(1000)
        key = self.key(user, budget=100, period="month")
        self.budget(user=user, amount=200, period="month")
        for amount in (79, 1, 5, 9, 1, 1, 1, 3):
            self.pay(user, amount, key)
        self.assertEqual(self.history("key", key), [("reminder", 80, None, 80), ("reminder", 95, None, 95)])
        self.pay(user, 100)  # over both at once: the higher says it all
        self.assertEqual(self.history("user", user), [("budget", None, None, 200), ("reminder", 95, None, 200)])

    def test_a_lifetime_budget_reminds_again_when_it_was_raised(self):
        user = self.user(1000)
        self.budget(user=user, amount=10)
        self.pay(user, 8)
        self.pay(user, 1)
        self.budget(user=user, amount=20)
        self.pay(user, 7)
        self.assertEqual([h for h in self.history("user", user) if h[0] == "reminder"],
                         [("reminder", 80, None, 8), ("reminder", 80, None, 16)])

    def test_changes_are_written_down(self):
        user, admin = self.user(10), self.user()
        self.assertTrue(self.budget(user=user, amount=5, period="day", actor=admin))
        self.assertFalse(self.budget(user=user, amount=5, period="day", actor=admin))
        self.assertTrue(self.budget(user=user, amount=7, period="day", actor=admin))
        self.assertTrue(self.budget(user=user, actor=admin))
        self.assertFalse(self.budget(user=user, actor=admin))
        self.assertEqual(self.history("user", user), [
            ("budget", None, None, 5), ("budget", None, 5, 7), ("budget", None, 7, None)])
        self.assertEqual(self.db.value("SELECT count(*) FROM quota_history WHERE actor_id = $1", admin), 3)
        key = self.key(user, budget=1)
        self.db.query("UPDATE api_keys SET budget = 2, name = 'x' WHERE id = $1", key)
        self.db.query("UPDATE api_keys SET budget = 2 WHERE id = $1", key)
        self.assertEqual(self.history("key", key), [("budget", None, 1, 2)])

    def test_races_at_the_edge(self):
        """Of many who open at once exactly as many may as the budget is for, whosoever's it is."""
        for kind in ("key", "user", "group"):
            group = self.group()
            users = [self.member(group, 1000) for _ in range(2 if kind == "group" else 1)]
            key = self.key(users[0], budget=7) if kind == "key" else None
            if kind != "key":
                self.budget(amount=7, **{kind: group if kind == "group" else users[0]})

            def work(db, n):
                mine = []
                for _ in range(10):
                    task, outcome = self.call(users[n % len(users)], 1, key, db)
                    if outcome == "ok":
                        mine.append(task)
                return mine

            opened = [task for tasks in self.race(6, work) for task in tasks]
            self.assertEqual(len(opened), 7, kind)
            self.assertEqual(self.left(users[0], key), 0)
            results = self.race(7, lambda db, n: self.charge(opened[n], cost="0.5", db=db))
            self.assertEqual(results, [[0.5]] * 7)
            self.assertEqual(self.left(users[0], key), 3.5)

    def test_a_budget_set_in_the_middle_loses_nothing(self):
        """While calls are opened and ended: what the counter says is what usage says."""
        user = self.user(10000)

        def work(db, n):
            if n == 0:
                for amount in (1000, None, 2000, None, 3000):
                    db.query("SELECT quota_set($1, NULL, $2, 'month', NULL)", user, amount)
                return
            for _ in range(30):
                task, outcome = self.call(user, 1, None, db)
                self.assertEqual(outcome, "ok")
                self.charge(task, cost="1", db=db)

        results = self.race(5, work)
        self.assertEqual([r for r in results if isinstance(r, Exception)], [])
        self.assertEqual(self.db.value("SELECT month_spent FROM quotas WHERE user_id = $1", user), 120)

    def test_prices_stay_with_the_task(self):
        prices = {"ratio_ppm": 500000, "rows": [["input", 0, 1, 1]]}
        task, _ = self.call(self.user(10), prices=json.dumps(prices))
        self.assertEqual(self.db.value("SELECT prices FROM tasks WHERE id = $1", task), prices)

    def test_the_base_price_is_one_row(self):
        model = self.db.value("INSERT INTO llm_models (name) VALUES ($1) RETURNING id", new_id())
        price = lambda meter: self.db.value("SELECT model_base_price($1, $2)", model, meter)  # noqa: E731
        self.assertIsNone(price("input"))
        for value in (3, 4):
            self.db.query("SELECT model_set_base_price($1, 'input', $2), model_set_base_price($1, 'call', 0)", model, value)
        self.assertEqual((price("input"), price("call")), (4, None))
        self.db.query("INSERT INTO prices (model_id, meter, unit_price, per, valid_from)"
                      " VALUES ($1, 'input', 0.006, 1000, now() - interval '1 s'), ($1, 'input', 9, 1, now() + interval '1 day')", model)
        self.assertEqual(price("input"), 6)
        self.db.query("SELECT model_set_base_price($1, 'input', 7)", model)
        self.assertEqual(price("input"), 7)
        self.assertEqual(self.db.value("SELECT count(*) FROM prices WHERE model_id = $1", model), 3)


if __name__ == "__main__":
    unittest.main()
