"""HTTPS from end to end: uvicorn with a certificate made here, httpx and aiohttp as clients that verify it."""

import asyncio
import ssl

import aiohttp
import httpx
import pytest
import trustme

from ..support import differential
from .servers import uvicorn


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for i, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(str(folder / "cert.pem"), append=i > 0)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return folder


def test_uvicorn_over_tls(loop_name, files):
    context = ssl.create_default_context(cafile=str(files / "ca.pem"))
    options = ("--ssl-keyfile", str(files / "key.pem"), "--ssl-certfile", str(files / "cert.pem"))
    with uvicorn(loop_name, "starlette_app:app", *options) as server:
        url = f"https://localhost:{server.port}"
        with httpx.Client(base_url=url, verify=context) as client:
            assert client.get("/").text == "Hello, world!"
            body = bytes(range(256)) * 8000
            assert client.post("/echo", content=body).content == body
            assert [client.get(f"/items/{i}").json()["square"] for i in range(30)] == [
                i * i for i in range(30)
            ]
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(url)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://localhost:{server.port}")
        assert httpx.get(url, verify=context).status_code == 200


def test_aiohttp_over_tls(authority):
    async def scenario(loop, log):
        from aiohttp import web

        server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(server_context)
        client_context = ssl.create_default_context()
        authority.configure_trust(client_context)

        async def handler(request):
            body = await request.read()
            return web.Response(body=body[::-1], headers={"scheme": request.scheme})

        app = web.Application()
        app.router.add_route("*", "/", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        connector = aiohttp.TCPConnector(ssl=client_context, family=2)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"https://localhost:{port}/"

            async def one(i):
                body = b"%d " % i * 20_000
                async with session.post(url, data=body) as response:
                    return response.headers["scheme"], await response.read() == body[::-1]

            log(await asyncio.gather(*[one(i) for i in range(30)]))
            try:
                await session.get(url, ssl=ssl.create_default_context())
            except aiohttp.ClientConnectorCertificateError as error:
                log(type(error).__name__)
        await runner.cleanup()

    differential(scenario)
