"""Each example ends with a collection: what was there before is kept out of it, since it is large where programs ran before."""

import gc

import pytest


@pytest.fixture(scope="package", autouse=True)
def frozen():
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
