<?php

// As much of Laravel as examples/laravel uses, for PHP's own web server: routes,
// requests, the authorization of channels, and broadcasting without a queue.

namespace Illuminate\Http {
    class Request
    {
        public function __construct(private string $body) {}

        public function getContent(): string
        {
            return $this->body;
        }

        public function header(string $name): ?string
        {
            return $_SERVER['HTTP_'.strtoupper(strtr($name, '-', '_'))] ?? null;
        }

        public function json(string $key, mixed $default = null): mixed
        {
            return json_decode($this->body, true)[$key] ?? $default;
        }

        public function input(string $key): mixed
        {
            return $_POST[$key] ?? $this->json($key);
        }

        public function user(): object
        {
            $id = (int) ($this->header('X-User') ?? $_COOKIE['user'] ?? 1);

            return (object) ['id' => $id, 'name' => [1 => 'Ann', 2 => 'Bob'][$id]];
        }

        public function validate(array $rules): array
        {
            $values = [];
            foreach ($rules as $name => $of) {
                $value = $this->input($name);
                if (! is_string($value) || $value === '') {
                    throw new \Abort(422);
                }
                $values[$name] = $value;
            }

            return $values;
        }
    }

    class Response {}
}

namespace Illuminate\Broadcasting {
    class Channel
    {
        public function __construct(public string $name) {}
    }
    class PrivateChannel extends Channel
    {
        public function __construct(string $name)
        {
            parent::__construct("private-$name");
        }
    }
    class PresenceChannel extends Channel
    {
        public function __construct(string $name)
        {
            parent::__construct("presence-$name");
        }
    }
    trait InteractsWithSockets
    {
        public ?string $socket = null;

        public function dontBroadcastToCurrentUser(): void
        {
            $this->socket = request()->header('X-Socket-ID');
        }
    }
}

namespace Illuminate\Contracts\Broadcasting {
    interface ShouldBroadcast {}
}

namespace Illuminate\Support\Facades {
    class Broadcast
    {
        public static array $channels = [];

        public static function channel(string $pattern, callable $callback): void
        {
            self::$channels['~^'.preg_replace('~\\\\{\w+\\\\}~', '([^.]+)', preg_quote($pattern, '~')).'$~'] = $callback;
        }
    }
    class Route
    {
        public static array $posts = [];

        public static function post(string $path, string $controller): self
        {
            self::$posts['~^'.preg_replace('~\\\\{\w+\\\\}~', '([^/]+)', preg_quote($path, '~')).'$~'] = $controller;

            return new self;
        }

        public function middleware(string $name): self
        {
            return $this;
        }
    }
    class Log
    {
        public static function info(string $message, array $context): void
        {
            file_put_contents(getenv('LOG'), json_encode([$message, $context])."\n", FILE_APPEND | LOCK_EX);
        }
    }
}

namespace {
    use Illuminate\Http\Request;
    use Illuminate\Http\Response;
    use Illuminate\Support\Facades\Broadcast;
    use Illuminate\Support\Facades\Route;

    require __DIR__.'/sdk.php';

    class Abort extends Exception
    {
        public function __construct(public int $status)
        {
            parent::__construct();
        }
    }

    function config(string $path): mixed
    {
        $connection = ['key' => getenv('APP_KEY'), 'secret' => getenv('APP_SECRET')];

        return ['broadcasting.default' => 'reverb', 'broadcasting.connections.reverb' => $connection][$path];
    }

    function abort_unless(bool $condition, int $status): void
    {
        $condition || throw new Abort($status);
    }

    function request(): Request
    {
        static $request;

        return $request ??= new Request(file_get_contents('php://input'));
    }

    function response(): object
    {
        return new class
        {
            public function noContent(): Response
            {
                http_response_code(204);

                return new Response;
            }
        };
    }

    function sdk(): Sdk
    {
        return new Sdk(getenv('APP_KEY'), getenv('APP_SECRET'), getenv('APP_ID'), getenv('SERVER'));
    }

    function broadcast(object $event): object
    {
        return new class($event)
        {
            public function __construct(private object $event) {}

            public function toOthers(): void
            {
                $this->event->dontBroadcastToCurrentUser();
            }

            public function __destruct()
            {
                $channels = array_map(fn ($channel) => $channel->name, $this->event->broadcastOn());
                sdk()->trigger($channels, $this->event::class, $this->event->broadcastWith(), array_filter(['socket_id' => $this->event->socket]));
            }
        };
    }

    function authorize(Request $request): array
    {
        $channel = $request->input('channel_name');
        $name = preg_replace('/^(private-encrypted-|private-|presence-)/', '', $channel);
        foreach (Broadcast::$channels as $pattern => $callback) {
            if (preg_match($pattern, $name, $found) && $result = $callback($request->user(), ...array_slice($found, 1))) {
                return str_starts_with($channel, 'presence-')
                    ? sdk()->authorizePresenceChannel($channel, $request->input('socket_id'), (string) $request->user()->id, $result)
                    : sdk()->authorizeChannel($channel, $request->input('socket_id'));
            }
        }
        throw new Abort(403);
    }

    $app = getenv('EXAMPLE');
    spl_autoload_register(fn ($class) => require $app.'/app/'.strtr(substr($class, strlen('App\\')), '\\', '/').'.php');
    require $app.'/routes/channels.php';
    require $app.'/routes/web.php';

    try {
        $path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
        if (is_file($_SERVER['DOCUMENT_ROOT'].$path)) {
            return false; // PHP serves it
        }
        if ($path === '/broadcasting/auth') {
            header('Content-Type: application/json');
            echo json_encode(authorize(request()));

            return true;
        }
        foreach (Route::$posts as $pattern => $controller) {
            if (preg_match($pattern, $path, $found)) {
                (new $controller)(request(), ...array_slice($found, 1));

                return true;
            }
        }
        throw new Abort(404);
    } catch (Abort $e) {
        http_response_code($e->status);
    }
}
