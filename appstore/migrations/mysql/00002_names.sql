-- +goose Up
-- What people call the app. It means nothing to the server. MySQL, unlike MariaDB,
-- has no ADD COLUMN IF NOT EXISTS, see 00001.
SET @add_name = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'fanfare_apps' AND column_name = 'name') = 0,
    'ALTER TABLE fanfare_apps ADD COLUMN name VARCHAR(200) NOT NULL DEFAULT \'\'', 'DO 0');
PREPARE add_name FROM @add_name;
EXECUTE add_name;
DEALLOCATE PREPARE add_name;

-- +goose Down
ALTER TABLE fanfare_apps DROP COLUMN name;
