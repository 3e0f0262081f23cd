"""Adds an air conditioner by hand."""

from msmart.device import AirConditioner
from msmart.discover import Discover


class ConfigFlow:
    async def async_step_discover(self, user_input):
        device = await Discover.discover_single(user_input["host"], auto_connect=False)
        if isinstance(device, AirConditioner):
            if await Discover.connect(device):  # bug
                return self.create_entry(device)
        return None

    def create_entry(self, device):
        return {"id": device.id, "token": device.token, "key": device.key}
