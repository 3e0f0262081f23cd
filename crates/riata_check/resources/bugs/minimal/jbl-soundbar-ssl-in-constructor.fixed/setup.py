from coordinator import Coordinator


async def async_setup_entry(hass, entry):
    coordinator = Coordinator(hass, entry)  # bug
    await coordinator.async_refresh()
