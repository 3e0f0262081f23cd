"""Caches around coroutine functions."""

import functools
from functools import cache, lru_cache

from async_lru import alru_cache


@lru_cache  # error: RIA208
async def one():
    return 1


@functools.lru_cache(maxsize=10)  # error: RIA208
async def two():
    return 2


class Client:
    @cache  # error: RIA208
    async def three(self):
        return 3

    @functools.cached_property  # error: RIA208
    async def four(self):
        return 4

    @functools.cached_property
    def five(self):
        return 5


async def fetch():
    return 6


six = lru_cache(maxsize=None)(fetch)  # error: RIA208


@lru_cache
def plain():
    return 7


@alru_cache
async def right():
    return 8


def shared(function):
    return function


@lru_cache
@shared
async def made_safe():
    return 9


@lru_cache
def task():
    return fetch
