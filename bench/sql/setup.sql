-- Accounts and conversations for the pgbench scripts beside this file, in a migrated database.
-- psql -v accounts=10000 -f setup.sql
INSERT INTO processes (id, kind, host, pid)
VALUES ('00000000-0000-7000-8000-000000000000', 'bench', 'bench', 0) ON CONFLICT DO NOTHING;
INSERT INTO llm_models (id, name) VALUES (1000001, 'bench') ON CONFLICT DO NOTHING;
SELECT model_set_base_price(1000001, 'input', 10), model_set_base_price(1000001, 'output', 20);
INSERT INTO users (id, email)
SELECT ('00000000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@bench' FROM generate_series(1, :accounts) n;
SELECT count(*) FROM generate_series(1, :accounts) n,
	credits_grant(('00000000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, 1000000, 'purchase', 'bench', NULL);
INSERT INTO conversations (id, user_id)
SELECT ('00000000-0000-7000-8002-' || lpad(to_hex(n), 12, '0'))::uuid, ('00000000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid
FROM generate_series(1, :accounts) n;
VACUUM ANALYZE;
