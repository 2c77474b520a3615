DROP FUNCTION IF EXISTS event_note() CASCADE; -- and the triggers that call it
DROP FUNCTION IF EXISTS events_prune(int);
DROP TABLE event_outbox;
