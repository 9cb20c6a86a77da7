# pip install fastapi uvicorn python-multipart pusher
import os

import pusher
from fastapi import FastAPI, Form, HTTPException
from pydantic import BaseModel

fanfare = pusher.Pusher(
    app_id=os.environ["PUSHER_APP_ID"],  # this SDK accepts digits only
    key=os.environ["PUSHER_APP_KEY"],
    secret=os.environ["PUSHER_APP_SECRET"],
    host=os.environ.get("PUSHER_HOST", "localhost"),
    port=int(os.environ.get("PUSHER_PORT", "6001")),
    ssl=os.environ.get("PUSHER_SCHEME", "http") == "https",
)
app = FastAPI()


class Order(BaseModel):
    text: str


def current_user():
    return {"id": "1", "name": "Ann"}  # replace with your log-in; None if nobody is logged in


# Not async: the SDK blocks until it has an answer, so FastAPI runs the function in a thread.
@app.post("/pusher/auth")
def authorize(socket_id: str = Form(), channel_name: str = Form()):
    user = current_user()
    if user is None or channel_name not in ("private-orders", "presence-room"):
        raise HTTPException(403, "You may not join this channel.")
    if channel_name.startswith("presence-"):
        return fanfare.authenticate(channel_name, socket_id, {"user_id": user["id"], "user_info": {"name": user["name"]}})
    return fanfare.authenticate(channel_name, socket_id)


@app.post("/orders")
def create(order: Order):
    fanfare.trigger("private-orders", "created", {"text": order.text})
    return {"ok": True}
