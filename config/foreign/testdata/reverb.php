<?php

use Illuminate\Support\Str;

return [
    'default' => env('REVERB_SERVER', 'reverb'),

    /* Servers. */
    'servers' => [
        'reverb' => [
            'host' => env('REVERB_SERVER_HOST', '0.0.0.0'),
            'port' => (int) env('REVERB_SERVER_PORT', 8080),
            'path' => env('REVERB_SERVER_PATH', ''),
            'hostname' => env('REVERB_HOST'),
            'options' => ['tls' => ['local_cert' => '/etc/ssl/ws.pem', 'local_pk' => "/etc/ssl/ws.key", 'passphrase' => 'hush']],
            'max_request_size' => env('REVERB_MAX_REQUEST_SIZE', 10_000),
            'scaling' => [
                'enabled' => env('REVERB_SCALING_ENABLED', false),
                'channel' => env('REVERB_SCALING_CHANNEL', 'reverb'),
                'server' => [
                    'url' => env('REDIS_URL'),
                    'host' => env('REDIS_HOST', '127.0.0.1'),
                    'port' => env('REDIS_PORT', '6379'),
                    'username' => env('REDIS_USERNAME'),
                    'password' => env('REDIS_PASSWORD'),
                    'database' => env('REDIS_DB', '0'),
                    'timeout' => env('REDIS_TIMEOUT', 60),
                ],
            ],
            'pulse_ingest_interval' => env('REVERB_PULSE_INGEST_INTERVAL', 15),
        ],
        'spare' => array('host' => '10.0.0.2'), // nobody starts it
    ],
    'apps' => [
        'provider' => 'config',
        'apps' => [
            [
                'key' => env('REVERB_APP_KEY'),
                'secret' => env('REVERB_APP_SECRET'),
                'app_id' => env('REVERB_APP_ID'),
                'options' => [
                    'host' => env('REVERB_HOST'),
                    'useTLS' => env('REVERB_SCHEME', 'https') === 'https',
                ],
                'allowed_origins' => explode(',', env('REVERB_ORIGINS', '*')),
                'ping_interval' => 25,
                'activity_timeout' => 45,
                'max_connections' => null,
                'max_message_size' => 50_000,
                'accept_client_events_from' => 'none',
                'name' => Str::lower('Shop'),
            ],
            [
                'key' => 'second-key', 'secret' => 'second-secret', 'app_id' => '2',
                'allowed_origins' => ['laravel.example', '*.laravel.example', 'lara*'],
                'ping_interval' => 60,
                'max_connections' => 500,
                'max_message_size' => 10_000,
                'rate_limiting' => ['enabled' => true, 'max_attempts' => 90, 'decay_seconds' => 60, 'terminate_on_limit' => true],
            ],
        ],
    ],
];
