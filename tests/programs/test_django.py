"""Django's ASGI application and asgiref, which go to threads and back to the loop in the middle of a request."""

from .ways import run_in_every_way


def test_requests():
    assert run_in_every_way("django_app", "requests") == [
        "200 {'gathered': [8, 8, 19, 'Ada', 'timed out'], 'visitor': 'Ada'}",
        "True True",
        "True True True",
        "impatient 200 'timeout wait_for'",
        "synchronous?visitor=Bob 200 '42 Bob'",
        "stream 200 '0 2 4 6 8 '",
        "WARNING Not Found: /missing None",
        "missing 404 '\\n'",
        "ERROR Internal Server Error: /buggy LookupError('a bug')",
        "buggy 500 '\\n'",
        "other tasks 0",
        "22 10",
    ]


def test_clients_that_go():
    assert run_in_every_way("django_app", "communicators") == [
        "200 b'0 2 4 6 8 ' True",
        "nothing True []",
        "['view cancelled']",
        "gave up ['http.request', 'application cancelled']",
        "True False",
        "['CancelledError']",
        "True 8",
        "other tasks 0",
        "22 10",
    ]
