"""The process that runs the tests of one module and tells of each on a pipe, a line of JSON per event.

python -m conformance.child PIPE FORM MODULE < the ids of the tests wanted, or nothing for all; one a line

{"event": "planned", "tests": {id: reason for leaving it out, or null}}
{"event": "started", "test": id}
{"event": "ended", "test": id, "outcome": "passed" | "failed" | "skipped", "detail": text, "loops": number made}
{"event": "finished"}
"""

import faulthandler
import importlib
import json
import os
import signal
import sys
import unittest

from conformance import fixtures, left_out, modules
from conformance.forms import FORMS
from conformance.install import LoopFactory, install

DETAIL_CHARACTERS_MAX = 4000
ORPHAN_SECONDS_MAX = 300


class Reporter(unittest.TestResult):
    def __init__(self, pipe: int, factory: LoopFactory) -> None:
        super().__init__()
        self.pipe = pipe
        self.factory = factory
        self.running: unittest.TestCase | None = None

    def tell(self, event: str, **fields: object) -> None:
        os.write(self.pipe, (json.dumps({"event": event, **fields}) + "\n").encode())

    def startTest(self, test):
        super().startTest(test)
        self.running, self.outcome, self.detail = test, "passed", ""
        self.loops_before = self.factory.made
        # The parent is quicker, if it still lives.
        faulthandler.dump_traceback_later(ORPHAN_SECONDS_MAX, exit=True)
        self.tell("started", test=test.id())

    def stopTest(self, test):
        super().stopTest(test)
        if test is self.running:
            self.end(test.id(), self.outcome, self.detail, self.factory.made - self.loops_before)
            self.running = None

    def end(self, test_id: str, outcome: str, detail: str, loops: int = 0) -> None:
        detail = detail[-DETAIL_CHARACTERS_MAX:]
        self.tell("ended", test=test_id, outcome=outcome, detail=detail, loops=loops)

    def addError(self, test, err):
        self.failed(test, self._exc_info_to_string(err, test))

    def addFailure(self, test, err):
        self.failed(test, self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.failed(test, self._exc_info_to_string(err, test))

    def addUnexpectedSuccess(self, test):
        self.failed(test, "unexpected success")

    def failed(self, test, detail: str) -> None:
        if test is self.running:
            self.outcome, self.detail = "failed", self.detail + detail
        else:  # the set-up of a class or of the module
            self.end(test.id(), "failed", detail)

    def addSkip(self, test, reason):
        if test is not self.running:  # 3.12.1 starts no test that is skipped; or a class is skipped
            self.end(test.id(), "skipped", reason)
        elif self.outcome == "passed":
            self.outcome, self.detail = "skipped", reason


def main(pipe: int, form_name: str, module_name: str) -> None:
    os.set_inheritable(pipe, False)
    wanted = set(sys.stdin.read().split())
    # A shell starts what it runs in the background with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.enable()  # the parent ends a test that hangs by SIGABRT
    factory = install(FORMS[form_name])
    module = importlib.import_module(f"test.test_asyncio.{module_name}")
    fixtures.replace(module, module_name, factory)
    tests = modules.cases(module, module_name)
    reasons = {test.id(): left_out.reason(test) for test in tests}
    if wanted:
        reasons = {name: why for name, why in reasons.items() if name in wanted}
    reporter = Reporter(pipe, factory)
    reporter.tell("planned", tests=reasons)
    chosen = [test for test in tests if reasons.get(test.id(), "not wanted") is None]
    unittest.TestSuite(chosen).run(reporter)
    reporter.tell("finished")
    sys.stderr.flush()
    os._exit(0)  # threads that a test left behind do not keep the process


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
