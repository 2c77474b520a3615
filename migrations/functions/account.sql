-- What keeps accounts sound.

CREATE OR REPLACE FUNCTION check_user() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'a user needs an email address or a phone number'
		USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
END
$$;
COMMENT ON FUNCTION check_user() IS 'Trigger users_has_login: refuses a user who could not sign in.';
CREATE OR REPLACE TRIGGER users_has_login BEFORE INSERT OR UPDATE OF email, phone ON users
	FOR EACH ROW WHEN (NEW.email IS NULL AND NEW.phone IS NULL) EXECUTE FUNCTION check_user();
