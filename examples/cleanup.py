"""Clean-up that must finish, but not for ever: `shielded` holds a cancellation back until the block is over.

    python examples/cleanup.py

Prints:
    closing
    closed, though the task was cancelled again
    cancelled: True
    closing takes too long: TimeoutError
"""

import asyncio

import riata


async def serve() -> None:
    try:
        await riata.sleep(60)
    finally:
        async with riata.shielded(timeout=1):
            print("closing")
            await riata.sleep(0.02)
            print("closed, though the task was cancelled again")


async def main() -> None:
    task = asyncio.create_task(serve())
    await riata.sleep(0)
    task.cancel()
    await riata.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    print(f"cancelled: {task.cancelled()}")

    try:
        async with riata.shielded(timeout=0.01):
            await riata.sleep(60)
    except TimeoutError as error:
        print(f"closing takes too long: {type(error).__name__}")


if __name__ == "__main__":
    riata.run(main())
