import asyncio


async def unknown():
    await asyncio.sleep(1)  # riata: ignore[blocking-call-in-asink]  # error: RIA002
    await asyncio.sleep(1)  # noqa: E501, RIA999  # error: RIA002
    await asyncio.sleep(1)  # riata: ignore[E501]  # error: RIA002
    await asyncio.sleep(1)  # riata: ignore[RIA000]  # error: RIA002


async def known():
    await asyncio.sleep(1)  # riata: ignore[blocking-call-in-async]
    await asyncio.sleep(1)  # noqa: E501, B007
    await asyncio.sleep(1)  # riata: ignore
    await asyncio.sleep(1)  # riata: ignore[RIA101, RIA102]
    await asyncio.sleep(1)  # riata: ignore[no-such-rule, unknown-rule-in-suppression]
