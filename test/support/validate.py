"""Has the pusher Python SDK validate webhooks: one a line in, what it returned a line out."""
import json
import sys

import pusher

app = json.loads(sys.argv[1])
sdk = pusher.Pusher(app_id=app["id"], key=app["key"], secret=app["secret"])
for line in sys.stdin:
    hook = json.loads(line)
    print(json.dumps(sdk.validate_webhook(hook["key"], hook["signature"], hook["body"])))
