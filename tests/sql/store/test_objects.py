"""Objects: one for the same bytes, counted by who uses them, gone when nobody does."""
import hashlib
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pq import Error  # noqa: E402
from sqltest import DatabaseTest, new_id  # noqa: E402


class Objects(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.user_id = self.user()
        self.content = new_id()

    def put(self, user=None, content=None, ident=None, size=100, quota=0, db=None):
        """outcome, used_bytes, object_name, own name"""
        sha = hashlib.sha256((content or self.content).encode()).hexdigest()
        ident = ident or new_id()
        name = f"{sha[:2]}/{sha}.{ident[-12:]}"
        row = (db or self.db).query("SELECT outcome, used_bytes, object_name FROM upload_put($1, $2, 'image/png', $3, $4, $5,"
                                    " decode($6, 'hex'))", ident, user or self.user_id, size, quota, name, sha)[0]
        return row["outcome"], int(row["used_bytes"]), row["object_name"], name

    def uses(self, name):
        return self.db.value("SELECT uses FROM objects WHERE name = $1", name)

    def drop(self, name, place=None, db=None):
        return [r["name"] for r in (db or self.db).query(
            "SELECT d.name FROM objects_drop((SELECT id FROM objects WHERE name = $1), $2, 10) d", name, place)]

    def test_the_same_bytes_are_one(self):
        _, _, first, own = self.put()
        self.assertEqual(first, own)
        _, used, second, own = self.put(user=self.user())
        self.assertEqual((second, used), (first, 0))
        self.assertNotEqual(own, first)
        self.assertEqual(int(self.uses(first)), 2)
        other = self.put(content=new_id())[2]
        self.assertNotEqual(other, first)

    def test_asked_again_it_is_the_same(self):
        ident = new_id()
        first = self.put(ident=ident)
        self.assertEqual(self.put(ident=ident), first)
        self.assertEqual(int(self.uses(first[2])), 1)

    def test_each_counts_in_full(self):
        self.assertEqual(self.put(quota=250)[:2], ("ok", 0))
        self.assertEqual(self.put(quota=250)[:2], ("ok", 100))
        outcome, used, name, _ = self.put(quota=250, content=new_id())
        self.assertEqual((outcome, used, name), ("quota", 200, None))

    def test_the_last_use_frees_it(self):
        name = self.put()[2]
        self.put(user=self.user())
        self.db.query("DELETE FROM uploads WHERE user_id = $1", self.user_id)
        self.assertEqual((int(self.uses(name)), self.drop(name)), (1, []))
        self.db.query("DELETE FROM uploads u USING objects o WHERE o.id = u.object_id AND o.name = $1", name)
        self.assertEqual(self.drop(name, place="s3"), [])
        self.assertEqual(self.drop(name, place="local"), [name])
        self.assertEqual(self.db.query("SELECT FROM objects WHERE name = $1", name), [])

    def test_what_is_used_cannot_be_deleted(self):
        name = self.put()[2]
        with self.assertRaises(Error):
            self.db.query("DELETE FROM objects WHERE name = $1", name)
        with self.assertRaises(Error):  # twice given up
            self.db.query("UPDATE objects SET uses = -1 WHERE name = $1", name)

    def test_programs_of_before(self):
        ident = new_id()
        self.db.query("SELECT * FROM upload_add($1, $2, 'image/png', 10, 0)", ident, self.user_id)
        name = f"{ident[-2:]}/{ident}"
        self.assertEqual(int(self.uses(name)), 1)
        self.db.query("DELETE FROM uploads WHERE id = $1", ident)
        self.assertEqual(self.drop(name), [name])

    def test_given_up_and_brought_at_once(self):
        """Whoever brings it has an object with a use, whoever gives it up in the same moment."""
        problems = []

        def work(seed):
            db = self.connect()
            try:
                for _ in range(40):
                    ident = new_id()
                    name = self.put(db=db, ident=ident)[2]
                    if int(db.value("SELECT count(*) FROM uploads u JOIN objects o ON o.id = u.object_id WHERE u.id = $1"
                                " AND o.name = $2 AND o.uses > 0", ident, name)) != 1:
                        problems.append(ident)
                    db.query("DELETE FROM uploads WHERE id = $1", ident)
                    self.drop(name, db=db)
            except Error as e:
                problems.append(str(e))
            finally:
                db.close()

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(problems, [])
        self.assertEqual(int(self.db.value("SELECT count(*) FROM objects WHERE uses = 0 AND sha256 = decode($1, 'hex')",
                                           hashlib.sha256(self.content.encode()).hexdigest())), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
