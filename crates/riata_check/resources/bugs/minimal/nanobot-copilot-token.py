import time


class CopilotProvider:
    def __init__(self, http):
        self._http = http
        self._copilot_access_token = None
        self._copilot_expires_at = 0.0

    async def _get_copilot_access_token(self):
        if self._copilot_access_token and time.time() < self._copilot_expires_at - 60:  # bug
            return self._copilot_access_token
        payload = await self._http.get("token")
        self._copilot_access_token = payload["token"]  # bug
        self._copilot_expires_at = payload["expires_at"]  # bug
        return self._copilot_access_token
