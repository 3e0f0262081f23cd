import json


class ApiClientAdapter:
    def __init__(self, configuration, rest_client):
        self.configuration = configuration
        self.rest_client = rest_client

    async def call_api(self, method, url, headers, body=None):
        response = await self.rest_client.request(method, url, headers=headers, body=body)
        if response.status == 401 and url != self.configuration.host + "/token":
            if self._error_of(response) in ("EXPIRED_TOKEN", "INVALID_TOKEN"):
                token = await self.refresh_authorization_token()
                headers["X-Authorization"] = token
                response = await self.rest_client.request(method, url, headers=headers, body=body)
        return response

    def _error_of(self, response):
        return json.loads(response.data).get("error")

    async def refresh_authorization_token(self):
        key = self.configuration.key
        answer = await self.obtain_new_token(key)
        self.configuration.token = answer["token"]  # bug
        return answer["token"]

    async def obtain_new_token(self, key):
        response = await self.rest_client.request("POST", self.configuration.host + "/token", body=key)
        return json.loads(response.data)
