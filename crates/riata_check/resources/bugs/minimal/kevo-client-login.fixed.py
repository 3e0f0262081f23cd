"""Sets a lock up."""

from aiokevoplus import KevoAuthError


async def setup_entry(hass, entry):
    try:
        client = await hass.async_add_executor_job(hass.make_kevo, entry.data)
    except KevoAuthError as error:
        raise PermissionError(entry.title) from error
    hass.data[entry.entry_id] = client
    return True
