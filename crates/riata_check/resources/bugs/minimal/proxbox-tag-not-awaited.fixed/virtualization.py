"""Machines and clusters of the inventory."""

import extras
from session import inventory


async def cluster(name):
    session = await inventory()
    tag = await extras.tag()
    try:
        found = session.virtualization.clusters.get(name=name)
        if found is None:
            found = session.virtualization.clusters.create(name=name, tags=[tag.id])
        else:
            place = found.tags.index(tag)
            if place < 0:
                found.tags.append(tag.id)
    except ValueError as error:
        raise RuntimeError(f"no cluster {name}") from error
    return found
