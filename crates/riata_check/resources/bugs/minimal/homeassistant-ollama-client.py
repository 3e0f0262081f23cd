import ollama


async def async_setup_entry(hass, entry):
    client = ollama.AsyncClient(host=entry.data["url"])  # bug
    await client.list()
