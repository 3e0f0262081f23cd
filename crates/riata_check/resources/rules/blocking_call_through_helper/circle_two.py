from circle_one import OTHER, TABLE


async def look_up(name):
    TABLE.get(name)()
    OTHER[0]()
