-- PostgreSQL cannot drop an enum value: rebuild the type without it. History that uses the value stays true,
-- so the migration refuses to go back while there is any.

DO $$
BEGIN
	IF EXISTS (SELECT FROM credits_history WHERE change_type::text = 'video_generation_cost') THEN
		RAISE EXCEPTION 'credits_history has rows of type video_generation_cost: cannot remove the value'
			USING HINT = 'History is append-only; stay on this migration.';
	END IF;
END
$$;
CREATE TYPE credits_change_type_without_video AS ENUM (
	'signup_gift', 'invitation_gift', 'purchase', 'admin_adjustment', 'refund',
	'hold', 'hold_release',
	'chat_cost', 'image_generation_cost'
);
ALTER TABLE credits_history
	ALTER COLUMN change_type TYPE credits_change_type_without_video
	USING change_type::text::credits_change_type_without_video;
DROP TYPE credits_change_type;
ALTER TYPE credits_change_type_without_video RENAME TO credits_change_type;
COMMENT ON TYPE credits_change_type IS
	'Why a balance changed. Names ending in _cost are spending; hold and hold_release only set credits aside and give them back; all others are grants or corrections.';
