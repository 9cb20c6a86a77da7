<?php
// composer require pusher/pusher-php-server:^7.2. Try it with: php -S localhost:8000 index.php
require __DIR__ . '/vendor/autoload.php';

$fanfare = new Pusher\Pusher(getenv('PUSHER_APP_KEY'), getenv('PUSHER_APP_SECRET'), getenv('PUSHER_APP_ID'), [
    'host' => getenv('PUSHER_HOST') ?: 'localhost',
    'port' => (int) (getenv('PUSHER_PORT') ?: 6001),
    'scheme' => getenv('PUSHER_SCHEME') ?: 'http',
    'useTLS' => getenv('PUSHER_SCHEME') === 'https',
]);
$user = ['id' => '1', 'name' => 'Ann']; // replace with your log-in

header('Content-Type: application/json');
switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/pusher/auth':
        ['socket_id' => $socket, 'channel_name' => $channel] = $_POST;
        if ($channel === 'private-orders') {
            echo $fanfare->authorizeChannel($channel, $socket);
        } elseif ($channel === 'presence-room') {
            echo $fanfare->authorizePresenceChannel($channel, $socket, $user['id'], ['name' => $user['name']]);
        } else {
            http_response_code(403);
        }
        break;
    case '/orders':
        $order = json_decode(file_get_contents('php://input'), true);
        $fanfare->trigger('private-orders', 'created', ['text' => $order['text']]);
        echo json_encode(['ok' => true]);
        break;
    default:
        http_response_code(404);
}
