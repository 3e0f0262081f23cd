async def force_token_refresh() -> bool:
    try:
        from utils import refresh_access_token

        refreshed_token = refresh_access_token(force=True)  # bug
        return bool(refreshed_token)
    except Exception:
        return False
