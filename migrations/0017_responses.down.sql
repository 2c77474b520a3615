DROP FUNCTION IF EXISTS responses_pin(json), seals_pin(json), key_is_free(uuid);
DROP TABLE response_pins;
