-- pgbench -M prepared -D seq=0 -D run=1 -D accounts=10000
-- The same money moved statement by statement, as a program without such functions would: the baseline of hold_settle.sql.
\set account random(1, :accounts)
\set seq :seq + 1
SELECT (lpad(to_hex(:run::bigint), 8, '0') || lpad(to_hex((:seq * 256 + :client_id)::bigint), 24, '0')) AS task, ('00000000-0000-7000-8001-' || lpad(to_hex(:account::bigint), 12, '0')) AS account_id \gset
BEGIN;
UPDATE users SET credits = credits - 1, updated_at = now() WHERE id = :account_id::uuid AND credits >= 1;
INSERT INTO credit_transactions (id, task_id, user_id, amount, reason) VALUES (:task::uuid, :task::uuid, :account_id::uuid, 1, 'bench');
INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, task_id)
SELECT id, 'hold', -1, credits, :task::uuid FROM users WHERE id = :account_id::uuid;
COMMIT;
BEGIN;
UPDATE credit_transactions SET status = 'confirmed', used = 0.25, settled_at = now(), confirmed_at = now() WHERE task_id = :task::uuid AND status = 'pending';
UPDATE users SET credits = credits + 0.75, updated_at = now() WHERE id = :account_id::uuid;
INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, task_id)
SELECT id, 'hold_release', 1, credits + 0.25, :task::uuid FROM users WHERE id = :account_id::uuid;
INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, task_id)
SELECT id, 'chat_cost', -0.25, credits, :task::uuid FROM users WHERE id = :account_id::uuid;
COMMIT;
