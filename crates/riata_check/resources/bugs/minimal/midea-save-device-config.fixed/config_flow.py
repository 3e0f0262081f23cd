"""Asks for what it needs to know of an air conditioner."""

from pathlib import Path
from typing import Any

from homeassistant import config_entries
from storage import load_json, save_json


class MideaFlow(config_entries.ConfigFlow, domain="midea"):
    def save_device_config(self, data: dict[str, Any]) -> None:
        folder = Path(self.hass.config.path(".storage/midea"))
        folder.mkdir(parents=True, exist_ok=True)
        save_json(folder / f"{data['device_id']}.json", data)

    def load_device_config(self, device_id: str) -> dict[str, Any]:
        path = Path(self.hass.config.path(f".storage/midea/{device_id}.json"))
        return load_json(path)

    async def async_step_manually(self, user_input: dict[str, Any] | None = None):
        if user_input is None:
            return self.async_show_form(step_id="manually")
        await self.async_set_unique_id(user_input["device_id"])
        await self.hass.async_add_executor_job(self.save_device_config, user_input)
        return self.async_create_entry(title=user_input["name"], data=user_input)
