-- Security events of which the admins are to be mailed.

CREATE TABLE security_mails (
	event_id bigint PRIMARY KEY REFERENCES security_events ON DELETE CASCADE
);
COMMENT ON TABLE security_mails IS 'Security events that wait for the next mail to whoever [watch] mail_to names.';
COMMENT ON COLUMN security_mails.event_id IS 'The event.';
GRANT SELECT, INSERT, DELETE ON security_mails TO weir_service;
