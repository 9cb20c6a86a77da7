# A Pysher on the channel news; prints each event's data, one a line, after "subscribed".
import sys
import time

import pysher

client = pysher.Pusher("app-key", custom_host="127.0.0.1", port=int(sys.argv[1]), secure=False, auto_sub=True)


def connected(_):
    channel = client.subscribe("news")
    channel.bind("pusher_internal:subscription_succeeded", lambda _: print("subscribed", flush=True))
    channel.bind("n", lambda data: print(data, flush=True))


client.connection.bind("pusher:connection_established", connected)
client.connect()
while True:
    time.sleep(1)
