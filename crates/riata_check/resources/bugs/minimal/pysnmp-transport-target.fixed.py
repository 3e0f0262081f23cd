async def name_of(host, make_target, ask):
    target = await make_target((host, 161))
    return await ask(target)
