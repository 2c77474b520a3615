-- pgbench -M prepared -D seq=0 -D run=1 -D accounts=10000
-- One hold and its confirmation, each a call and a transaction of its own. accounts=1 is the hot account.
-- Task ids grow, as UUIDv7 do; run tells runs apart.
\set account random(1, :accounts)
\set seq :seq + 1
SELECT * FROM credits_hold((lpad(to_hex(:run::bigint), 8, '0') || lpad(to_hex((:seq * 256 + :client_id)::bigint), 24, '0'))::uuid, (lpad(to_hex(:run::bigint), 8, '0') || lpad(to_hex((:seq * 256 + :client_id)::bigint), 24, '0'))::uuid, ('00000000-0000-7000-8001-' || lpad(to_hex(:account::bigint), 12, '0'))::uuid, 1, 'bench', 600);
SELECT * FROM credits_confirm((lpad(to_hex(:run::bigint), 8, '0') || lpad(to_hex((:seq * 256 + :client_id)::bigint), 24, '0'))::uuid, 0.25, 'chat_cost');
