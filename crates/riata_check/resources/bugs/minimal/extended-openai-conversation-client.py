"""Checks a key before it is stored."""

from openai import AsyncAzureOpenAI, AsyncOpenAI


async def validate_authentication(key, base_url, version=None):
    if base_url and "azure" in base_url:
        client = AsyncAzureOpenAI(api_key=key, azure_endpoint=base_url, api_version=version)  # bug
    else:
        client = AsyncOpenAI(api_key=key, base_url=base_url)  # bug
    await client.models.list(timeout=10)
