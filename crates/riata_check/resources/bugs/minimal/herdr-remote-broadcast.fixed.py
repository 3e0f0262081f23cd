import json

clients = set()


async def broadcast(message):
    dead = set()
    text = json.dumps(message)
    for client in list(clients):
        try:
            await client.send(text)
        except ConnectionError:
            dead.add(client)
    clients.difference_update(dead)


async def serve(client):
    clients.add(client)
    try:
        async for message in client:
            await broadcast({"echo": message})
    finally:
        clients.discard(client)
