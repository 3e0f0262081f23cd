async def _test():
    pass


HAS_AWAIT_METHOD = hasattr(_test(), "__await__")  # bug
