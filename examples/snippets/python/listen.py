# pip install Pysher
import os
import time

import pysher

fanfare = pysher.Pusher(
    os.environ["PUSHER_APP_KEY"],
    custom_host=os.environ.get("PUSHER_HOST", "localhost"),
    port=int(os.environ.get("PUSHER_PORT", "6001")),
    secure=os.environ.get("PUSHER_SCHEME", "http") == "https",
    auth_endpoint=os.environ["API"] + "/pusher/auth",
    auth_endpoint_headers={"Authorization": "Bearer " + os.environ.get("TOKEN", "")},
)


def connected(data):  # runs after each connection
    orders = fanfare.subscribe("private-orders")
    orders.bind("created", lambda order: print(order, flush=True))  # the JSON text of the data


fanfare.connection.bind("pusher:connection_established", connected)
fanfare.connect()
while True:
    time.sleep(60)
