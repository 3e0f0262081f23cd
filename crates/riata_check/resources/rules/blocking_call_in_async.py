import asyncio
import functools
import socket
import subprocess
import time
from time import sleep as nap

import openai
import pymongo
import requests
import tornado.web


async def direct():
    time.sleep(1)  # error: RIA101
    nap(1)  # error: RIA101
    subprocess.run(["true"])  # error: RIA101
    requests.get("https://example.org")  # error: RIA101


async def many_lines(seconds, quick):
    if quick: time.sleep(1)  # error: RIA101
    time.sleep(  # error: RIA101
        # A moment.
        seconds
    )
    for _ in range(3): time.sleep(1); print("again")  # error: RIA101
    return [time.sleep(1), f"{time.sleep(1)}"]  # error: RIA101


async def through_a_session():
    session = requests.Session()
    session.get("https://example.org")  # error: RIA101
    with requests.Session() as other:
        other.post("https://example.org")  # error: RIA101


class Client:
    def __init__(self):
        self.session = requests.Session()

    async def fetch(self):
        return self.session.get("https://example.org")  # error: RIA101


async def annotated(session: "requests.Session"):
    return [session.get(url) for url in "ab"]  # error: RIA101


async def elsewhere():
    await asyncio.to_thread(time.sleep, 1)
    await asyncio.to_thread(lambda: time.sleep(1))
    await asyncio.sleep(1)

    def helper():
        time.sleep(1)

    return helper


def synchronous():
    time.sleep(1)


async def killed(process: subprocess.Popen, other: subprocess.Popen):
    process.kill()
    process.wait()
    other.wait()  # error: RIA101


async def addresses():
    socket.getaddrinfo("127.0.0.1", 80)
    socket.getaddrinfo("example.org", 80)  # error: RIA101
    socket.gethostbyname("localhost")


async def own_machine(host):
    if host == "localhost":
        host = socket.gethostbyname(host)
    if host != "localhost":
        host = socket.gethostbyname(host)  # error: RIA101
    return host


async def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
        finder.connect(("192.0.2.1", 80))
    stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    stream.connect(("192.0.2.1", 80))  # error: RIA101


async def looked_at_before():
    time.sleep(0.001)  # noqa: ASYNC251
    time.sleep(0.001)  # noqa: ASYNC230  # error: RIA101


async def stored(url):
    shop = pymongo.MongoClient(url)["shop"]
    shop.orders.find_one({"paid": True})  # error: RIA101
    shop["orders"].insert_one({"paid": False})  # error: RIA101
    shop.orders.find({"paid": True})


class Chats:
    def __init__(self, client: openai.OpenAI | None = None):
        self.client = client or openai.OpenAI()
        self.later = openai.AsyncOpenAI()

    async def ask(self, messages):
        self.client.chat.completions.create(model="small", messages=messages)  # error: RIA101
        await asyncio.to_thread(self.client.chat.completions.create, model="small", messages=messages)
        return await self.later.chat.completions.create(model="small", messages=messages)


def cached(cache, name, make):
    if name not in cache:
        cache[name] = make()
    return cache[name]


def in_thread(pool, work):
    return pool.submit(work)


class Rows:
    def __init__(self, url):
        self.rows = pymongo.MongoClient(url)["shop"]["rows"]

    async def count(self, cache, pool):
        in_thread(pool, self.rows.estimated_document_count)
        return cached(cache, "rows", self.rows.estimated_document_count)  # error: RIA101


async def received(sock: socket.socket):
    return cached({}, "data", sock.recv)


class Handler(tornado.web.RequestHandler):
    pass


class Prices(Handler):
    def get(self):
        time.sleep(1)  # error: RIA101

    def helper(self):
        time.sleep(1)


class Plain:
    def get(self):
        time.sleep(1)


async def partials():
    later = functools.partial(time.sleep, 1)
    later()  # error: RIA101
    functools.partial(requests.get, "https://example.org")
    await asyncio.to_thread(later)


async def sleeps_for_nothing():
    time.sleep(0)
    time.sleep(0.1)  # error: RIA101


async def gives_to_loop(task: asyncio.Task):
    loop = asyncio.get_running_loop()
    loop.call_soon(time.sleep, 1)  # error: RIA101
    loop.call_later(1, time.monotonic)
    task.add_done_callback(lambda task: time.sleep(1))  # error: RIA101
    list(map(time.sleep, [1]))  # error: RIA101
    (lambda: time.monotonic())()
