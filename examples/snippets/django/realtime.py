# pip install django pusher. In the project's urls.py: path("", include("realtime")).
import json
import os

import pusher
from django.http import HttpResponseForbidden, JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

fanfare = pusher.Pusher(
    app_id=os.environ["PUSHER_APP_ID"],  # this SDK accepts digits only
    key=os.environ["PUSHER_APP_KEY"],
    secret=os.environ["PUSHER_APP_SECRET"],
    host=os.environ.get("PUSHER_HOST", "localhost"),
    port=int(os.environ.get("PUSHER_PORT", "6001")),
    ssl=os.environ.get("PUSHER_SCHEME", "http") == "https",
)


# Django requires its CSRF token: set in pusher-js channelAuthorization.headers {"X-CSRFToken": …}.
@require_POST
def authorize(request):
    socket_id, channel = request.POST["socket_id"], request.POST["channel_name"]
    if not request.user.is_authenticated or channel not in ("private-orders", "presence-room"):
        return HttpResponseForbidden("You may not join this channel.")
    if channel.startswith("presence-"):
        member = {"user_id": str(request.user.pk), "user_info": {"name": request.user.get_username()}}
        return JsonResponse(fanfare.authenticate(channel, socket_id, member))
    return JsonResponse(fanfare.authenticate(channel, socket_id))


@require_POST
def create(request):
    fanfare.trigger("private-orders", "created", {"text": json.loads(request.body)["text"]})
    return JsonResponse({"ok": True})


urlpatterns = [path("pusher/auth", authorize), path("orders", create)]
