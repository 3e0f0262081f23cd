import redis


def client() -> redis.Redis:
    return redis.Redis.from_url("redis://localhost")


def is_rate_limited(connection: redis.Redis, key: str, limit: int) -> bool:
    pipe = connection.pipeline()
    pipe.incr(key)
    pipe.expire(key, 60)
    count, _ = pipe.execute()
    return count > limit
