"""One call of the pusher Python SDK; prints what it returned as JSON."""
import json
import sys

import pusher

port, command, *args = sys.argv[1:]
sdk = pusher.Pusher(app_id="1001", key="app-key", secret="app-secret", host="127.0.0.1", port=int(port), ssl=False)


def auth(socket_id, channel):
    if channel.startswith("presence-"):
        return sdk.authenticate(channel, socket_id, {"user_id": "snake", "user_info": {"name": "Monty"}})
    return sdk.authenticate(channel, socket_id)


def info():
    return {
        "channels": sdk.channels_info("presence-", ["user_count"]),
        "channel": sdk.channel_info("presence-room", ["user_count"]),
        "users": sdk.users_info("presence-room"),
    }


commands = {
    "trigger": lambda: sdk.trigger("news", "from-python", {"text": "é漢🎉"}),
    "batch": lambda: sdk.trigger_batch([
        {"channel": "news", "name": "one", "data": 1},
        {"channel": "news", "name": "two", "data": {"a": 2}},
    ]),
    "info": info,
    "auth": auth,
    "user": lambda socket_id: sdk.authenticate_user(socket_id, {"id": "snake"}),
    "send": lambda: sdk.send_to_user("snake", "hello", {"from": "python"}),
    "terminate": lambda: sdk.terminate_user_connections("snake"),
}
print(json.dumps(commands[command](*args)))
