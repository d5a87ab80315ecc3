-- Templates: their change clock, and that nobody changes what was approved.

CREATE TRIGGER change_stamp BEFORE INSERT OR UPDATE OR DELETE ON template FOR EACH ROW EXECUTE FUNCTION change_stamp();
CREATE TRIGGER change_deleted AFTER DELETE ON template FOR EACH STATEMENT EXECUTE FUNCTION change_deleted();

-- What a template says is what somebody approved: once it was decided another text is another template.
CREATE FUNCTION template_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.decided_at IS NOT NULL AND (OLD.account_id, OLD.kind, OLD.subject, OLD.text, NEW.decided_at IS NULL)
       IS DISTINCT FROM (NEW.account_id, NEW.kind, NEW.subject, NEW.text, false) THEN
        RAISE EXCEPTION 'template % was decided: its text cannot change', OLD.id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER template_keep BEFORE UPDATE ON template FOR EACH ROW EXECUTE FUNCTION template_keep();
