"""Pictures and films: held once, sent once, ended once, whoever comes at the same moment."""
import collections
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402

MANY = 20


class Media(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.user_id = self.user(100)

    def make(self, db=None, **options):
        """media_open(); what is not said is NULL."""
        db = db or self.db
        o = {"task_id": new_id(), "transaction_id": new_id(), "job_id": new_id(), "user_id": self.user_id, "type": "image",
             "model_id": self.model, "hold": 10, "lease_s": 600, "prices": "[]", "group": "default", "op": "images.generate",
             "input": '{"prompt": "a weir"}', "units": '{"image": 2}', "typical_s": 20, "user_message_id": new_id(), "message_id": new_id(),
             "prompt": "a weir", **options}
        names = [r["name"] for r in db.query(
            "SELECT a.name FROM pg_proc p, unnest(p.proargnames, p.proargmodes) WITH ORDINALITY AS a (name, mode, at)"
            " WHERE p.proname = 'media_open' AND a.mode = 'i' ORDER BY a.at")]
        row = db.row("SELECT * FROM media_open(" + ", ".join(f"${n + 1}" for n in range(len(names))) + ")",
                     *[o.get(name.removeprefix("p_")) for name in names])
        return o["task_id"], row

    def claim(self, task, db=None, token=b"token"):
        return (db or self.db).value("SELECT media_claim($1, $2, 0, $3, 'm', false)", task, self.channel, token)

    def end(self, task, db=None, outcome="completed", cost=10, files=None, unconfirmed=False):
        return (db or self.db).row("SELECT * FROM media_end($1, $2, $3, NULL, NULL, $4, 1.5, $5)", task, outcome, cost,
                                   None if files is None else json.dumps(files), unconfirmed)

    def state(self, task):
        return self.db.row("SELECT * FROM media_submits WHERE task_id = $1", task)

    def task(self, task):
        return self.db.row("SELECT status, credits_used, credits_locked, result FROM tasks WHERE id = $1", task)

    def results(self, results):
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results

    def picture(self, **more):
        ident = new_id()
        return {"id": ident, "url": f"http://x/api/uploads/{ident}", "content_type": "image/png", "size_bytes": 70, **more}

    # ---- opening ---------------------------------------------------------------------

    def test_it_is_held_with_its_job(self):
        task, row = self.make()
        self.assertEqual((row["outcome"], float(row["held"]), float(self.credits(self.user_id))), ("ok", 10, 90))
        self.assertEqual(self.state(task)["state"], "intent")
        self.assertEqual(self.db.value("SELECT j.kind FROM jobs j JOIN tasks t ON t.job_id = j.id WHERE t.id = $1", task), "media")

    def test_what_cannot_be_paid_leaves_nothing(self):
        before = self.snapshot()
        task, row = self.make(hold=101)
        self.assertEqual(row["outcome"], "insufficient")
        self.assertEqual(self.snapshot(), before)
        self.assertEqual(self.db.query("SELECT 1 FROM media_submits WHERE task_id = $1", task), [])
        self.assertEqual(self.db.query("SELECT 1 FROM jobs WHERE payload->>'task_id' = $1", task), [])

    def test_in_another_users_conversation_nothing_is_made(self):
        conversation = self.conversation(self.user())
        task, row = self.make(conversation_id=conversation)
        self.assertEqual((row["outcome"], float(self.credits(self.user_id))), ("not_found", 100))
        self.assertEqual(self.db.value("SELECT count(*) FROM conversation_messages WHERE conversation_id = $1", conversation), 0)

    def test_one_key_one_task(self):
        rows = self.results(self.race(MANY, lambda db, n: self.make(db, key="K", route="POST /x", hash=b"h")[1]))
        self.assertEqual(collections.Counter(r["outcome"] for r in rows), {"ok": 1, "idempotent_replay": MANY - 1})
        self.assertEqual(float(self.credits(self.user_id)), 90)

    # ---- sending ------------------------------------------------------------------------

    def test_one_sends_it(self):
        task, _ = self.make()
        claims = self.results(self.race(MANY, lambda db, n: self.claim(task, db)))
        self.assertEqual(collections.Counter(claims), {True: 1, False: MANY - 1})

    def test_what_was_unclear_is_never_sent_again(self):
        task, _ = self.make()
        self.assertTrue(self.claim(task))
        self.assertTrue(self.db.value("SELECT media_unclear($1)", task))
        self.assertFalse(self.claim(task))
        self.assertFalse(self.db.value("SELECT media_unsent($1, true)", task))
        self.assertEqual(self.state(task)["state"], "unknown")

    def test_what_was_refused_is_sent_elsewhere(self):
        task, _ = self.make()
        self.assertTrue(self.claim(task))
        self.assertTrue(self.db.value("SELECT media_unsent($1, true)", task))
        row = self.state(task)
        self.assertEqual((row["state"], json.loads(json.dumps(row["tried"]))), ("intent", [[self.channel, 0]]))
        self.assertTrue(self.claim(task))

    def test_a_callback_and_the_answer_name_one_task(self):
        """Whichever is first: the other changes nothing."""
        for _ in range(5):
            task, token = self.make()[0], os.urandom(8)
            external = new_id()
            self.claim(task, token=token)
            self.results(self.race(8, lambda db, n, t=task, k=token, e=external: db.value("SELECT media_accepted($1, $2)", t, e)
                                   if n % 2 else db.value("SELECT media_called($1, 'openai', $2, $3)", t, k, e)))
            row = self.state(task)
            self.assertEqual((row["state"], row["external_id"]), ("accepted", external))
            self.assertFalse(self.db.value("SELECT media_called($1, 'openai', $2, 'other')", task, b"wrong"))
            self.assertTrue(self.db.value("SELECT media_called($1, 'openai', $2, 'other')", task, token))
            self.assertEqual(self.state(task)["external_id"], external)

    # ---- ending ---------------------------------------------------------------------------

    def test_it_ends_once(self):
        for _ in range(5):
            before = float(self.credits(self.user_id))
            task, _ = self.make(hold=4)
            ways = [("completed", 4), ("failed", 0), ("cancelled", 4)]
            rows = self.results(self.race(MANY, lambda db, n, t=task: self.end(
                t, db, *ways[n % 3], files=[self.picture()] if n % 3 == 0 else None)))
            (settled,) = [r for r in rows if r["settled"]]
            row = self.task(task)
            self.assertEqual(float(self.credits(self.user_id)), before - float(row["credits_used"]))
            self.assertEqual(float(settled["charged"]), float(row["credits_used"]))
            made = self.db.value("SELECT count(*) FROM uploads WHERE user_id = $1 AND id::text IN"
                                 " (SELECT f->>'id' FROM tasks t, jsonb_array_elements(t.result->'files') f WHERE t.id = $2)", self.user_id, task)
            self.assertEqual(made, 1 if row["status"] == "completed" else 0)

    def test_no_more_than_the_hold(self):
        task, _ = self.make(hold=3)
        self.end(task, cost=50, files=[self.picture()])
        self.assertEqual(float(self.credits(self.user_id)), 97)

    def test_what_was_made(self):
        small = new_id()
        files = [self.picture(width=800, height=600, duration_ms=0, small_id=small, small_bytes=9), self.picture(width=0, height=0, duration_ms=0),
                 self.picture()]
        conversation = self.conversation(self.user_id)
        task, _ = self.make(conversation_id=conversation)
        self.assertTrue(self.end(task, files=files)["settled"])
        made = self.task(task)["result"]["files"]
        self.assertEqual([f["id"] for f in made], [f["id"] for f in files])
        self.assertEqual([(f["width"], f["height"]) for f in made], [(800, 600), (None, None), (None, None)])
        self.assertTrue(all(f["is_ai_made"] and f["thumbnail_url"] == f["url"] + "/thumbnail" for f in made))
        self.assertNotIn("small_id", made[0])
        attachments = self.db.value("SELECT attachments FROM conversation_messages WHERE task_id = $1 AND role = 'assistant'", task)
        self.assertEqual([a["url"] for a in attachments], [f["url"] for f in files])
        self.assertEqual({a["type"] for a in attachments}, {"image"})
        rows = self.db.query("SELECT u.is_ai_made, p.of_id, p.object_id, p.width FROM uploads u LEFT JOIN previews p ON p.of_id = u.object_id"
                             " WHERE u.id::text = ANY ($1) ORDER BY u.id", "{" + ",".join(f["id"] for f in files) + "}")
        self.assertTrue(all(r["is_ai_made"] for r in rows))
        looked = {r["of_id"]: (r["object_id"], r["width"]) for r in rows if r["of_id"]}
        self.assertEqual(looked, {files[0]["id"]: (small, 800), files[1]["id"]: (None, None)})
        self.assertEqual(self.db.value("SELECT uses FROM objects WHERE id = $1", small), 1)

    def test_what_failed_gives_all_back(self):
        task, _ = self.make()
        self.claim(task)
        self.assertTrue(self.end(task, outcome="failed", cost=0, unconfirmed=True)["settled"])
        self.assertEqual((float(self.credits(self.user_id)), self.task(task)["result"]), (100, None))
        self.assertTrue(self.state(task)["is_unconfirmed"])

    def test_an_operator_and_the_job_end_it_once(self):
        for _ in range(5):
            task, _ = self.make(hold=5)
            self.claim(task)
            self.db.query("SELECT media_unclear($1)", task)
            before = float(self.credits(self.user_id))
            self.results(self.race(8, lambda db, n, t=task: self.end(t, db, cost=5, files=[self.picture()]) if n % 2
                                   else db.row("SELECT * FROM media_disown($1, 'upstream_failed', 'no')", t)))
            row = self.task(task)
            self.assertEqual(float(self.credits(self.user_id)), before + 5 - float(row["credits_used"]))
            self.assertEqual(float(row["credits_used"]), 5 if row["status"] == "completed" else 0)


if __name__ == "__main__":
    unittest.main()
