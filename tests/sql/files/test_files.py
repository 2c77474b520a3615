"""Previews, and tickets for files that browsers put into the bucket."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402

MANY = 20


class Files(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.user_id = self.user()

    def ticket(self, db=None, user=None, ident=None, size=30, quota=100):
        row = (db or self.db).row("SELECT * FROM upload_ticket($1, $2, 'image/png', $3, $4, 3600)", ident or new_id(), user or self.user_id,
                                  size, quota)
        return row["outcome"]

    def complete(self, ident, db=None, user=None):
        return [r["id"] for r in (db or self.db).query("SELECT * FROM upload_complete($1, $2, $3)", ident, user or self.user_id,
                                                       f"{ident[-2:]}/{ident}")]

    def upload(self):
        ident = new_id()
        self.db.query("INSERT INTO uploads (id, user_id, content_type, size_bytes) VALUES ($1, $2, 'image/png', 9)", ident, self.user_id)
        return ident

    def look(self, of, small, db=None):
        return (db or self.db).value("SELECT preview_put($1, $2, 5, 10, 20, 0)", of, small)

    def results(self, results):
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results

    def test_the_quota_holds_when_many_come_at_once(self):
        outcomes = self.results(self.race(MANY, lambda db, n: self.ticket(db)))
        self.assertEqual((outcomes.count("ok"), outcomes.count("quota")), (3, MANY - 3))

    def test_an_upload_is_there_once(self):
        ident = new_id()
        self.assertEqual(self.ticket(ident=ident), "ok")
        self.assertEqual(self.ticket(ident=ident), "ok")
        self.assertEqual(self.complete(ident, user=self.user()), [])
        self.assertEqual(self.results(self.race(MANY, lambda db, n: self.complete(ident, db))), [[ident]] * MANY)
        row = self.db.row("SELECT o.place, o.uses, u.size_bytes FROM uploads u JOIN objects o ON o.id = u.object_id WHERE u.id = $1", ident)
        self.assertEqual((row["place"], row["uses"], row["size_bytes"]), ("s3", 1, 30))
        self.assertEqual(self.db.value("SELECT count(*) FROM upload_tickets WHERE id = $1", ident), 0)
        self.assertEqual(self.db.value("SELECT count(*) FROM jobs WHERE kind = 'preview' AND payload->>'object_id' = $1", ident), 1)
        self.assertEqual(self.db.value("SELECT storage_used($1)", self.user_id), 30)

    def test_the_newest_hundred_are_kept(self):
        idents = [new_id() for _ in range(103)]
        for ident in idents:
            self.assertEqual(self.ticket(ident=ident, size=1, quota=0), "ok")
        left = {r["id"] for r in self.db.query("SELECT id FROM upload_tickets WHERE user_id = $1", self.user_id)}
        self.assertEqual(len(left), 100)

    def test_what_is_over_is_gone(self):
        ident = new_id()
        self.ticket(ident=ident)
        self.db.query("UPDATE upload_tickets SET expires_at = now() - interval '1 s' WHERE id = $1", ident)
        self.assertEqual(self.ticket(user=self.user()), "ok")
        self.assertEqual(self.db.value("SELECT count(*) FROM upload_tickets WHERE id = $1", ident), 0)

    def test_an_object_is_looked_at_once(self):
        of = self.upload()
        small = [new_id() for _ in range(MANY)]
        put = self.race(MANY, lambda db, n: self.look(of, small[n], db))
        self.assertEqual(put.count(True), 1)
        kept = self.db.value("SELECT object_id FROM previews WHERE of_id = $1", of)
        self.assertEqual(kept, small[put.index(True)])
        self.assertEqual(self.db.query("SELECT id FROM objects WHERE id::text = ANY ($1)", "{" + ",".join(small) + "}"), [{"id": kept}])

    def test_a_small_picture_goes_with_what_it_shows(self):
        of, small = self.upload(), new_id()
        self.assertTrue(self.look(of, small))
        self.db.query("DELETE FROM uploads WHERE id = $1", of)
        self.db.query("SELECT objects_drop($1, NULL, 1)", of)
        self.assertEqual(self.db.value("SELECT uses FROM objects WHERE id = $1", small), 0)
        self.assertEqual(self.db.value("SELECT count(*) FROM previews WHERE of_id = $1", of), 0)
        self.db.query("SELECT objects_drop($1, NULL, 1)", small)
        self.assertEqual(self.db.query("SELECT 1 FROM objects WHERE id = $1", small), [])
        self.assertFalse(self.look(of, new_id()))

    def test_what_is_missing_is_wanted_once(self):
        of = self.upload()
        self.db.query("SELECT previews_want(true, false, 1000)")
        self.db.query("SELECT previews_want(true, true, 1000)")
        self.assertEqual(self.db.value("SELECT count(*) FROM jobs WHERE kind = 'preview' AND payload->>'object_id' = $1", of), 1)
        other = self.upload()
        self.db.query("SELECT previews_want(false, true, 1000)")
        self.assertEqual(self.db.value("SELECT count(*) FROM jobs WHERE kind = 'preview' AND payload->>'object_id' = $1", other), 0)


if __name__ == "__main__":
    unittest.main()
