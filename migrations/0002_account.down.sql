-- Its functions too, those of functions/account.sql.

DROP TABLE invitations, password_resets, refresh_tokens, sessions, users;
DROP DOMAIN user_status, user_role;
DROP FUNCTION IF EXISTS check_user;
