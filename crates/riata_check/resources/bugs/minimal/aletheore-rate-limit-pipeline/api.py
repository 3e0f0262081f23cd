from limits import client, is_rate_limited


async def create_embeddings(request):
    connection = client()
    if is_rate_limited(connection, f"repo:{request.repo}", 60):  # bug
        return 429
    return await request.provider.embed(request.texts)
