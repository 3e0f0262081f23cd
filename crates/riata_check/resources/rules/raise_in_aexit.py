class Raises:
    async def __aenter__(self):
        return self

    async def __aexit__(self, exc_type, exc, traceback):
        if exc is not None:
            raise exc  # error: RIA608


class RaisesAtTheEnd:
    async def __aexit__(self, exc_type, exc, traceback):
        try:
            print("bye")
        finally:
            raise exc  # error: RIA608


class Fine:
    async def __aexit__(self, exc_type, exc, traceback):
        print("bye")
        return False


class RaisesItsOwn:
    async def __aexit__(self, exc_type, exc, traceback):
        if exc is not None:
            raise RuntimeError("not closed") from exc


class CatchesIt:
    async def __aexit__(self, exc_type, exc, traceback):
        try:
            raise exc
        except ValueError:
            return True


class Synchronous:
    def __exit__(self, exc_type, exc, traceback):
        raise exc
