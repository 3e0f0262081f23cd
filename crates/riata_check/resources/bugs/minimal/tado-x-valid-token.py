from datetime import datetime, timedelta


class TadoXApi:
    def __init__(self, session):
        self._session = session
        self._refresh_token = "a"
        self._token_expiry = datetime.now()

    async def refresh_access_token(self):
        data = await self._session.post({"refresh_token": self._refresh_token})
        self._refresh_token = data["refresh_token"]
        self._token_expiry = datetime.now() + timedelta(seconds=data["expires_in"])

    async def _ensure_valid_token(self):
        if datetime.now() >= self._token_expiry - timedelta(seconds=60):  # bug
            await self.refresh_access_token()  # bug

    async def _request(self, url):
        await self._ensure_valid_token()
        return await self._session.get(url)
