_cache = {}


def get_or_set(name, generator):
    if name not in _cache:
        _cache[name] = generator()
    return _cache[name]
