"""Sets an account up."""

from controller import Controller


async def setup_entry(hass, entry):
    controller = Controller(  # bug
        entry.data["token"],
        session=entry.runtime_data,
        certificate=entry.data.get("certificate"),
    )
    token = await controller.connect()
    hass.data[entry.entry_id] = controller
    return bool(token)
