-- +goose Up
-- What people call the app. It means nothing to the server.
ALTER TABLE fanfare_apps ADD COLUMN name TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE fanfare_apps DROP COLUMN name;
