"""Checks a key before it is stored."""

import asyncio

from openai import AsyncAzureOpenAI, AsyncOpenAI


def make_client(key, base_url, version):
    if base_url and "azure" in base_url:
        return AsyncAzureOpenAI(api_key=key, azure_endpoint=base_url, api_version=version)
    return AsyncOpenAI(api_key=key, base_url=base_url)


async def validate_authentication(key, base_url, version=None):
    client = await asyncio.to_thread(make_client, key, base_url, version)
    await client.models.list(timeout=10)
