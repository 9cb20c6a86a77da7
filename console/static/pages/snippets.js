// Code that connects to an app, by library. It contains the secret only while secrets are shown.
const q = JSON.stringify;
const php = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

export function snippets({ id, key, secret, host, port, tls }) {
  const scheme = tls ? 'https' : 'http';
  const wanted = Number(port) || (tls ? 443 : 80);
  return {
    'pusher-js': `import Pusher from "pusher-js";

const pusher = new Pusher(${q(key)}, {
  cluster: "", forceTLS: ${tls}, wsHost: ${q(host)}, wsPort: ${wanted}, wssPort: ${wanted},
  enabledTransports: ["ws", "wss"],
});
pusher.subscribe("my-channel").bind("my-event", (data) => console.log(data));`,
    'Laravel Echo': `import Echo from "laravel-echo";
import Pusher from "pusher-js";

window.Pusher = Pusher;
const echo = new Echo({
  broadcaster: "pusher", key: ${q(key)}, cluster: "", forceTLS: ${tls},
  wsHost: ${q(host)}, wsPort: ${wanted}, wssPort: ${wanted}, enabledTransports: ["ws", "wss"],
});
echo.channel("my-channel").listen(".my-event", (data) => console.log(data));`,
    Node: `const Pusher = require("pusher");

const pusher = new Pusher({
  appId: ${q(id)}, key: ${q(key)}, secret: ${secret ? q(secret) : 'process.env.PUSHER_APP_SECRET'},
  host: ${q(host)}, port: "${wanted}", useTLS: ${tls},
});
await pusher.trigger("my-channel", "my-event", { message: "hello" });`,
    PHP: `$pusher = new Pusher\\Pusher(${php(key)}, ${secret ? php(secret) : "getenv('PUSHER_APP_SECRET')"}, ${php(id)}, [
  'host' => ${php(host)}, 'port' => ${wanted}, 'scheme' => '${scheme}', 'useTLS' => ${tls},
]);
$pusher->trigger('my-channel', 'my-event', ['message' => 'hello']);`,
    Python: `import os
import pusher

client = pusher.Pusher(
    app_id=${q(id)}, key=${q(key)}, secret=${secret ? q(secret) : 'os.environ["PUSHER_APP_SECRET"]'},
    host=${q(host)}, port=${wanted}, ssl=${tls ? 'True' : 'False'},
)
client.trigger("my-channel", "my-event", {"message": "hello"})`,
    Ruby: `require "pusher"

client = Pusher::Client.new(
  app_id: ${php(id)}, key: ${php(key)}, secret: ${secret ? php(secret) : 'ENV.fetch("PUSHER_APP_SECRET")'},
  host: ${php(host)}, port: ${wanted}, scheme: "${scheme}"
)
client.trigger("my-channel", "my-event", { message: "hello" })`,
    Go: `client := pusher.Client{
	AppID: ${q(id)}, Key: ${q(key)}, Secret: ${secret ? q(secret) : 'os.Getenv("PUSHER_APP_SECRET")'},
	Host: ${q(`${host}:${wanted}`)}, Secure: ${tls},
}
err := client.Trigger("my-channel", "my-event", map[string]string{"message": "hello"})`,
  };
}
