"""Functions that block, called by another name than their own."""

import functools
import time


def in_table():
    time.sleep(1)


def in_list():
    time.sleep(1)


def in_loop():
    time.sleep(1)


def in_pairs():
    time.sleep(1)


def in_rows():
    time.sleep(1)


def chosen():
    time.sleep(1)


def instead():
    time.sleep(1)


def unpacked():
    time.sleep(1)


def bound():
    time.sleep(1)


def given():
    time.sleep(1)


def handed_on():
    time.sleep(1)


def quick():
    return 1


TABLE = {"slow": in_table, "quick": quick, "more": {}}


class Jobs:
    steps = [in_loop, quick]

    def __init__(self):
        self.hook = lambda: time.sleep(1)
        self.quick = lambda: quick()
        self.table = {"listed": in_list}
        self.pairs = {"name": in_pairs}
        self.state = {"text": "", "none": None}

    async def run(self, name):
        self.hook()  # error: RIA102
        self.quick()
        self.table[name]()  # error: RIA102
        for step in self.steps:
            step()  # error: RIA102
        for key, value in self.pairs.items():
            value()  # error: RIA102
        await self.state["none"]()
        self.state["text"].strip()


async def by_table(name):
    handler = TABLE.get(name, quick)
    handler()  # error: RIA102
    TABLE["quick"]()
    TABLE["more"].get(name)


async def by_choice(flag):
    function = chosen if flag else quick
    function()  # error: RIA102
    (None or instead)()  # error: RIA102
    first, second = unpacked, quick
    first()  # error: RIA102
    second()
    for _, row in [("a", in_rows), ("b", quick)]:
        row()  # error: RIA102
    later = functools.partial(bound)
    later()  # error: RIA102


async def by_lambda():
    wait = lambda: time.sleep(1)
    wait()  # error: RIA102
    getattr(time, "sleep")(1)
    never = lambda: time.sleep(1)
    return never


def calls(function):
    function()


def hands_on(function):
    calls(function)


def keeps(function):
    return function


async def by_parameter():
    calls(given)  # error: RIA102
    hands_on(functools.partial(handed_on))  # error: RIA102
    keeps(given)
    sorted([1], key=lambda item: slow_key(item))  # error: RIA102
    list(map(mapped, [1]))  # error: RIA102


def slow_key(item):
    time.sleep(1)


def mapped(item):
    time.sleep(1)


async def by_names_in_circles():
    one = two = {}
    one = two.copy()
    two = one.copy()
    one = two.get("a")
    return one()
