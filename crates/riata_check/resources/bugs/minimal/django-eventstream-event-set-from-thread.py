"""Wakes the async consumers of a channel when plain code publishes to it."""

import asyncio
import threading


class Listener:
    def __init__(self) -> None:
        self.received: list[str] = []
        self.woken = asyncio.Event()


class Manager:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()

    def add(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.add(listener)

    def publish(self, text: str) -> None:
        with self._lock:
            for listener in self._listeners:
                listener.received.append(text)
                listener.woken.set()  # bug


manager = Manager()


def send_later(text: str) -> None:
    threading.Thread(target=manager.publish, args=(text,), daemon=True).start()
