"""Runs CPython's own tests of asyncio on riata; README.md says how."""
