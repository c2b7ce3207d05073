-- What all query processes sign resume tokens with. Random, made once; to change it, update the row
-- and restart them: streams of before then start anew.
CREATE TABLE token_key (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  secret bytea NOT NULL
);
INSERT INTO token_key (secret)
VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
