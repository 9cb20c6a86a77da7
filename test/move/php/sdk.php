<?php

/**
 * Requests signed and sent as pusher-php-server 7 does: the parameters are sorted,
 * the values of a list are joined with commas in the signed text, and the query is
 * what http_build_query makes of them, which is what Guzzle sends.
 */
class Sdk
{
    public function __construct(
        public readonly string $key,
        private readonly string $secret,
        private readonly string $id,
        private readonly string $base, // http://host:port, and a path if there is one
    ) {}

    public function trigger(array $channels, string $event, mixed $data, array $params = []): mixed
    {
        return $this->post('/events', ['name' => $event, 'data' => self::encode($data), 'channels' => array_values($channels)] + $params);
    }

    public function triggerBatch(array $batch): mixed
    {
        foreach ($batch as $i => $event) {
            $batch[$i]['data'] = is_string($event['data']) ? $event['data'] : self::encode($event['data']);
        }

        return $this->post('/batch_events', ['batch' => $batch]);
    }

    public function terminateUserConnections(string $user): mixed
    {
        return $this->send('POST', "/users/$user/terminate_connections", ['body_md5' => md5('{}')], '{}');
    }

    public function get(string $path, array $params = []): mixed
    {
        return $this->send('GET', $path, $params, null);
    }

    public function authorizeChannel(string $channel, string $socket, ?string $data = null): array
    {
        $text = $socket.':'.$channel.($data ? ':'.$data : '');
        $auth = ['auth' => $this->key.':'.hash_hmac('sha256', $text, $this->secret)];

        return $data ? $auth + ['channel_data' => $data] : $auth;
    }

    public function authorizePresenceChannel(string $channel, string $socket, string $user, mixed $info = null): array
    {
        return $this->authorizeChannel($channel, $socket, self::encode(array_filter(['user_id' => $user, 'user_info' => $info])));
    }

    public function authenticateUser(string $socket, array $user): array
    {
        $data = self::encode($user);

        return ['auth' => $this->key.':'.hash_hmac('sha256', "$socket::user::$data", $this->secret), 'user_data' => $data];
    }

    private function post(string $path, array $body): mixed
    {
        $text = self::encode($body);

        return $this->send('POST', $path, ['body_md5' => md5($text)], $text);
    }

    private function send(string $method, string $path, array $params, ?string $body): mixed
    {
        $path = '/apps/'.$this->id.$path;
        $params += ['auth_key' => $this->key, 'auth_timestamp' => (string) time(), 'auth_version' => '1.0'];
        ksort($params);
        $pairs = [];
        foreach ($params as $name => $value) {
            $pairs[] = $name.'='.(is_array($value) ? implode(',', $value) : $value);
        }
        $params['auth_signature'] = hash_hmac('sha256', "$method\n$path\n".implode('&', $pairs), $this->secret);
        $curl = curl_init($this->base.$path.'?'.http_build_query($params, '', '&', PHP_QUERY_RFC3986));
        curl_setopt_array($curl, [
            CURLOPT_RETURNTRANSFER => true, CURLOPT_CUSTOMREQUEST => $method, CURLOPT_TIMEOUT => 30,
            CURLOPT_HTTPHEADER => ['Content-Type: application/json', 'X-Pusher-Library: pusher-http-php 7.2.7'],
        ] + ($body === null ? [] : [CURLOPT_POSTFIELDS => $body]));
        $answer = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        if ($status !== 200) {
            throw new RuntimeException("$status ".($answer === false ? curl_error($curl) : $answer));
        }

        return json_decode($answer, false, 512, JSON_THROW_ON_ERROR);
    }

    private static function encode(mixed $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR);
    }
}
