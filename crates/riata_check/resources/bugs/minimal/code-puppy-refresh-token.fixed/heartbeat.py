import asyncio


async def force_token_refresh() -> bool:
    try:
        from utils import refresh_access_token

        refreshed_token = await asyncio.to_thread(refresh_access_token, force=True)
        return bool(refreshed_token)
    except Exception:
        return False
