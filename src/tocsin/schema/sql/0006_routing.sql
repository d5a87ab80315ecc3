-- Routing by action, sender and hours; costs of channels: their change clock, and what no route may say.

CREATE TRIGGER change_mark AFTER INSERT OR UPDATE OR DELETE ON cost FOR EACH STATEMENT EXECUTE FUNCTION change_mark();

ALTER TABLE route ADD CONSTRAINT route_hours CHECK ((start_minute IS NULL) = (end_minute IS NULL) AND (start_minute IS NULL) = (zone = ''));
ALTER TABLE route ADD CONSTRAINT route_weight CHECK (weight BETWEEN 1 AND 1000);
