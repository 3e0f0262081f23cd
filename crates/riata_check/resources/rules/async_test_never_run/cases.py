"""Async tests of unittest."""

import unittest
from unittest import IsolatedAsyncioTestCase, TestCase, mock

from aiounittest import async_test
from django.test import SimpleTestCase


class TestPlain(unittest.TestCase):
    async def setUp(self):  # error: RIA901
        self.value = 1

    async def test_get(self):  # error: RIA901
        assert self.value

    @mock.patch("os.getcwd")
    async def test_patched(self, getcwd):  # error: RIA901
        assert getcwd

    @async_test
    async def test_run_by_decorator(self):
        assert self.value

    async def helper(self):
        return 1

    def test_plain(self):
        assert self.value


class Base(TestCase):
    pass


class TestDerived(Base):
    async def test_get(self):  # error: RIA901
        pass


class TestRight(IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        pass

    async def test_get(self):
        pass


class Runs(TestCase):
    def run(self, result=None):
        return super().run(result)


class TestRun(Runs):
    async def test_get(self):
        pass


class NoTest:
    async def test_get(self):
        pass


class TestIsolated(IsolatedAsyncioTestCase):
    async def setUp(self):  # error: RIA901
        self.value = 1

    async def asyncTearDown(self):
        self.value = 2

    async def tearDown(self):  # error: RIA901
        self.value = 3

    async def test_value(self):
        assert self.value


class TestPrepared(TestCase):
    async def asyncSetUp(self):  # error: RIA901
        self.value = 1

    def test_value(self):
        assert True


class TestDjango(SimpleTestCase):
    async def setUp(self):  # error: RIA901
        self.value = 1

    async def test_value(self):
        assert self.value
