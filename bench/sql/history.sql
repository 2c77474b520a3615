-- Two users for B6. Large: :many messages, nine tenths in conversations of 100, one tenth in one conversation.
-- Small: 1,000 messages in ten conversations of 100. Rows as finished turns leave them.
SET session_replication_role = replica;	-- what is made here is sound; checking it row by row would take minutes
INSERT INTO users (id, email) VALUES
	('00000000-0000-7000-8004-000000000001', 'large@history'), ('00000000-0000-7000-8004-000000000002', 'small@history');
INSERT INTO sessions (id, user_id, expires_at) VALUES
	('00000000-0000-7000-8005-000000000001', '00000000-0000-7000-8004-000000000001', now() + interval '1 day'),
	('00000000-0000-7000-8005-000000000002', '00000000-0000-7000-8004-000000000002', now() + interval '1 day');
CREATE TEMPORARY TABLE made AS
	SELECT ('00000000-0000-7000-8006-' || lpad(to_hex(n), 12, '0'))::uuid AS id, '00000000-0000-7000-8004-000000000001'::uuid AS user_id,
		n, CASE WHEN n = 0 THEN :many / 10 ELSE 100 END AS messages
	FROM generate_series(0, (:many - :many / 10) / 100) n
	UNION ALL
	SELECT ('00000000-0000-7000-8007-' || lpad(to_hex(n), 12, '0'))::uuid, '00000000-0000-7000-8004-000000000002', n, 100
	FROM generate_series(1, 10) n;
INSERT INTO conversations (id, user_id, title, last_sequence, message_count, total_tokens, created_at, updated_at)
SELECT id, user_id, 'About number ' || n, messages, messages, messages * 40, now() - make_interval(mins => n), now() - make_interval(mins => n)
FROM made;
INSERT INTO conversation_messages (id, conversation_id, user_id, sequence, role, content, status, model, input_tokens, output_tokens)
SELECT (lpad(to_hex(n), 8, '0') || '-0000-7000-' || substr(id::text, 20, 4) || '-' || lpad(to_hex(s), 12, '0'))::uuid, id, user_id, s,
	CASE s % 2 WHEN 1 THEN 'user' ELSE 'assistant' END,
	repeat('A line of an answer, as long as most. ', 4), 'success', CASE s % 2 WHEN 0 THEN 'demo' END, 20, 20
FROM made, generate_series(1, messages) s ORDER BY s, n;
DROP TABLE made;
VACUUM ANALYZE conversations;
VACUUM ANALYZE conversation_messages;
