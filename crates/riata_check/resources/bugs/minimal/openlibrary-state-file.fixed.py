"""Follows a log for ever, and remembers in a file how far it came."""

import asyncio

import aiofiles
import httpx


async def changed_keys(client, offset):
    answer = await client.get("http://localhost/log", params={"from": offset})
    body = answer.json()
    return body["keys"], body["next"]


async def reindex(client, keys):
    await client.post("http://localhost/solr/update", json={"keys": keys})


async def main(state_file, offset):
    async with httpx.AsyncClient() as client:
        while True:
            keys, following = await changed_keys(client, offset)
            await reindex(client, keys)
            if following != offset:
                offset = following
                async with aiofiles.open(state_file, "w") as state:
                    await state.write(offset)
            if not keys:
                await asyncio.sleep(5)
