-- +goose Up
-- The options of an app are a JSON object in the keys of config.yaml, and hold
-- what differs from the defaults. changed is the value of the sequence at the
-- app's last change, by which nodes find what is new to them.
-- MySQL ends a transaction at each of these statements, so each can be repeated: a
-- process may have been killed after some.
CREATE TABLE IF NOT EXISTS fanfare_apps (
    id         VARCHAR(190) NOT NULL PRIMARY KEY,
    options    MEDIUMTEXT NOT NULL,
    version    BIGINT NOT NULL,
    changed    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    INDEX fanfare_apps_changed (changed)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS fanfare_app_keys (
    app_key    VARCHAR(190) NOT NULL PRIMARY KEY,
    app_id     VARCHAR(190) NOT NULL,
    secret     TEXT NOT NULL,
    place      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    INDEX fanfare_app_keys_app (app_id, place),
    FOREIGN KEY (app_id) REFERENCES fanfare_apps (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One row. Every change begins with adding to it, so that changes come one after
-- the other, in the order of their numbers.
CREATE TABLE IF NOT EXISTS fanfare_app_sequence (
    id    INTEGER NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT IGNORE INTO fanfare_app_sequence (id, value) VALUES (1, 0);

-- What nodes are told of apps that are gone, for some days.
CREATE TABLE IF NOT EXISTS fanfare_deleted_apps (
    id         VARCHAR(190) NOT NULL PRIMARY KEY,
    changed    BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS fanfare_deleted_apps;
DROP TABLE IF EXISTS fanfare_app_sequence;
DROP TABLE IF EXISTS fanfare_app_keys;
DROP TABLE IF EXISTS fanfare_apps;
