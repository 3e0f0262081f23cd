"""Where riata differs from asyncio on purpose, as far as the suite sees it: a pattern of test ids and the reason.

At most five entries; there are none.
"""

ON_PURPOSE: dict[str, str] = {}
AT_MOST = 5
