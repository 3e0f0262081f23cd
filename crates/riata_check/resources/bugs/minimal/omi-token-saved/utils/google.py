import logging
import os

import httpx

import database.users as users_db

logger = logging.getLogger(__name__)


async def refresh_google_token(uid: str, integration: dict) -> str | None:
    """A new token for an account, or nothing when the old one cannot be renewed."""
    refresh_token = integration.get("refresh_token")
    if not refresh_token:
        return None
    async with httpx.AsyncClient(timeout=10.0) as client:
        answer = await client.post(
            "https://oauth2.googleapis.com/token",
            data={
                "client_id": os.getenv("GOOGLE_CLIENT_ID"),
                "refresh_token": refresh_token,
                "grant_type": "refresh_token",
            },
        )
    if answer.status_code != 200:
        logger.error("no token for %s", uid)
        return None
    token = answer.json().get("access_token")
    if token:
        integration["access_token"] = token
        users_db.set_integration(uid, "google", integration)  # bug
    return token
