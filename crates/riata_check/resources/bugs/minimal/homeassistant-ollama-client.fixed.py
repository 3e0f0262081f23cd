import ollama


async def async_setup_entry(hass, entry):
    client = await hass.async_add_executor_job(lambda: ollama.AsyncClient(host=entry.data["url"]))
    await client.list()
