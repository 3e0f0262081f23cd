import asyncio

_candidates = {}
_lock = asyncio.Lock()


async def archive_url(fetch_listing, product, version):
    async with _lock:
        if product not in _candidates:
            folders, _ = await fetch_listing(product)
            _candidates[product] = {}
            for folder in folders:
                builds, _ = await fetch_listing(folder)
                _candidates[product][folder] = sorted(builds)[-1]
    return _candidates[product][version]
