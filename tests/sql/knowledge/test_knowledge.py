"""Knowledge in SQL: what is embedded is kept and charged once, spaces change places, deletion leaves nothing, others read no more."""
import base64
import json
import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402

DIMS = 4


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


class Knowledge(DatabaseTest):
    def setUp(self):
        super().setUp()
        self.who = self.user(100)
        self.base = new_id()
        self.db.query("UPDATE llm_models SET type = 'embedding' WHERE id = ANY (ARRAY[$1, $2]::bigint[])", self.model, self.model2)
        self.assertEqual(self.db.value("SELECT kb_create($1, $2, 'notes', '', $3, 250, 15, 10)", self.base, self.who, self.model), "ok")
        self.job = new_id()

    # ---- a document on its way ----

    def put(self, content, document=None, base=None):
        document, new = document or new_id(), document is None
        sha = content.encode().ljust(32, b"\0")[:32]
        return self.db.row("SELECT * FROM kb_document_put($1, $2, $3, $4, 'a.md', '', NULL, 'en', $5, $6, 10, NULL, 5, 0, $7)",
                           self.who, base or self.base, document, new, f"aa/{new_id()}", sha, new_id())

    def parse(self, document, version=1, chunks=3):
        taken = self.db.row("SELECT * FROM kb_parse_take($1, NULL, $2, 3)", self.who, self.job)
        self.assertEqual((taken["document_id"], taken["version"]), (document, version))
        self.assertTrue(self.db.value("SELECT kb_parse_state($1, $2, 'chunking')", document, version))
        rows = [{"ord": i, "page_from": 0, "page_to": 0, "c0": 10 * i, "c1": 10 * i + 9, "heading": "", "body": f"body {i}", "ntok": 5,
                 "tsv": "'body':1", "hash": f"{version * 100 + i + hash(document) % 1000000:064x}"} for i in range(chunks)]
        self.assertTrue(self.db.value("SELECT kb_chunks_add($1, $2, $3)", document, version, json.dumps(rows)))
        return self.db.value("SELECT kb_parsed($1, $2, 'md', 'T', 0, 30, $3, $4, $5, $6, 10, $7)", document, version, chunks, new_id(),
                             f"bb/{new_id()}", (new_id() * 2).encode()[:32], new_id())

    def document(self, content="one", chunks=3, base=None):
        answer = self.put(content, base=base)
        self.assertEqual(answer["outcome"], "ok")
        self.assertTrue(self.parse(answer["document_id"], chunks=chunks))
        return answer["document_id"]

    def take(self):
        return self.db.query("SELECT * FROM kb_embed_take($1, $2)", self.who, self.job)

    def open(self, run, hold=10, task=None):
        task = task or new_id()
        return task, self.db.row("SELECT * FROM kb_embed_open($1, $2, $3, $4, $5, $6, $7, 600, NULL, 'default')", run["document_id"],
                                 run["version"], run["space_id"], task, new_id(), self.job, hold)

    def store(self, run, task, limit=100, mean_version=1, cost="0.5", skip=False):
        rows = self.db.query("SELECT chunk_id, cache_key FROM kb_embed_batch($1, $2, $3, 'm1', $4)", run["document_id"], run["version"],
                             run["space_id"], limit)
        packed = base64.b64encode(floats(0.01) + bytes(DIMS)).decode()
        vectors = [{"c": int(r["chunk_id"]), **({"s": "refused"} if skip else {"b": "01" * (DIMS // 2), "v": packed, "k": r["cache_key"],
                   "f": base64.b64encode(bytes(2 * DIMS)).decode(), "h": False})} for r in rows]
        text = json.dumps(vectors)
        args = (run["document_id"], run["version"], run["space_id"], task, mean_version, text, 7 * len(rows), cost, self.channel)
        return self.db.value("SELECT kb_embed_store($1, $2, $3, $4, $5, $6, $7, $8, $9)", *args), args

    def end(self, run, outcome="completed", code=None):
        return self.db.row("SELECT * FROM kb_embed_end($1, $2, $3, $4, $5, NULL)", run["document_id"], run["version"], run["space_id"], outcome, code)

    def mean(self, space, version=0, count=3):
        return self.db.row("SELECT * FROM kb_space_mean($1, $2, $3, $4, $5)", space, version, DIMS, floats(*[0.1] * DIMS), count)

    def state(self, document):
        return self.db.row("SELECT d.version AS current, d.next_version, v.state, v.code FROM kb_document d JOIN kb_version v ON v.document_id = d.id"
                           " AND v.version = coalesce(d.next_version, d.version) WHERE d.id = $1", document)

    def finish(self, document=None):
        """Embeds what is due, all of it, for half a credit."""
        (run,) = self.take()
        if document:
            self.assertEqual(run["document_id"], document)
        task, opened = self.open(run)
        self.assertEqual(opened["outcome"], "ok")
        if self.db.value("SELECT mean IS NULL FROM kb_space WHERE id = $1", run["space_id"]):
            self.mean(run["space_id"])
        self.assertEqual(self.store(run, task)[0], "ok")
        self.assertEqual(self.end(run)["outcome"], "ok")
        return task

    # ---- tests ----

    def test_kept_and_charged_once(self):
        document = self.document()
        (run,) = self.take()
        self.assertEqual((run["left_chunks"], run["left_tokens"], run["task_id"]), (3, 15, None))
        task, opened = self.open(run)
        self.assertEqual((opened["outcome"], opened["balance"], opened["held"]), ("ok", 90, 10))
        self.assertEqual(self.open(run, task=task)[1]["outcome"], "ok")  # its answer was lost
        self.assertEqual(self.open(run)[1]["outcome"], "open")  # somebody else opened it
        self.assertEqual(self.end(run)["outcome"], "more")  # chunks are left: not ready
        self.mean(run["space_id"])
        self.assertEqual(self.store(run, task, limit=2, mean_version=0)[0], "stale")
        outcome, args = self.store(run, task, limit=2)
        self.assertEqual(outcome, "ok")
        self.assertEqual(self.db.value("SELECT kb_embed_store($1, $2, $3, $4, $5, $6, $7, $8, $9)", *args), "ok")  # its answer was lost
        self.assertEqual(self.db.row("SELECT tokens, cost, vectors FROM kb_run WHERE task_id = $1", task), {"tokens": 14, "cost": 0.5, "vectors": 2})
        # the worker dies; whoever takes it up goes on with the third chunk, and the same task
        (again,) = self.take()
        self.assertEqual((again["left_chunks"], again["task_id"]), (0, task))  # nobody asks once there is a task
        self.assertEqual(self.store(again, task)[0], "ok")
        ended = self.end(again)
        self.assertEqual((ended["outcome"], ended["charged"], ended["balance"], ended["held"]), ("ok", 1, 99, 0))
        self.assertEqual(self.end(again)["outcome"], "gone")
        self.assertEqual(self.state(document)["state"], "ready")
        self.assertEqual(self.take(), [])
        self.assertEqual(self.db.row("SELECT count(*) AS n, sum(cost) AS cost, sum(request_tokens) AS tokens FROM usage WHERE task_id = $1", task),
                         {"n": 1, "cost": 1, "tokens": 21})

    def test_who_has_too_little(self):
        document = self.document()
        (run,) = self.take()
        self.assertEqual(self.open(run, hold=1000)[1]["outcome"], "insufficient")
        self.assertEqual(self.end(run, "failed", "insufficient_credits")["outcome"], "ok")
        self.assertEqual(self.state(document), {"current": 1, "next_version": None, "state": "failed", "code": "insufficient_credits"})
        self.assertEqual(self.credits(self.who), 100)
        self.assertEqual(self.db.value("SELECT kb_document_retry($1, $2, $3, $4, NULL)", self.who, self.base, document, new_id()), "ok")
        self.finish(document)
        self.assertEqual(self.state(document)["state"], "ready")
        self.assertEqual(self.db.value("SELECT kb_document_retry($1, $2, $3, $4, NULL)", self.who, self.base, document, new_id()), "conflict")

    def test_what_is_stopped_is_charged_as_far_as_it_came(self):
        document = self.document()
        (run,) = self.take()
        task, _ = self.open(run)
        self.mean(run["space_id"])
        self.store(run, task, limit=1)
        self.assertEqual(self.db.value("SELECT kb_document_cancel($1, $2, $3)", self.user(), self.base, document), None)
        self.assertEqual(self.db.value("SELECT kb_document_cancel($1, $2, $3)", self.who, self.base, document), 2)
        self.assertEqual(self.store(run, task)[0], "gone")
        self.assertEqual(self.end(run)["outcome"], "gone")
        self.assertEqual(self.credits(self.who), 99.5)
        self.assertEqual(self.db.value("SELECT kb_document_cancel($1, $2, $3)", self.who, self.base, document), 0)

    def test_a_task_that_is_to_be_cancelled(self):
        self.document()
        (run,) = self.take()
        task, _ = self.open(run)
        self.mean(run["space_id"])
        self.db.query("SELECT FROM task_cancel_request($1, $2)", task, self.who)
        self.assertEqual(self.store(run, task, limit=1)[0], "cancel")
        self.assertEqual(self.end(run, "cancelled", "cancelled")["charged"], 0.5)

    def test_skipped_counts(self):
        document = self.document(chunks=2)
        (run,) = self.take()
        task, _ = self.open(run)
        self.mean(run["space_id"])
        self.store(run, task, limit=1)
        self.store(run, task, skip=True)
        self.assertEqual(self.end(run)["outcome"], "ok")
        self.assertEqual(self.state(document), {"current": 1, "next_version": None, "state": "ready", "code": "some_skipped"})

    def test_a_version_takes_its_place_when_it_is_ready(self):
        document = self.document()
        self.finish()
        self.assertEqual(self.put("one")["outcome"], "duplicate")
        self.assertEqual(self.put("two", document)["outcome"], "ok")
        self.assertEqual(self.state(document), {"current": 1, "next_version": 2, "state": "pending", "code": None})
        self.parse(document, 2, chunks=2)
        self.assertEqual(self.db.value("SELECT count(*) FROM kb_chunk WHERE document_id = $1", document), 5)
        self.finish(document)
        self.assertEqual(self.state(document), {"current": 2, "next_version": None, "state": "ready", "code": None})
        self.assertEqual(self.db.query("SELECT DISTINCT version FROM kb_chunk WHERE document_id = $1", document), [{"version": 2}])
        self.assertEqual(self.db.query("SELECT version FROM kb_text WHERE document_id = $1 ORDER BY 1", document), [{"version": 1}, {"version": 2}])
        self.assertEqual(self.db.query("SELECT version FROM kb_version WHERE document_id = $1 AND object_id IS NOT NULL", document), [{"version": 2}])

    def test_a_space_is_built_beside(self):
        documents = [self.document("one"), self.document("two")]
        for _ in documents:
            self.finish()
        old = self.db.value("SELECT id FROM kb_space WHERE kb_id = $1", self.base)
        self.assertTrue(self.db.value("SELECT kb_set_model($1, $2, false)", self.base, self.model2))
        self.finish()
        self.assertEqual(self.db.value("SELECT id FROM kb_space WHERE kb_id = $1 AND state = 'active'", self.base), old)
        self.finish()
        self.assertEqual(self.db.query("SELECT model, state FROM kb_space WHERE kb_id = $1 ORDER BY id", self.base),
                         [{"model": "m1", "state": "retired"}, {"model": "m2", "state": "active"}])
        while self.db.value("SELECT kb_sweep(100, 90)"):
            pass
        self.assertEqual(self.db.value("SELECT count(*) FROM kb_vec WHERE space_id = $1", old), 0)
        self.assertEqual(self.db.value("SELECT count(*) FROM kb_vec e JOIN kb_space s ON s.id = e.space_id WHERE s.kb_id = $1", self.base), 6)

    def test_a_better_mean(self):
        self.document()
        self.finish()
        space = self.db.value("SELECT id FROM kb_space WHERE kb_id = $1", self.base)
        chunks = [r["chunk_id"] for r in self.db.query("SELECT chunk_id FROM kb_vec WHERE space_id = $1", space)]
        new = [{"c": int(c), "b": "1" * DIMS, "v": base64.b64encode(floats(0.02) + b"\1" * DIMS).decode()} for c in chunks]
        args = (space, floats(*[0.2] * DIMS), 32)
        self.assertFalse(self.db.value("SELECT kb_space_recentre($1, 0, $2, $3, $4)", *args, json.dumps(new)))  # changed meanwhile
        self.assertFalse(self.db.value("SELECT kb_space_recentre($1, 1, $2, $3, $4)", *args, json.dumps(new[1:])))  # one was added
        self.assertTrue(self.db.value("SELECT kb_space_recentre($1, 1, $2, $3, $4)", *args, json.dumps(new)))
        self.assertEqual(self.db.query("SELECT DISTINCT code::text AS code FROM kb_code WHERE space_id = $1", space), [{"code": "1" * DIMS}])
        self.assertEqual(self.db.row("SELECT mean_count, mean_version FROM kb_space WHERE id = $1", space), {"mean_count": 32, "mean_version": 2})

    def test_batches_are_counted(self):
        self.document()
        (run,) = self.take()
        task, _ = self.open(run)
        self.mean(run["space_id"])
        for _ in range(2):
            self.assertEqual(self.store(run, task, limit=2)[0], "ok")
        self.assertEqual(self.db.query("SELECT batch, count(*) AS n FROM kb_code WHERE space_id = $1 GROUP BY 1 ORDER BY 1", run["space_id"]),
                         [{"batch": 1, "n": 2}, {"batch": 2, "n": 1}])
        self.assertEqual(self.db.value("SELECT batch FROM kb_search_bases($1, ARRAY[$2::uuid], '{0}')", self.who, self.base), 2)

    def words(self, base, terms, shares=None, chunks=20, gate=3000, limit=100):
        """What kb_search_words() finds: [(ord, lexical)], and idf_total."""
        rows = self.db.query("SELECT c.ord, w.lexical, w.idf_total FROM kb_search_words(ARRAY[$1::uuid], $2, $3, $4, NULL, $5, 24, $6) AS w"
                             " LEFT JOIN kb_chunk c ON c.id = w.chunk_id ORDER BY w.lexical DESC, c.ord",
                             base, chunks, "{" + ",".join(terms) + "}", shares, gate, limit)
        return [(r["ord"], r["lexical"] and float(r["lexical"])) for r in rows], float(rows[0]["idf_total"])

    def worded(self, base):
        """20 chunks: a word in all, another in the last four, twice in the very last, a third in every second."""
        document = self.document(content=base, chunks=20, base=base)
        self.db.query("UPDATE kb_chunk SET ntok = 100, tsv = array_to_tsvector(ARRAY[kb_lexeme(kb_id)]) || ('everywhere:1 ' || CASE WHEN ord >= 16"
                      " THEN 'seldom:2 ' ELSE '' END || CASE ord WHEN 19 THEN 'seldom:3 ' ELSE '' END || CASE WHEN ord % 2 = 0 THEN 'even:4' ELSE '' END)::tsvector"
                      " WHERE document_id = $1", document)
        return document

    def test_words_by_how_rare_and_how_often_they_are(self):
        other = new_id()
        self.assertEqual(self.db.value("SELECT kb_create($1, $2, 'others', '', NULL, 250, 15, 10)", other, self.who), "ok")
        document = self.worded(self.base)
        self.worded(other)
        found, total = self.words(self.base, ["seldom", "everywhere", "even"])
        self.assertEqual([n for n, _ in found], [16, 18, 19, 17, *range(0, 16, 2), *range(1, 16, 2)])
        self.assertGreater(dict(found)[19], dict(found)[17])
        self.assertAlmostEqual(found[0][1], total, places=4)  # all of the words, once each
        self.assertEqual(self.words(self.base, ["seldom"])[0][0][0], 19)
        # what is nowhere counts in the total, and one row tells it
        found, more = self.words(self.base, ["seldom", "nowhere"])
        self.assertTrue(len(found) == 4 and more > total)
        found, more = self.words(self.base, ["nowhere"])
        self.assertTrue(found == [(None, None)] and more > 0)
        # in more chunks than the gate lets in, the rarest words say which are looked at; the others count in those
        found, _ = self.words(self.base, ["everywhere", "even", "seldom"], "{1,0.5,0.2}", gate=5)
        self.assertEqual([n for n, _ in found], [16, 18, 19, 17])
        self.assertEqual([n for n, _ in self.words(self.base, ["everywhere"], "{1}", gate=5, limit=3)[0]], [0, 1, 2])
        # chunks of versions that are not shown are not found
        self.db.query("UPDATE kb_document SET version = 2 WHERE id = $1", document)
        self.assertEqual(self.words(self.base, ["seldom"])[0], [(None, None)])

    def test_deletion_leaves_nothing(self):
        document = self.document(new_id())
        (run,) = self.take()
        task, _ = self.open(run)
        self.mean(run["space_id"])
        self.store(run, task, limit=1)
        other = self.document(new_id())
        objects = [r["id"] for r in self.db.query(
            "SELECT object_id AS id FROM kb_version WHERE kb_id = $1 UNION SELECT object_id FROM kb_text WHERE document_id = ANY (ARRAY[$2, $3]::uuid[])",
            self.base, document, other)]
        chunks = [r["id"] for r in self.db.query("SELECT id FROM kb_chunk WHERE kb_id = $1", self.base)]
        self.assertEqual((len(objects), len(chunks)), (4, 6))
        self.db.query("SELECT kb_document_delete($1, $2, $3)", self.who, self.base, document)
        self.assertEqual(self.credits(self.who), 99.5)
        self.assertEqual(self.db.value("SELECT count(*) FROM kb_chunk WHERE kb_id = $1", self.base), 3)
        self.assertTrue(self.db.value("SELECT kb_delete($1, $2)", self.who, self.base))
        self.assertFalse(self.db.value("SELECT kb_delete($1, $2)", self.who, self.base))
        while self.db.value("SELECT kb_sweep(100, 90)"):
            pass
        for table in ("kb", "kb_document", "kb_version"):
            self.assertEqual(self.db.value(f"SELECT count(*) FROM {table} WHERE user_id = $1", self.who), 0, table)
        for table in ("kb_text", "kb_run"):
            self.assertEqual(self.db.value(f"SELECT count(*) FROM {table} WHERE document_id = ANY (ARRAY[$1, $2]::uuid[])", document, other), 0, table)
        for table, column in (("kb_chunk", "id"), ("kb_vec", "chunk_id"), ("kb_code", "chunk_id")):
            self.assertEqual(self.db.value(f"SELECT count(*) FROM {table} WHERE {column} BETWEEN $1 AND $2", min(chunks), max(chunks)), 0, table)
        self.assertEqual(self.db.value("SELECT count(*) FROM kb_space WHERE kb_id = $1", self.base), 0)
        for object_id in objects:
            self.assertEqual(self.db.value("SELECT uses FROM objects WHERE id = $1", object_id), 0)

    def test_limits_and_who_reads(self):
        for i in range(5):
            self.assertEqual(self.put(f"n{i}")["outcome"], "ok")
        self.assertEqual(self.put("n6")["outcome"], "too_many")
        self.assertEqual(self.put("x", base=new_id())["outcome"], "not_found")
        self.assertEqual(self.db.value("SELECT kb_create($1, $2, 'b', '', NULL, 250, 15, 1)", new_id(), self.who), "limit")
        other = self.user()
        self.assertFalse(self.db.value("SELECT kb_may_read($1, $2)", self.base, other))
        self.assertEqual(self.db.query("SELECT * FROM kb_set_share($1, $2)", self.base, json.dumps({"users": [other + "@EXAMPLE.org"]})), [])
        self.assertTrue(self.db.value("SELECT kb_may_read($1, $2)", self.base, other))
        self.assertEqual(self.db.query("SELECT * FROM kb_set_share($1, $2)", self.base, json.dumps({"groups": ["nobody"], "users": []})),
                         [{"field": "groups", "name": "nobody"}])
        self.assertFalse(self.db.value("SELECT kb_may_read($1, $2)", self.base, other))
        self.db.query("SELECT * FROM kb_set_share($1, $2)", self.base, json.dumps({"groups": ["default"]}))
        self.assertTrue(self.db.value("SELECT kb_may_read($1, $2)", self.base, other))

    def test_what_no_job_does_is_found(self):
        self.put("lost")
        self.assertEqual(self.db.query("SELECT * FROM kb_idle(10) WHERE user_id = $1", self.who), [])
        self.db.query("UPDATE jobs SET status = 'dead', ended_at = now() WHERE user_id = $1", self.who)
        self.assertEqual([r["kind"] for r in self.db.query("SELECT * FROM kb_idle(10) WHERE user_id = $1", self.who)], ["knowledge_parse"])

    def test_what_is_interrupted_again_and_again_fails(self):
        document = self.put("poison")["document_id"]
        for _ in range(3):
            self.assertEqual(len(self.db.query("SELECT * FROM kb_parse_take($1, NULL, $2, 3)", self.who, self.job)), 1)
        self.assertEqual(self.db.query("SELECT * FROM kb_parse_take($1, NULL, $2, 3)", self.who, self.job), [])
        self.assertEqual(self.state(document)["code"], "interrupted")


if __name__ == "__main__":
    unittest.main()
