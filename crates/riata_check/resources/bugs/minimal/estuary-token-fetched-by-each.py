import json
import time
from dataclasses import dataclass


@dataclass
class Token:
    access_token: str
    expires_in: int = 0


@dataclass
class TokenSource:
    oauth_spec: object
    credentials: object
    authorization_token_type: str = "Bearer"
    _access_token: Token | None = None
    _fetched_at: int = 0

    async def fetch_token(self, log, session) -> tuple[str, str]:
        current_time = time.time()

        if self._access_token is not None:  # bug
            horizon = self._fetched_at + self._access_token.expires_in * 0.75
            if current_time < horizon:  # bug
                return (self.authorization_token_type, self._access_token.access_token)

        self._fetched_at = int(current_time)
        self._access_token = await self._fetch_oauth2_token(session)  # bug
        log.debug("fetched a token", self._access_token.expires_in)
        return (self.authorization_token_type, self._access_token.access_token)

    async def _fetch_oauth2_token(self, session) -> Token:
        response = await session.request(self.oauth_spec, method="POST", form=self.credentials)
        return Token(**json.loads(response))
