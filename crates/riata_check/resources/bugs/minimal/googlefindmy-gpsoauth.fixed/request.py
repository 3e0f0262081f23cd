import asyncio

import aiohttp

from adm import get_adm_token


async def nova_request(scope: str, payload: str, username: str) -> str:
    url = "https://android.googleapis.com/nova/" + scope
    token = await asyncio.to_thread(get_adm_token, username)
    headers = {"Authorization": "Bearer " + token}
    async with aiohttp.ClientSession() as session:
        async with session.post(url, headers=headers, data=bytes.fromhex(payload)) as response:
            return (await response.read()).hex()
