"""Machines and clusters of the inventory."""

import extras
from session import inventory


async def cluster(name):
    session = await inventory()
    try:
        found = session.virtualization.clusters.get(name=name)
        if found is None:
            found = session.virtualization.clusters.create(name=name, tags=[extras.tag().id])  # bug
        else:
            place = found.tags.index(extras.tag())  # bug
            if place < 0:
                found.tags.append(extras.tag().id)  # bug
    except ValueError as error:
        raise RuntimeError(f"no cluster {name}") from error
    return found
