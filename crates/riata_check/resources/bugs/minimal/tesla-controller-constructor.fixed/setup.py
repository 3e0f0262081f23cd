"""Sets an account up."""

from functools import partial

from controller import Controller


async def setup_entry(hass, entry):
    controller = await hass.async_add_executor_job(
        partial(
            Controller,
            entry.data["token"],
            session=entry.runtime_data,
            certificate=entry.data.get("certificate"),
        )
    )
    token = await controller.connect()
    hass.data[entry.entry_id] = controller
    return bool(token)
