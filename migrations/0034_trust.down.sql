DROP FUNCTION IF EXISTS account_leave, account_erase_begin, account_erase;
DROP TABLE account_exports, account_exits, oidc_flows, user_identities, sign_in_challenges, recovery_codes, user_factors;
COMMENT ON COLUMN sessions.revoke_reason IS 'logout, password_change, token_reuse, disabled, reset.';
