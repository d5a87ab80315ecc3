-- Replies of one terminal user to one account: what a message was answered, and a search for a number.
CREATE INDEX uplink_user ON uplink (account_id, user_number, id);
