import asyncio
import atexit

loop = asyncio.get_event_loop()  # error: RIA409


async def serve():
    await asyncio.sleep(0)
    return asyncio.get_event_loop()


class Client:
    shared = asyncio.get_event_loop()  # error: RIA409

    def __init__(self):
        self.loop = asyncio.get_event_loop()


client = Client()  # error: RIA409


def main():
    mine = asyncio.get_event_loop()  # error: RIA409
    try:
        mine.run_until_complete(serve())
    finally:
        mine.close()


def at_once():
    asyncio.get_event_loop().run_until_complete(serve())  # error: RIA409


def made():
    mine = asyncio.new_event_loop()
    asyncio.set_event_loop(mine)
    asyncio.get_event_loop().run_until_complete(serve())


def expected_to_fail():
    try:
        mine = asyncio.get_event_loop()
    except RuntimeError:
        return asyncio.run(serve())
    return mine.run_until_complete(serve())


def called_from_a_callback():
    asyncio.get_event_loop().call_soon(print)


async def a_client():
    return Client()


def later():
    return Client()


atexit.register(later)

if __name__ == "__main__":
    main()


def fails_in_silence():
    try:
        asyncio.get_event_loop().set_exception_handler(print)
    except Exception:
        pass


fails_in_silence()
