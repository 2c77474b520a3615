-- Its functions too, those of functions/usage.sql.

DROP FUNCTION IF EXISTS usage_roll_up(int), usage_prune(int, int),
	usage_sums(text, uuid, uuid, text, text, text, timestamptz, timestamptz);
DROP TABLE usage_rolled, usage_days, usage_hours;
