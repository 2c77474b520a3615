-- Credits: the history of every balance, and holds.

CREATE TYPE credits_change_type AS ENUM (
	'signup_gift', 'invitation_gift', 'purchase', 'admin_adjustment', 'refund',
	'hold', 'hold_release',
	'chat_cost', 'image_generation_cost', 'video_generation_cost'
);
COMMENT ON TYPE credits_change_type IS
	'Why a balance changed. Names ending in _cost are spending; hold and hold_release only set credits aside and give them back; all others are grants or corrections.';

CREATE TABLE credits_history (
	user_id uuid NOT NULL,
	id bigint GENERATED ALWAYS AS IDENTITY,
	change_type credits_change_type NOT NULL,
	change_amount credits_change NOT NULL,
	balance_after credits_amount NOT NULL,
	description text NOT NULL DEFAULT '',
	task_id uuid,
	actor_id uuid,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (user_id, id)
);
COMMENT ON TABLE credits_history IS
	'Append-only ledger: every change of a balance with the balance after it. A paid turn writes three rows (hold, hold_release, its cost), a refunded one two. Grows by about 120 bytes and one index entry per row; balances rebuild from it alone.';
COMMENT ON COLUMN credits_history.user_id IS
	'Whose balance changed. No foreign key: the functions that write here have just changed the user''s row; deleting a user removes its history by trigger.';
COMMENT ON COLUMN credits_history.id IS 'Increases in the order in which changes were applied to the user (drawn while the user''s row is locked).';
COMMENT ON COLUMN credits_history.change_type IS 'Why; see type credits_change_type.';
COMMENT ON COLUMN credits_history.change_amount IS 'Signed change in credits; never zero.';
COMMENT ON COLUMN credits_history.balance_after IS 'Available balance after the change.';
COMMENT ON COLUMN credits_history.description IS 'Reason in words, for the user''s own list.';
COMMENT ON COLUMN credits_history.task_id IS 'The task held or charged for; NULL for grants and direct deductions. No foreign key: history outlives what it describes.';
COMMENT ON COLUMN credits_history.actor_id IS 'Who granted or adjusted; NULL for the system.';
COMMENT ON COLUMN credits_history.created_at IS 'Time of the transaction that changed the balance.';

GRANT SELECT, INSERT ON credits_history TO weir_service;
GRANT DELETE ON credits_history TO weir_service; -- of users who are gone: credits_history_append_only refuses the rest

CREATE DOMAIN credits_positive AS numeric(20,6) CHECK (VALUE > 0 AND VALUE <> 'NaN');
COMMENT ON DOMAIN credits_positive IS 'Credits, more than none.';
CREATE DOMAIN hold_type AS varchar(20) CHECK (VALUE IN ('lock', 'deduct', 'refund'));
COMMENT ON DOMAIN hold_type IS 'Kinds of transaction; holds are lock.';
CREATE DOMAIN hold_status AS varchar(20) CHECK (VALUE IN ('pending', 'confirmed', 'refunded', 'expired'));
COMMENT ON DOMAIN hold_status IS 'pending until it ends, once, in one of the other three.';

CREATE TABLE credit_transactions (
	id uuid PRIMARY KEY,
	task_id uuid NOT NULL CONSTRAINT idx_credit_tx_task UNIQUE,
	user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
	amount credits_positive NOT NULL,
	used credits_amount NOT NULL DEFAULT 0,
	type hold_type NOT NULL DEFAULT 'lock',
	status hold_status NOT NULL DEFAULT 'pending',
	reason varchar(100),
	created_at timestamptz NOT NULL DEFAULT now(),
	confirmed_at timestamptz,
	settled_at timestamptz,
	expires_at timestamptz NOT NULL DEFAULT now() + interval '10 minutes'
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX idx_credit_tx_user ON credit_transactions (user_id, created_at DESC);
CREATE INDEX idx_credit_tx_status ON credit_transactions (status, expires_at) WHERE status = 'pending';
COMMENT ON TABLE credit_transactions IS
	'Holds. Inserted when a paid task opens, updated once when it ends; about 200 bytes and four index entries each. idx_credit_tx_task is the index of the unique constraint.';
COMMENT ON COLUMN credit_transactions.id IS 'UUIDv7.';
COMMENT ON COLUMN credit_transactions.task_id IS 'Idempotency key: one hold per task. No foreign key, so that a hold may precede its task''s row.';
COMMENT ON COLUMN credit_transactions.user_id IS 'Whose credits.';
COMMENT ON COLUMN credit_transactions.amount IS 'Credits held.';
COMMENT ON COLUMN credit_transactions.used IS 'Credits kept at the end; amount - used went back. Zero unless confirmed.';
COMMENT ON COLUMN credit_transactions.type IS 'lock: a hold, the only kind the functions write. deduct and refund are reserved.';
COMMENT ON COLUMN credit_transactions.status IS 'pending until it ends, once, as confirmed, refunded or expired.';
COMMENT ON COLUMN credit_transactions.reason IS 'What the hold is for, or why it went back.';
COMMENT ON COLUMN credit_transactions.created_at IS 'When it was taken.';
COMMENT ON COLUMN credit_transactions.confirmed_at IS 'When it was confirmed; NULL for any other end.';
COMMENT ON COLUMN credit_transactions.settled_at IS 'When it ended, in whichever way; NULL while pending.';
COMMENT ON COLUMN credit_transactions.expires_at IS 'End of the lease; extended by the owner''s heartbeat while the task lives.';

ALTER TABLE credit_transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY credit_transactions_service_all ON credit_transactions FOR ALL TO weir_service USING (true) WITH CHECK (true);
CREATE POLICY credit_transactions_owner_select ON credit_transactions FOR SELECT TO weir_user
	USING (user_id = nullif(current_setting('weir.user_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON credit_transactions TO weir_service;
GRANT SELECT ON credit_transactions TO weir_user;

CREATE TYPE hold_taken AS (outcome text, balance numeric);
COMMENT ON TYPE hold_taken IS 'What credits_take() answers.';
CREATE TYPE hold_end AS (task_id uuid, status text, used numeric, change_type credits_change_type, reason text);
COMMENT ON TYPE hold_end IS 'How one hold shall end: what credits_end_holds() is asked.';
CREATE TYPE hold_ended AS (task_id uuid, ended boolean, held numeric, charged numeric, balance numeric);
COMMENT ON TYPE hold_ended IS 'How one hold ended: what credits_end_holds() answers.';
