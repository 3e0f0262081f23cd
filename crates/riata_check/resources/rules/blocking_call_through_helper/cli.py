import helpers


async def command():
    helpers.read("x")
    open("x")
    helpers.opened_twice()  # error: RIA102
