-- Versions of questions and answers, why an answer ended, and what its reader thinks of it.

-- It reads rows of the table, which PostgreSQL 17 does not let grow then; it comes again with its area.
DROP FUNCTION IF EXISTS message_json(conversation_messages);
ALTER TABLE conversation_messages
	ADD COLUMN parent_id uuid,
	ADD COLUMN chosen boolean NOT NULL DEFAULT true,
	ADD COLUMN active boolean NOT NULL DEFAULT true,
	ADD COLUMN finish varchar(20),
	ADD COLUMN verdict varchar(4) CHECK (verdict IN ('up', 'down')),
	ADD COLUMN verdict_note varchar(2000),
	ADD COLUMN verdict_at timestamptz CHECK ((verdict_at IS NULL) = (verdict IS NULL));
CREATE INDEX conversation_messages_verdict ON conversation_messages (verdict_at DESC, id DESC) WHERE verdict IS NOT NULL;
COMMENT ON COLUMN conversation_messages.parent_id IS
	'The message before it: of an answer its question, of a question the answer that it follows; NULL: none. Messages of one role with one parent are versions of each other. No foreign key: messages_delete() sees to it.';
COMMENT ON COLUMN conversation_messages.chosen IS 'The version shown among those of its parent, whether that is shown or not.';
COMMENT ON COLUMN conversation_messages.active IS
	'It and all before it are chosen: it is part of the conversation as it is shown and goes upstream. Along these, sequences increase.';
COMMENT ON COLUMN conversation_messages.finish IS 'Why the answer ended: stop, length, content_filter, tool_calls, other; NULL: unknown, or not by itself.';
COMMENT ON COLUMN conversation_messages.verdict IS 'What its reader thinks of an answer: up or down; NULL: nothing said.';
COMMENT ON COLUMN conversation_messages.verdict_note IS 'In words; NULL: none.';
COMMENT ON COLUMN conversation_messages.verdict_at IS 'When it was said last.';

-- What is there: an answer belongs to the question of its task, or to the last one before it. Of several the last good
-- one is shown, if the conversation had not gone on when it was made.
CREATE TEMPORARY TABLE versions ON COMMIT DROP AS
	SELECT a.id, q.id AS question_id, NOT a.too_late AND row_number() OVER (PARTITION BY q.id
		ORDER BY a.too_late, (a.status = 'success') DESC, a.sequence DESC) = 1 AS is_shown
	FROM (SELECT m.id, m.conversation_id, m.status, m.sequence, coalesce(t.user_message_id, before.id) AS question_id,
			EXISTS (SELECT FROM conversation_messages n WHERE n.conversation_id = m.conversation_id AND n.role = 'user'
				AND n.sequence < m.sequence AND n.sequence > (SELECT o.sequence FROM conversation_messages o
					WHERE o.id = coalesce(t.user_message_id, before.id))) AS too_late
		FROM conversation_messages m
			LEFT JOIN tasks t ON t.id = m.task_id
			LEFT JOIN LATERAL (SELECT u.id FROM conversation_messages u
				WHERE u.conversation_id = m.conversation_id AND u.role = 'user' AND u.sequence < m.sequence
				ORDER BY u.sequence DESC LIMIT 1) AS before ON true
		WHERE m.role = 'assistant') AS a
		JOIN conversation_messages q ON q.id = a.question_id AND q.conversation_id = a.conversation_id AND q.sequence < a.sequence;
UPDATE conversation_messages m SET parent_id = v.question_id, chosen = false, active = false
FROM versions v WHERE v.id = m.id AND NOT v.is_shown;
UPDATE conversation_messages m SET parent_id = b.before
FROM (SELECT s.id, lag(s.id) OVER (PARTITION BY s.conversation_id ORDER BY s.sequence) AS before
	FROM conversation_messages s WHERE s.active) AS b
WHERE b.id = m.id AND b.before IS NOT NULL;
