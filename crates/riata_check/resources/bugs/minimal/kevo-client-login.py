"""Sets a lock up."""

from aiokevoplus import KevoApi, KevoAuthError


async def setup_entry(hass, entry):
    client = KevoApi(device_id=entry.data["device"])
    try:
        await client.login(entry.data["username"], entry.data["password"])  # bug
    except KevoAuthError as error:
        raise PermissionError(entry.title) from error
    hass.data[entry.entry_id] = client
    return True
