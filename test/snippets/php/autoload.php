<?php

// The SDK of examples/snippets/php, as far as it is used: Packagist is not asked by
// tests, so requests are signed and sent by what test/move holds to pusher-php-server 7.
namespace Pusher;

require getenv('SDK');

class Pusher
{
    private \Sdk $sdk;

    public function __construct(string $key, string $secret, string $id, array $options)
    {
        $this->sdk = new \Sdk($key, $secret, $id, "{$options['scheme']}://{$options['host']}:{$options['port']}");
    }

    public function authorizeChannel(string $channel, string $socket): string
    {
        return json_encode($this->sdk->authorizeChannel($channel, $socket));
    }

    public function authorizePresenceChannel(string $channel, string $socket, string $user, array $info): string
    {
        return json_encode($this->sdk->authorizePresenceChannel($channel, $socket, $user, $info));
    }

    public function trigger(string $channel, string $event, array $data): void
    {
        $this->sdk->trigger([$channel], $event, $data);
    }
}
