DROP FUNCTION IF EXISTS responses_pin(json);
DROP TABLE response_pins;
