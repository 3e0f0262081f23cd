"""asyncpg, unmodified, on the loop under test, with a PostgreSQL of its own."""

import asyncio
import io

import asyncpg
import pytest

from ..support import differential


def test_queries(postgres):
    async def scenario(loop, log):
        conn = await asyncpg.connect(postgres.dsn)
        log(await conn.fetchval("select 1 + 1"))
        rows = await conn.fetch(
            "select i, i * i as square, 'row ' || i as name from generate_series(1, 1000) i"
        )
        log(len(rows), rows[-1]["square"], rows[499]["name"], sum(row["i"] for row in rows))
        statement = await conn.prepare("select $1::int * $2::int")
        log([await statement.fetchval(i, i + 1) for i in range(50)])
        log(await conn.fetchval("select repeat('x', 1000000)") == "x" * 1_000_000)
        log(
            await conn.fetchval("select $1::bytea", bytes(range(256)) * 5000)
            == bytes(range(256)) * 5000
        )
        for sql in ("select 1 / 0", "selec", "select * from missing_table"):
            try:
                await conn.fetch(sql)
            except asyncpg.PostgresError as error:
                log(type(error).__name__, str(error))
        await conn.close()
        log(conn.is_closed())

    differential(scenario)


def test_pool(postgres):
    async def scenario(loop, log):
        async with asyncpg.create_pool(postgres.dsn, min_size=2, max_size=5) as pool:

            async def one(i):
                async with pool.acquire() as conn:
                    return await conn.fetchval("select $1::int * 2", i)

            log(await asyncio.gather(*[one(i) for i in range(200)]))
            log(pool.get_size() <= 5)
            tasks = [asyncio.ensure_future(pool.fetchval("select pg_sleep(5)")) for _ in range(3)]
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            log([type(r).__name__ for r in await asyncio.gather(*tasks, return_exceptions=True)])
            log(await pool.fetchval("select 'alive'"))

    differential(scenario)


def test_transactions(postgres):
    async def scenario(loop, log):
        conn = await asyncpg.connect(postgres.dsn)
        await conn.execute("create temporary table t (id int primary key, name text)")
        async with conn.transaction():
            await conn.execute("insert into t values (1, 'one')")
            async with conn.transaction():
                await conn.execute("insert into t values (2, 'two')")
        try:
            async with conn.transaction():
                await conn.execute("insert into t values (3, 'three')")
                raise ZeroDivisionError
        except ZeroDivisionError:
            log("rolled back")
        try:
            async with conn.transaction():
                await conn.execute("insert into t values (1, 'again')")
        except asyncpg.UniqueViolationError as error:
            log(type(error).__name__)
        await conn.executemany(
            "insert into t values ($1, $2)", [(i, f"n{i}") for i in range(10, 500)]
        )
        log([tuple(r) for r in await conn.fetch("select * from t where id < 12 order by id")])
        async with conn.transaction():
            total = 0
            async for record in conn.cursor("select id from t order by id", prefetch=17):
                total += record["id"]
            log(total)
        await conn.close()

    differential(scenario)


def test_copy(postgres):
    async def scenario(loop, log):
        conn = await asyncpg.connect(postgres.dsn)
        await conn.execute("create temporary table c (id int, payload text)")
        records = [(i, "payload " * (i % 50)) for i in range(20_000)]
        log(await conn.copy_records_to_table("c", records=records))
        log(
            await conn.fetchval("select count(*) from c"),
            await conn.fetchval("select sum(length(payload)) from c"),
        )
        sink = io.BytesIO()
        log(await conn.copy_from_table("c", output=sink, format="csv"))
        log(sink.getvalue().count(b"\n"), len(sink.getvalue()))
        sink.seek(0)
        await conn.execute("truncate c")
        log(await conn.copy_to_table("c", source=sink, format="csv"))

        class SlowSink:
            total = 0

            async def write(self, data):
                self.total += len(data)
                await asyncio.sleep(0)

        slow = SlowSink()
        await conn.copy_from_query("select * from c", output=slow.write)
        log(slow.total)
        await conn.close()

    differential(scenario)


def test_listen_and_notify(postgres):
    async def scenario(loop, log):
        listener = await asyncpg.connect(postgres.dsn)
        notifier = await asyncpg.connect(postgres.dsn)
        got = asyncio.Queue()
        await listener.add_listener(
            "news", lambda c, pid, channel, payload: got.put_nowait((channel, payload))
        )
        for i in range(20):
            await notifier.execute("select pg_notify('news', $1)", f"item {i}")
        log([await asyncio.wait_for(got.get(), 5) for _ in range(20)])
        await listener.close()
        await notifier.close()

    differential(scenario)


def test_timeouts_and_cancellation(postgres):
    async def scenario(loop, log):
        conn = await asyncpg.connect(postgres.dsn)
        with pytest.raises(asyncio.TimeoutError):
            await conn.fetchval("select pg_sleep(5)", timeout=0.05)
        log("timed out")
        log(await conn.fetchval("select 'usable again'"))
        task = asyncio.ensure_future(conn.fetchval("select pg_sleep(5)"))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        log(await conn.fetchval("select 'and again'"))
        await conn.close()

    differential(scenario)


def test_connection_terminated_by_the_server(postgres):
    async def scenario(loop, log):
        victim = await asyncpg.connect(postgres.dsn)
        killer = await asyncpg.connect(postgres.dsn)
        waiting = asyncio.ensure_future(victim.fetchval("select pg_sleep(5)"))
        await asyncio.sleep(0.02)
        await killer.execute("select pg_terminate_backend($1)", victim.get_server_pid())
        try:
            await waiting
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError) as error:
            log(type(error).__name__)
        log(victim.is_closed())
        await killer.close()

    differential(scenario)


def test_refused():
    async def scenario(loop, log):
        try:
            await asyncpg.connect("postgresql://nobody@127.0.0.1:1/none", timeout=5)
        except OSError as error:
            log(type(error).__name__)

    differential(scenario)
