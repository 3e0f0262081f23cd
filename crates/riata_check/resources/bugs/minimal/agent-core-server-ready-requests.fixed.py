import asyncio


class BrowserServer:
    async def _wait_for_server_ready(self, url, tries=30):
        import requests

        for _ in range(tries):
            try:
                if (await asyncio.to_thread(requests.get, url, timeout=2)).ok:
                    return True
            except requests.RequestException:
                pass
            await asyncio.sleep(1)
        return False
