"""Loops that do not do what asyncio's does, for the program to find out."""

import asyncio
import os
import time


class BrokenLoop(asyncio.SelectorEventLoop):
    def call_at(self, when, callback, *args, context=None):
        raise NotImplementedError("no timers here")

    def stop(self):
        os.abort()

    def add_signal_handler(self, sig, callback, *args):
        time.sleep(60)


def new_event_loop():
    return BrokenLoop()
