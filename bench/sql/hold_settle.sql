-- pgbench -M prepared
-- One hold and its confirmation, each a transaction, as two calls. -D accounts=1 is the hot account.
\set account random(1, :accounts)
SELECT gen_random_uuid() AS task, ('00000000-0000-7000-8001-' || lpad(to_hex(:account::bigint), 12, '0')) AS account_id \gset
SELECT * FROM credits_hold(:task::uuid, gen_random_uuid(), :account_id::uuid, 1, 'bench', 600);
SELECT * FROM credits_confirm(:task::uuid, 0.25, 'chat_cost');
