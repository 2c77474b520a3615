-- pgbench -M prepared
-- A whole chat turn: turn_open and turn_settle, one call and one transaction each.
\set account random(1, :accounts)
SELECT gen_random_uuid() AS task, ('00000000-0000-7000-8001-' || lpad(to_hex(:account::bigint), 12, '0')) AS account_id, ('00000000-0000-7000-8002-' || lpad(to_hex(:account::bigint), 12, '0')) AS conversation \gset
SELECT * FROM turn_open(:task::uuid, gen_random_uuid(), :account_id::uuid, :conversation::uuid, gen_random_uuid(), gen_random_uuid(), 'What is the answer to all of it, in one short paragraph?', NULL, 1000001, 1, 600, '00000000-0000-7000-8000-000000000000', NULL, NULL, NULL, 'send', NULL, 'Title', NULL, NULL, NULL);
SELECT * FROM turn_settle(:task::uuid, '00000000-0000-7000-8000-000000000000', 'completed', 'success', repeat('A short answer of some words. ', 10), NULL, NULL, NULL, 50, 100, false, 0.25, 1000001, NULL, 900, 200, 'bench');
