-- The tables of version 1, with apps in them. The key of their encryption is that of the test.
SET FOREIGN_KEY_CHECKS = 0;

CREATE TABLE `fanfare_app_keys` (
  `app_key` varchar(190) NOT NULL,
  `app_id` varchar(190) NOT NULL,
  `secret` text NOT NULL,
  `place` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  PRIMARY KEY (`app_key`),
  KEY `fanfare_app_keys_app` (`app_id`,`place`),
  CONSTRAINT `fanfare_app_keys_ibfk_1` FOREIGN KEY (`app_id`) REFERENCES `fanfare_apps` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `fanfare_app_keys` VALUES ('key-Shop','Shop','größe',0,1795807252806);
INSERT INTO `fanfare_app_keys` VALUES ('key-shop','shop','fanfare-aes256gcm:f14f6fb3:TdprsMwWW9XHCDBWq8q4PkjYJd4/O5GhsqUAKvUK0VEBLqntMVn5',0,1795807252801);
INSERT INTO `fanfare_app_keys` VALUES ('key-shop-2','shop','fanfare-aes256gcm:f14f6fb3:AXyPd2eOpsLuMNuWB9h9CkPwJIBn/o6uNy1IDhOd1Un/YsCUAPhqhJE',1,1795807252802);

CREATE TABLE `fanfare_app_migrations` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `version_id` bigint(20) NOT NULL,
  `is_applied` tinyint(1) NOT NULL,
  `tstamp` datetime DEFAULT current_timestamp(),
  PRIMARY KEY (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
INSERT INTO `fanfare_app_migrations` VALUES (1,0,1,'2026-11-27 19:20:52');
INSERT INTO `fanfare_app_migrations` VALUES (2,1,1,'2026-11-27 19:20:52');

CREATE TABLE `fanfare_app_sequence` (
  `id` int(11) NOT NULL,
  `value` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `fanfare_app_sequence` VALUES (1,5);

CREATE TABLE `fanfare_apps` (
  `id` varchar(190) NOT NULL,
  `options` mediumtext NOT NULL,
  `version` bigint(20) NOT NULL,
  `changed` bigint(20) NOT NULL,
  `created_at` bigint(20) NOT NULL,
  `updated_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`),
  KEY `fanfare_apps_changed` (`changed`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `fanfare_apps` VALUES ('Shop','{\"enabled\":false}',2,4,1795807252805,1795807252812);
INSERT INTO `fanfare_apps` VALUES ('shop','{\"allowed_origins\":[\"https://shop.example\"],\"limits\":{\"max_connections\":500},\"webhooks\":\"fanfare-aes256gcm:f14f6fb3:2s2zOCcI7F+UHc1fhdt2Qfuo4AhEHXn/gu/nYBJ2pAHygafWY4XjuwY/C/6NVbBVcndWGFbQQUgD23iV4GMZMK6UOM+6EgO0wN5OQcH6Z0yBKt8FRFWCSNCd9ph+QUVsizwFvey6UK5JUiGqR2EuGQN35mvKYr9Ye/MoeNEQ5vTcoCr7ANEzWU+7WM3uXjy6TFA\"}',1,1,1795807252799,1795807252799);

CREATE TABLE `fanfare_deleted_apps` (
  `id` varchar(190) NOT NULL,
  `changed` bigint(20) NOT NULL,
  `deleted_at` bigint(20) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO `fanfare_deleted_apps` VALUES ('gone',5,1795807252814);
SET FOREIGN_KEY_CHECKS = 1;
