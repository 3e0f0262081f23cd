"""The handlers of the dashboard."""

import json

import tornado.web
from core import DASHBOARD


class IgnoreDeviceHandler(tornado.web.RequestHandler):
    async def post(self):
        request = json.loads(self.request.body)
        dashboard = DASHBOARD
        if request["ignore"]:
            dashboard.ignored_devices.add(request["name"])
        else:
            dashboard.ignored_devices.discard(request["name"])
        dashboard.save_ignored_devices()  # bug
        self.set_status(204)
