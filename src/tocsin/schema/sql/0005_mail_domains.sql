-- Sending domains of email: their change clock.

CREATE TRIGGER change_mark AFTER INSERT OR UPDATE OR DELETE ON mail_domain FOR EACH STATEMENT EXECUTE FUNCTION change_mark();
