"""What counts while a case is being measured. Never the wall clock: other programs run as well."""

import ctypes
import time


class CpuClock:
    """CPU nanoseconds of this process, all threads, user and system."""

    def __init__(self) -> None:
        self.total_ns = 0
        self._started_ns = 0

    def start(self) -> None:
        self._started_ns = time.process_time_ns()

    def stop(self) -> None:
        self.total_ns += time.process_time_ns() - self._started_ns


class CallgrindClock:
    """Switches valgrind's counting on and off, so that start-up and set-up are left out."""

    def __init__(self, library: str) -> None:
        shim = ctypes.PyDLL(library)
        self._start = shim.riata_callgrind_start
        self._stop = shim.riata_callgrind_stop

    def start(self) -> None:
        self._start()

    def stop(self) -> None:
        self._stop()
