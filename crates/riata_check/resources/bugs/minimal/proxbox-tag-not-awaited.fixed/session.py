async def inventory():
    import pynetbox

    return pynetbox.api("http://localhost", token="none")
