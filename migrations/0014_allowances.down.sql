-- Allowances that live go back to their accounts first.
WITH back AS (
	SELECT a.user_id, sum(a.amount) AS amount FROM allowances a WHERE a.ended_at IS NULL AND a.amount > 0 GROUP BY a.user_id
), paid AS (
	UPDATE users u SET credits = u.credits + b.amount FROM back b WHERE u.id = b.user_id RETURNING u.id, u.credits, b.amount
)
INSERT INTO credits_history (user_id, change_type, change_amount, balance_after, description)
SELECT p.id, 'hold_release', p.amount, p.credits, 'api: set aside' FROM paid p;
DROP FUNCTION IF EXISTS allowance_room, allowance_fill,
	allowance_return(uuid, uuid, int, numeric), allowances_end(uuid), allowances_expire(int), allowances_pending(uuid, uuid),
	relay_round(relay_call[]), relay_pay(relay_call[]), relay_note(relay_call[]), relay_key_held(uuid, uuid);
DROP TYPE relay_cost, relay_paid, relay_call;
DROP VIEW IF EXISTS audit_broken, audit_ledger;
DROP INDEX usage_call;
ALTER TABLE usage DROP COLUMN allowance_id;
ALTER TABLE credits_history DROP COLUMN allowance_id;
DROP TABLE allowances;
DROP TRIGGER IF EXISTS api_keys_version ON api_keys;
DROP TRIGGER IF EXISTS users_keys_version ON users;
DROP FUNCTION IF EXISTS keys_changed();
DROP TABLE keys_version;
