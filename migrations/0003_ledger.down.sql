-- Its functions too, those of functions/ledger.sql.

DROP TRIGGER IF EXISTS users_history ON users;
DROP FUNCTION IF EXISTS credits_extend, refund_credits, credits_refund, credits_confirm, credits_end_holds,
	credits_end_hold, credits_hold, credits_take, credits_held, credits_grant, deduct_credits_atomic;
DROP TABLE credit_transactions, credits_history;
DROP TYPE hold_ended, hold_end, hold_taken, credits_change_type;
DROP DOMAIN hold_status, hold_type, credits_positive;
DROP FUNCTION IF EXISTS check_hold, credits_history_forget, credits_history_refuse_change;
