"""The handlers of the dashboard."""

import asyncio
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
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, dashboard.save_ignored_devices)
        self.set_status(204)
