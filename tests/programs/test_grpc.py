"""grpc.aio, whose core has threads of its own and wakes the loop through a socket: server and client in one process."""

from .ways import run_in_every_way

# Its core says on stderr what it thinks of connections that end. What it has in Python is heard still.
QUIET = {"GRPC_VERBOSITY": "NONE"}


def test_calls():
    assert run_in_every_way("grpc_app", "calls", env=QUIET) == [
        "b'tseuqer a' {'seen': 'riata'} {'length': '9'}",
        "code OK True False",
        "gathered True b'24 rebmun'",
        "big True",
        "streamed True",
        "read [b'0', b'1', b'2'] True",
        "total b'1225'",
        "echo b'ONE'",
        "echo b'TWO'",
        "echo b'THREE'",
        "end True OK",
        "NOT_FOUND no thing",
        "UNIMPLEMENTED Method not found!",
        "still running False",
    ]


def test_deadlines_and_cancellation():
    assert run_in_every_way("grpc_app", "interruptions", env=QUIET) == [
        "DEADLINE_EXCEEDED Deadline Exceeded ['sleeps', 'cancelled']",
        "DEADLINE_EXCEEDED True True",
        "['stream over']",
        "['sleeps'] True",
        "cancelled True CANCELLED ['cancelled']",
        "['sleeps'] True",
        "cancelled True ['cancelled']",
        "wait_for ['sleeps', 'cancelled']",
        "timeout ['sleeps', 'cancelled']",
        "timeout in a stream True True ['stream over']",
        "b'0' b'1' True ['stream over']",
        "cancelled True",
        "{'sleeps'} True",
        "gather True",
        "b'evila' True",
        "still running False",
    ]
