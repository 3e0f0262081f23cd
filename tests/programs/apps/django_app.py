"""A Django project in one file, and clients that ask its ASGI application in the same process: `django_app.py SCENARIO`."""

import asyncio
import logging
import sys
import threading
import time
from contextvars import ContextVar

import django
import httpx
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.utils.decorators import async_only_middleware, sync_only_middleware

if sys.version_info >= (3, 11):
    timeout = asyncio.timeout
else:
    from async_timeout import timeout

settings.configure(
    ALLOWED_HOSTS=["testserver"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        f"{__name__}.synchronous_middleware",
        f"{__name__}.asynchronous_middleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="no secret",
)
visitor = ContextVar("visitor", default="nobody")
happened = []
main_thread = threading.current_thread()


@sync_only_middleware
def synchronous_middleware(get_response):
    """Django runs it, and each view below it, in a thread and on the loop in turn."""

    def middleware(request):
        visitor.set(request.GET.get("visitor", "nobody"))
        response = get_response(request)
        response["X-Thread"] = str(threading.current_thread() is not main_thread)
        return response

    return middleware


@async_only_middleware
def asynchronous_middleware(get_response):
    async def middleware(request):
        response = await get_response(request)
        response["X-Loop"] = str(threading.current_thread() is main_thread)
        return response

    return middleware


def query(number):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("select %s * 2", [number])
        return cursor.fetchone()[0]


async def double(number):
    await asyncio.sleep(0.001)
    return number * 2


def from_a_thread(number):
    """Back to the loop, from a thread, for a coroutine that comes to a thread again."""
    assert threading.current_thread() is not main_thread
    assert async_to_sync(current_thread)() is main_thread
    return async_to_sync(there_and_back)(number)


async def current_thread():
    return threading.current_thread()


async def there_and_back(number):
    return await double(number) + await sync_to_async(query)(number) + len(visitor.get())


async def mixed(request):
    number = int(request.GET["number"])
    gathered = await asyncio.gather(
        double(number),
        sync_to_async(query)(number),
        sync_to_async(from_a_thread)(number),
        sync_to_async(lambda: visitor.get(), thread_sensitive=False)(),
    )
    try:
        async with timeout(0.02):
            await asyncio.sleep(30)
    except asyncio.TimeoutError:
        gathered.append("timed out")
    return JsonResponse({"gathered": gathered, "visitor": visitor.get()})


async def impatient(request):
    """A thread that takes longer than the view waits."""
    try:
        async with timeout(0.05):
            await sync_to_async(time.sleep, thread_sensitive=False)(0.3)
    except asyncio.TimeoutError:
        first = "timeout"
    try:
        await asyncio.wait_for(sync_to_async(time.sleep, thread_sensitive=False)(0.3), 0.05)
    except asyncio.TimeoutError:
        return HttpResponse(f"{first} wait_for")


def synchronous(request):
    return HttpResponse(f"{async_to_sync(double)(21)} {visitor.get()}")


async def buggy(request):
    await asyncio.sleep(0)
    await sync_to_async(broken)()


def broken():
    async_to_sync(fail)()


async def fail():
    await asyncio.sleep(0)
    raise LookupError("a bug")


async def stream(request):
    async def parts():
        for number in range(5):
            yield f"{await sync_to_async(query)(number)} "
            await asyncio.sleep(0.001)

    return StreamingHttpResponse(parts(), content_type="text/plain")


async def hang(request):
    try:
        async with timeout(30):
            await asyncio.sleep(60)
    except asyncio.CancelledError:
        happened.append("view cancelled")
        raise


urlpatterns = [
    path("mixed", mixed),
    path("impatient", impatient),
    path("synchronous", synchronous),
    path("buggy", buggy),
    path("stream", stream),
    path("hang", hang),
]


async def requests(application):
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get("/mixed?number=4&visitor=Ada")
        print(answer.status_code, answer.json())
        print(answer.headers["x-thread"], answer.headers["x-loop"])
        answers = await asyncio.gather(
            *[client.get(f"/mixed?number={n}&visitor={'v' * n}") for n in range(20)]
        )
        print(
            [answer.status_code for answer in answers] == [200] * 20,
            [answer.json()["gathered"][:3] for answer in answers]
            == [[2 * n, 2 * n, 5 * n] for n in range(20)],
            [answer.json()["visitor"] for answer in answers] == ["v" * n for n in range(20)],
        )
        for name in ("impatient", "synchronous?visitor=Bob", "stream", "missing", "buggy"):
            answer = await client.get(f"/{name}")
            print(name, answer.status_code, repr(answer.text.split("<")[0]))


def scope(name):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": f"/{name}",
        "query_string": b"number=3&visitor=Eve",
        "headers": [(b"host", b"testserver")],
    }


async def silent_application(scope, receive, send):
    happened.append((await receive())["type"])
    try:
        await receive()
    except asyncio.CancelledError:
        happened.append("application cancelled")
        raise


async def communicators(application):
    """asgiref's own client, which has the application in a task and two queues, and a time limit for each step."""
    async with ThreadSensitiveContext():
        client = ApplicationCommunicator(application, scope("stream"))
        await client.send_input({"type": "http.request"})
        start = await client.receive_output(5)
        parts = []
        while True:
            message = await client.receive_output(5)
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        print(start["status"], b"".join(parts), await client.receive_nothing(0.05))
        await client.wait(5)

    # A client that goes while the view still works; that is cancelled then.
    client = ApplicationCommunicator(application, scope("hang"))
    await client.send_input({"type": "http.request"})
    print("nothing", await client.receive_nothing(0.1), happened)
    await client.send_input({"type": "http.disconnect"})
    await client.wait(5)
    print(happened)

    # One that gives up: its time limit takes the application's task with it.
    happened.clear()
    client = ApplicationCommunicator(silent_application, scope("hang"))
    await client.send_input({"type": "http.request"})
    try:
        await client.receive_output(0.1)
    except asyncio.TimeoutError:
        print("gave up", happened)

    # Tasks with calls to threads, cancelled: they end at once, what the threads do is left alone.
    ended = threading.Event()

    def work():
        time.sleep(0.1)
        ended.set()

    task = asyncio.ensure_future(sync_to_async(work, thread_sensitive=False)())
    await asyncio.sleep(0.02)
    print(task.cancel(), ended.is_set())
    print([type(one).__name__ for one in await asyncio.gather(task, return_exceptions=True)])
    print(await sync_to_async(ended.wait)(5), await sync_to_async(query)(4))


class Printer(logging.Handler):
    def emit(self, record):
        error = record.exc_info[1] if record.exc_info else None
        print(record.levelname, record.getMessage(), repr(error))


SCENARIOS = {"requests": requests, "communicators": communicators}


async def main(application):
    loop = asyncio.get_running_loop()
    print(*(kind.__module__.partition(".")[0] for kind in (type(loop), asyncio.Lock)))
    await SCENARIOS[sys.argv[1]](application)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    print("other tasks", len(others))


logging.basicConfig(handlers=[Printer()])
django.setup()
asyncio.run(main(get_asgi_application()))
# A loop of its own, made by asgiref.
print(async_to_sync(double)(11), async_to_sync(there_and_back)(1))
