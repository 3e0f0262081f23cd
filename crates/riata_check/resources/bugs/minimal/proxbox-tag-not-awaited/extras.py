"""Extras of the inventory: tags and roles."""

from session import inventory


async def tag():
    session = await inventory()
    found = session.extras.tags.get(slug="cluster")
    if found is None:
        found = session.extras.tags.create(slug="cluster", name="Cluster")
    return found


async def role(name):
    session = await inventory()
    return session.extras.roles.get(name=name)
