import asyncio
import time


async def used():
    time.sleep(1)  # riata: ignore[RIA101]
    time.sleep(1)  # noqa: RIA101
    time.sleep(1)  # riata: ignore[blocking-call-in-async] for a test
    time.sleep(  # riata: ignore[RIA101]
        1
    )
    time.sleep(
        1
    )  # noqa: RIA101


async def not_used():
    await asyncio.sleep(1)  # riata: ignore[RIA101]  # error: RIA001
    await asyncio.sleep(1)  # noqa: RIA101, E501  # error: RIA001
    await asyncio.sleep(1)  # riata: ignore[blocking-call-in-async] for a test  # error: RIA001
    # riata: ignore[RIA101]  # error: RIA001
    await asyncio.sleep(1)  # riata: ignore  # error: RIA001


async def for_others():
    await asyncio.sleep(1)  # noqa: E501
    await asyncio.sleep(1)  # noqa
    await asyncio.sleep(1)  # riata: ignore[RIA101, RIA001]
    # A rule that is off.
    await asyncio.sleep(1)  # riata: ignore[RIA102]
    # Another instruction.
    await asyncio.sleep(1)  # riata: blocks
    return "# riata: ignore[RIA101]"
