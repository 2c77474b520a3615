"""Assistants and prompts in SQL: who may use one, what ends that, and limits that two at once cannot pass."""
import collections
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402


class Assistants(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.owner_id, self.guest = self.user(), self.user()

    def put(self, assistant=None, user=None, db=None, most=100, token=None, **fields):
        """(id, outcome)"""
        new, assistant = assistant is None, assistant or new_id()
        outcome = (db or self.db).value("SELECT assistant_put($1, $2, $3, $4, $5, NULL, $6, $7)", assistant, user or self.owner_id, new,
                                        json.dumps({"name": "x", **fields} if new else fields), self.model, token or new_id(), most)
        return assistant, outcome

    def may(self, assistant, user=None):
        return self.db.value("SELECT assistant_may_use($1, $2)", assistant, user or self.guest)

    def token(self, assistant):
        return self.db.value("SELECT token FROM assistants WHERE id = $1", assistant)

    def keep(self, token, user=None, db=None, most=10):
        return (db or self.db).row("SELECT * FROM assistant_keep($1, $2, $3)", token, user or self.guest, most)

    def test_who_may_use_it(self):
        assistant, outcome = self.put()
        self.assertEqual(outcome, "ok")
        self.assertTrue(self.may(assistant, self.owner_id))
        self.assertFalse(self.may(assistant))
        self.assertFalse(self.may(new_id()))
        self.put(assistant, share="house")
        self.assertTrue(self.may(assistant))
        self.db.query("UPDATE assistants SET is_barred = true WHERE id = $1", assistant)
        self.assertFalse(self.may(assistant))
        self.assertTrue(self.may(assistant, self.owner_id))
        self.assertIsNone(self.db.value("SELECT assistant_by_token($1)", self.token(assistant)))
        self.db.query("UPDATE assistants SET is_barred = false WHERE id = $1", assistant)
        self.db.query("UPDATE users SET status = 'disabled' WHERE id = $1", self.owner_id)
        self.assertFalse(self.may(assistant), "its owner is not there any more")
        self.assertEqual(self.keep(self.token(assistant))["outcome"], "not_found")

    def test_a_link(self):
        assistant, _ = self.put(share="link")
        token = self.token(assistant)
        self.assertFalse(self.may(assistant))
        self.assertEqual(self.keep(token), {"outcome": "ok", "kept": assistant})
        self.assertEqual(self.keep(token), {"outcome": "ok", "kept": assistant})
        self.assertTrue(self.may(assistant))
        self.put(assistant, share="house")
        self.put(assistant, share="link")
        self.assertEqual(self.token(assistant), token, "the link stays while it is shared at all")
        self.assertTrue(self.may(assistant))
        self.put(assistant, share="private")
        self.assertIsNone(self.token(assistant))
        self.put(assistant, share="link")
        self.assertFalse(self.may(assistant))
        self.assertNotEqual(self.token(assistant), token)
        self.assertEqual(self.keep(token)["outcome"], "not_found")
        self.assertEqual(self.keep(self.token(assistant), most=0)["outcome"], "too_many")
        self.assertEqual(self.keep(self.token(assistant), self.owner_id, most=0)["outcome"], "ok", "one's own")

    def test_anothers_is_not_changed(self):
        assistant, _ = self.put(prompt="mine")
        self.assertEqual(self.put(assistant, user=self.guest, prompt="yours", share="house")[1], "not_found")
        self.assertEqual(self.db.row("SELECT prompt, share FROM assistants WHERE id = $1", assistant), {"prompt": "mine", "share": "private"})

    def test_a_picture_is_ones_own(self):
        for user, kind, wanted in ((self.guest, "image/png", "no_picture"), (self.owner_id, "text/plain", "no_picture"),
                                   (self.owner_id, "image/png", "ok")):
            picture = new_id()
            self.db.query("INSERT INTO uploads (id, user_id, content_type, size_bytes) VALUES ($1, $2, $3, 1)", picture, user, kind)
            self.assertEqual(self.put(picture_id=picture)[1], wanted)
        self.db.query("DELETE FROM uploads WHERE user_id = $1", self.owner_id)
        self.assertEqual(self.db.value("SELECT count(*) FROM assistants WHERE picture_id IS NOT NULL"), 0)

    def test_no_more_than_that_also_at_once(self):
        results = self.race(20, lambda db, n: {"outcome": self.put(db=db, most=7)[1]})
        self.assertEqual(collections.Counter(r["outcome"] for r in results), {"ok": 7, "too_many": 13})
        tokens = [self.token(self.put(share="link")[0]) for _ in range(10)]
        results = self.race(20, lambda db, n: self.keep(tokens[n % 10], db=db, most=4))
        self.assertEqual(self.db.value("SELECT count(*) FROM assistant_keeps WHERE user_id = $1", self.guest), 4)
        self.assertTrue(all(r["outcome"] in ("ok", "too_many") for r in results))

    def test_prompts_all_or_none(self):
        def add(*prompts, db=None, most=5):
            rows = json.dumps([{"id": new_id(), "name": n, "text": t} for n, t in prompts])
            return tuple((db or self.db).row("SELECT * FROM prompts_add($1, $2, $3)", self.guest, rows, most).values())

        self.assertEqual(add(("a", "1"), ("a", "1"), ("b", "2")), ("ok", 2))
        self.assertEqual(add(("a", "1"), ("a", "3")), ("ok", 1))
        self.assertEqual(add(("c", "1"), ("d", "1"), ("e", "1")), ("too_many", 0))
        self.assertEqual(add(("a", "1"), most=0), ("ok", 0), "nothing new")
        results = self.race(10, lambda db, n: {"outcome": add((f"n{n}", "t"), db=db)[0]})
        self.assertEqual(collections.Counter(r["outcome"] for r in results), {"ok": 2, "too_many": 8})
        self.assertEqual(self.db.value("SELECT count(*) FROM prompts WHERE user_id = $1", self.guest), 5)

    def test_what_goes_with_whom(self):
        assistant, _ = self.put(share="link")
        self.keep(self.token(assistant))
        self.db.query("INSERT INTO conversations (id, user_id, assistant_id, assistant_name) VALUES ($1, $2, $3, 'x')", new_id(), self.guest, assistant)
        self.db.query("DELETE FROM assistants WHERE id = $1", assistant)
        self.assertEqual(self.db.value("SELECT count(*) FROM assistant_keeps WHERE assistant_id = $1", assistant), 0)
        self.assertEqual(self.db.value("SELECT assistant_id::text FROM conversations WHERE user_id = $1", self.guest), assistant)
        self.assertFalse(self.may(assistant))


if __name__ == "__main__":
    unittest.main()
