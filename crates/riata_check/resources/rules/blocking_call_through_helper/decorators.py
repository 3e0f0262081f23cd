"""Decorators of the project that put something around a function that blocks."""

import asyncio
import functools
import time


def slow(function):
    @functools.wraps(function)
    def wrapper(*args):
        time.sleep(1)
        return function(*args)

    return wrapper


def slow_before_coroutine(function):
    def wrapper(*args):
        time.sleep(1)
        return function(*args)

    return wrapper


def retry(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            for _ in range(times):
                time.sleep(1)
            return function(*args)

        return wrapper

    return decorate


def for_both(function):
    if asyncio.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args):
            return await function(*args)

        return wrapper

    @functools.wraps(function)
    def plain(*args):
        time.sleep(1)
        return function(*args)

    return plain


def in_thread(function):
    def wrapper(*args):
        time.sleep(1)
        return function(*args)

    return wrapper


class Object:
    def __init__(self, function):
        self.function = function

    def __call__(self):
        time.sleep(1)
        return self.function()


def registers(function):
    def never_called():
        time.sleep(1)

    return function


@slow
def one():
    return 1


@slow_before_coroutine
async def two():
    return 1


@retry(3)
def three():
    return 1


@for_both
async def four():
    return 1


@in_thread
def five():
    return 1


@Object
def six():
    return 1


@registers
def seven():
    return 1


async def main():
    one()  # error: RIA102
    await two()  # error: RIA102
    three()  # error: RIA102
    await four()
    await five()
    six()  # error: RIA102
    seven()
