_candidates = {}


async def archive_url(fetch_listing, product, version):
    global _candidates

    if product not in _candidates:  # bug
        folders, _ = await fetch_listing(product)
        _candidates[product] = {}  # bug
        for folder in folders:
            builds, _ = await fetch_listing(folder)
            _candidates[product][folder] = sorted(builds)[-1]
    return _candidates[product][version]
