"""Methods that Python calls by itself, and that block."""

import time


class Slow:
    def __call__(self):
        time.sleep(1)

    def __getitem__(self, key):
        time.sleep(1)

    def __setitem__(self, key, value):
        time.sleep(1)

    def __delitem__(self, key):
        time.sleep(1)

    def __add__(self, other):
        time.sleep(1)

    def __radd__(self, other):
        time.sleep(1)

    def __neg__(self):
        time.sleep(1)

    def __contains__(self, key):
        time.sleep(1)
        return True

    def __len__(self):
        time.sleep(1)
        return 1

    def __bool__(self):
        time.sleep(1)
        return True

    def __eq__(self, other):
        time.sleep(1)
        return True

    def __lt__(self, other):
        time.sleep(1)
        return True

    def __str__(self):
        time.sleep(1)
        return ""

    def __repr__(self):
        time.sleep(1)
        return ""

    def __iter__(self):
        time.sleep(1)
        return iter(())

    def __next__(self):
        time.sleep(1)


class Quick:
    def __getitem__(self, key):
        return key

    def __bool__(self):
        return True

    def __str__(self):
        return ""


class Sized:
    def __len__(self):
        time.sleep(1)
        return 1


class Leaves:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        time.sleep(1)


class Inherits(Leaves):
    def __iadd__(self, other):
        time.sleep(1)
        return self


async def use(slow: Slow, quick: Quick, sized: Sized):
    slow()  # error: RIA102
    slow["key"]  # error: RIA102
    slow["key"] = 1  # error: RIA102
    del slow["key"]  # error: RIA102
    slow + 1  # error: RIA102
    quick + slow  # error: RIA102
    -slow  # error: RIA102
    1 in slow  # error: RIA102
    len(slow)  # error: RIA102
    if slow:  # error: RIA102
        pass
    slow == 1  # error: RIA102
    slow < 1  # error: RIA102
    f"{slow}"  # error: RIA102
    repr(slow)  # error: RIA102
    next(slow)  # error: RIA102
    [*slow]  # error: RIA102
    while not sized:  # error: RIA102
        break
    quick["key"]
    if quick and f"{quick}":
        pass
    slow is None
    return str({"slow": 1}), quick or 1


async def enter(leaves: Leaves, inherits: Inherits):
    with Leaves():  # error: RIA102
        pass
    inherits += 1  # error: RIA102
