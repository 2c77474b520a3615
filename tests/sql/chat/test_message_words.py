"""message_words: what is noted of messages, when it is due, and what becomes of it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sqltest import DatabaseTest, new_id  # noqa: E402


class WordsTest(DatabaseTest):
    def due(self, db=None, limit=100):
        return (db or self.db).query("SELECT * FROM message_words_due($1)", limit)

    def put(self, rows, db=None):
        """As weir-worker does it; the words of these texts are their words."""
        words = [{"id": r["message_id"], "words": r["content"] and " ".join(f"'{w}'" for w in r["content"].split())}
                 for r in rows]
        (db or self.db).query("SELECT message_words_put($1, $2)", words, rows[0]["news"])

    def note(self, limit=100):
        """All that is due, step by step; the number of steps."""
        steps = 0
        while rows := self.due(limit=limit):
            self.put(rows)
            steps += 1
        return steps

    def words(self, message):
        found = self.db.query("SELECT array_to_string(tsvector_to_array(words), ' ') AS w FROM message_words"
                              " WHERE message_id = $1", message)
        return [w for w in found[0]["w"].split() if w[0] != "="] if found else None

    def find(self, user, query):
        return [r["message_id"] for r in self.db.query(
            "SELECT message_id FROM message_words WHERE user_id = $1 AND words @@ ($2::tsquery && quote_literal(message_lexeme($1))::tsquery)",
            user, query)]

    def news(self):
        return self.db.value("SELECT count(*) FROM message_news")


class Noted(WordsTest):
    def test_a_turn(self):
        user = self.user(10)
        conversation = self.conversation(user)
        self.note()
        task, row = self.open(user, conversation, content="what is this")
        question, answer = row["user_message"]["id"], row["assistant_message"]["id"]
        self.assertEqual(self.news(), 1, "the question alone: nothing is answered yet")
        self.note()
        self.assertEqual((self.words(question), self.words(answer)), (["is", "this", "what"], None))
        self.settle(task, content="a weir")
        self.assertEqual(self.news(), 1)
        self.note()
        self.assertEqual((self.news(), self.words(answer)), (0, ["a", "weir"]))
        self.assertEqual(self.find(user, "weir"), [answer])
        self.assertEqual(self.find(self.user(), "weir"), [], "another's")

    def test_another_version_is_another_row(self):
        user = self.user(10)
        conversation = self.conversation(user)
        task, row = self.open(user, conversation, content="old question")
        self.settle(task, content="old answer")
        again, other = self.open(user, conversation, mode="regenerate_new", target=row["assistant_message"]["id"])
        self.settle(again, content="new answer")
        self.note()
        self.assertEqual(self.words(row["assistant_message"]["id"]), ["answer", "old"])
        self.assertEqual(self.words(other["assistant_message"]["id"]), ["answer", "new"])

    def test_filled_again(self):
        """What fails has no words; filled in place it has those of the new text; put back it has the old ones."""
        user = self.user(10)
        conversation = self.conversation(user)
        task, row = self.open(user, conversation)
        answer = row["assistant_message"]["id"]
        self.fail_turn(task, content="a piece")
        self.note()
        self.assertEqual(self.words(answer), ["a", "piece"])
        task, _ = self.open(user, conversation, mode="regenerate_in_place", target=answer)
        self.note()
        self.assertIsNone(self.words(answer), "it is being written")
        self.fail_turn(task)
        self.note()
        self.assertEqual(self.words(answer), ["a", "piece"])
        task, _ = self.open(user, conversation, mode="regenerate_in_place", target=answer)
        self.settle(task, content="the whole")
        self.note()
        self.assertEqual(self.words(answer), ["the", "whole"])

    def test_what_is_no_change_is_no_news(self):
        user = self.user(10)
        task, row = self.open(user, self.conversation(user))
        self.settle(task)
        self.note()
        self.db.query("UPDATE conversation_messages SET verdict = 'up', verdict_at = now(), content = content WHERE id = $1",
                      row["assistant_message"]["id"])
        self.assertEqual(self.news(), 0)


class Gone(WordsTest):
    def test_deleted(self):
        user = self.user(10)
        conversation = self.conversation(user)
        task, row = self.open(user, conversation, content="first words")
        question, answer = row["user_message"]["id"], row["assistant_message"]["id"]
        self.settle(task, content="second words")
        self.note()
        self.assertEqual(set(self.find(user, "words")), {question, answer})
        self.db.query("SELECT messages_delete($1, $2, $3, false)", user, conversation, question)
        self.assertEqual(self.find(user, "words"), [])
        self.open(user, conversation, content="third words")
        self.note()
        self.db.query("SELECT conversation_delete($1, $2)", user, conversation)
        self.assertEqual(self.db.value("SELECT count(*) FROM message_words WHERE user_id = $1", user), 0)

    def test_deleted_before_it_was_noted(self):
        user = self.user(10)
        conversation = self.conversation(user)
        self.note()
        self.open(user, conversation, content="gone")
        self.db.query("SELECT conversation_delete($1, $2)", user, conversation)
        self.note()
        self.assertEqual((self.news(), self.find(user, "gone")), (0, []))

    def test_deleted_meanwhile(self):
        """Whoever notes does not wait for who deletes; and what is not deleted after all is noted later."""
        user = self.user(10)
        conversation = self.conversation(user)
        self.note()
        _, row = self.open(user, conversation, content="perhaps")
        question = row["user_message"]["id"]
        with self.connect() as other:
            other.script("BEGIN")
            other.query("SELECT messages_delete($1, $2, $3, false)", user, conversation, question)
            self.db.script("BEGIN; SET LOCAL lock_timeout = '30s'")
            self.put(self.due())
            self.db.script("COMMIT")
            self.assertIsNone(self.words(question))
            other.script("ROLLBACK")
        self.assertEqual(self.news(), 1)
        self.note()
        self.assertEqual(self.words(question), ["perhaps"])


class Past(WordsTest):
    def test_what_was_there_before(self):
        """As after an upgrade: messages without news are noted in steps, the newest first, and once."""
        user = self.user(10)
        conversation = self.conversation(user)
        ids = sorted(new_id() for _ in range(25))
        for n, ident in enumerate(ids):
            self.db.query("INSERT INTO conversation_messages (id, conversation_id, user_id, sequence, role, content, status)"
                          " VALUES ($1, $2, $3, $4, 'user', $5, 'success')", ident, conversation, user, n + 1, f"word{n}")
        self.db.query("DELETE FROM message_news")
        self.db.query("UPDATE message_words_past SET before_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff'")
        self.put(self.due(limit=10))
        self.assertEqual([self.words(ids[24]), self.words(ids[15]), self.words(ids[14])], [["word24"], ["word15"], None])
        self.open(user, self.conversation(user), content="now")
        rows = self.due(limit=10)
        self.assertEqual([r["content"] for r in rows], ["now"], "what is new comes before what is old")
        self.put(rows)
        self.note(limit=10)
        self.assertTrue(all(self.words(i) for i in ids))
        self.assertIsNone(self.db.value("SELECT before_id FROM message_words_past"))
        self.assertEqual(self.due(), [])

    def test_one_at_a_time(self):
        user = self.user(10)
        self.note()
        self.open(user, self.conversation(user), content="mine")
        with self.connect() as other:
            other.script("BEGIN")
            self.assertEqual(len(self.due(other)), 1)
            self.assertEqual(self.due(), [], "another does it")
            other.script("ROLLBACK")
        self.assertEqual(len(self.due()), 1)


if __name__ == "__main__":
    unittest.main()
