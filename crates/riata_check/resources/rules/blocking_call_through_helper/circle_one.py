"""Modules that have a name from each other."""

try:
    from circle_two import TABLE
except ImportError:
    from circle_two import TABLE, OTHER


async def look_up(name):
    TABLE[name]()
    for step in OTHER:
        step()
