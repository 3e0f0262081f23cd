"""SQLAlchemy's async engine over aiosqlite or asyncpg: `sqlalchemy_app.py SCENARIO URL`."""

import asyncio
import gc
import sys
import time

from sqlalchemy import ForeignKey, event, func, insert, inspect, select, text, update
from sqlalchemy.exc import PendingRollbackError, TimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncAttrs,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

if sys.version_info >= (3, 11):
    timeout = asyncio.timeout
else:
    from async_timeout import timeout


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int] = mapped_column(default=0)
    entries: Mapped[list["Entry"]] = relationship(order_by="Entry.id")


class Entry(Base):
    __tablename__ = "entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[int]


def make_engine(url, **options):
    engine = create_async_engine(url, **options)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def add_sleep(connection, record):
            connection.create_function("pg_sleep", 1, time.sleep)

    return engine


def slow(engine):
    """A query that takes longer than anybody here waits; sqlite's is in a thread that cannot be stopped."""
    return select(func.pg_sleep(0.4 if engine.dialect.name == "sqlite" else 20.0))


async def recreate(engine):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
        await connection.execute(insert(Account), [{"id": 1, "balance": 0}])


async def sessions(url):
    engine = make_engine(url, pool_size=3, max_overflow=0)
    await recreate(engine)
    async with engine.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        print("tables", sorted(names))

    # More sessions than connections.
    make_session = async_sessionmaker(engine, expire_on_commit=False)
    most = 0

    async def pay(amount):
        nonlocal most
        async with make_session() as session, session.begin():
            await session.execute(
                update(Account).where(Account.id == 1).values(balance=Account.balance + amount)
            )
            most = max(most, engine.pool.checkedout())
            entry = Entry(account_id=1, amount=amount)
            session.add(entry)
            await session.flush()
            return entry.id

    ids = await asyncio.gather(*[pay(amount) for amount in range(1, 25)])
    print("ids", sorted(ids) == list(range(1, 25)), "most connections", most)

    async with make_session() as session:
        account = await session.get(Account, 1)
        print("balance", account.balance)
        entries = await account.awaitable_attrs.entries
        print("entries", len(entries), sorted(entry.amount for entry in entries)[-3:])
        stream = await session.stream_scalars(select(Entry.amount).order_by(Entry.amount))
        print("streamed", [amount async for amount in stream][:5])

        def lazily(sync):
            sync.expire_all()
            return sum(entry.amount for entry in sync.get(Account, 1).entries)

        print("run_sync", await session.run_sync(lazily))
        try:
            await session.run_sync(lambda sync: sync.execute(text("selec")))
        except Exception as error:
            print("run_sync raised", type(error).__name__)
        await session.rollback()

        # An exception within a transaction takes it back.
        try:
            async with session.begin():
                await session.execute(update(Account).values(balance=-1))
                raise ZeroDivisionError
        except ZeroDivisionError:
            print("balance still", await session.scalar(select(Account.balance)))
    print("in use", engine.pool.checkedout())
    await engine.dispose()


async def waiting(url):
    """Tasks that wait for the pool's only connection: in turn, in vain, and until they are cancelled."""
    engine = make_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    patient = make_engine(url, pool_size=1, max_overflow=0)
    got = []

    async def ask(pool, name):
        async with pool.connect() as connection:
            got.append(name)
            return await connection.scalar(select(name * 10))

    print("answers", await asyncio.gather(*[ask(patient, name) for name in range(8)]))
    print("in turn", got)

    async with engine.connect() as connection:
        try:
            await ask(engine, 100)
        except TimeoutError as error:
            print(str(error).partition(", connection timed out")[0])
        print("the holder", await connection.scalar(select(7)))

    got.clear()
    async with patient.connect():
        tasks = [asyncio.ensure_future(ask(patient, name)) for name in range(4)]
        await asyncio.sleep(0.02)
        tasks[0].cancel()
        tasks[2].cancel()
        for limited in (asyncio.wait_for(ask(patient, 4), 0.05), within(0.05, ask(patient, 5))):
            try:
                await limited
            except asyncio.TimeoutError:
                print("gave up")
        print("nobody got it", got)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    print([one if isinstance(one, int) else type(one).__name__ for one in ended], got)
    print("in use", engine.pool.checkedout(), patient.pool.checkedout())
    await engine.dispose()
    await patient.dispose()


async def within(seconds, awaitable):
    async with timeout(seconds):
        return await awaitable


async def wait_for(seconds, awaitable):
    return await asyncio.wait_for(awaitable, seconds)


async def interruptions(url):
    """Queries that are left before their end, by a timeout or by cancellation, and what works afterwards."""
    engine = make_engine(url, pool_size=2, max_overflow=0)
    await recreate(engine)

    # A connection: what was done in the transaction is gone, and it connects anew.
    async with engine.connect() as connection:
        for name, limit in (("timeout", within), ("wait_for", wait_for)):
            await connection.execute(update(Account).values(balance=99))
            try:
                await limit(0.05, connection.execute(slow(engine)))
            except asyncio.TimeoutError:
                print(name, "connection invalidated", connection.invalidated)
            try:
                await connection.scalar(select(1))
            except PendingRollbackError as error:
                print(type(error).__name__)
            await connection.rollback()
            # sqlite lets go of a closed connection's locks when its last cursor is gone.
            gc.collect()
            print("then", await connection.scalar(select(Account.balance)))
            await connection.rollback()

    # A session, in a task that is cancelled.
    make_session = async_sessionmaker(engine)
    started = asyncio.Event()

    async def cancelled():
        async with make_session() as session:
            session.add(Entry(account_id=1, amount=5))
            await session.flush()
            print("before", await session.scalar(select(func.count(Entry.id))))
            started.set()
            try:
                await session.execute(slow(engine))
            except asyncio.CancelledError:
                print("interrupted")
            else:
                return
            await session.rollback()
            gc.collect()
            print("rolled back", await session.scalar(select(func.count(Entry.id))))
            session.add(Entry(account_id=1, amount=6))
            await session.commit()
            raise asyncio.CancelledError

    task = asyncio.ensure_future(cancelled())
    await started.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", task.cancelled())

    # Many at once, of which `gather` is cancelled; the pool has two connections, so most still wait for one.
    async def stuck():
        async with make_session() as session:
            await session.execute(slow(engine))

    try:
        await within(0.05, asyncio.gather(*[stuck() for _ in range(6)]))
    except asyncio.TimeoutError:
        print("gather timed out")
    while engine.pool.checkedout():
        await asyncio.sleep(0.001)

    async with make_session() as session:
        print("left", (await session.scalars(select(Entry.amount))).all())
        print("balance", await session.scalar(select(Account.balance)))
    print("in use", engine.pool.checkedout())
    await engine.dispose()


async def main():
    loop = asyncio.get_running_loop()
    print(*(kind.__module__.partition(".")[0] for kind in (type(loop), asyncio.Lock)))
    await {"sessions": sessions, "waiting": waiting, "interruptions": interruptions}[sys.argv[1]](
        sys.argv[2]
    )
    others = asyncio.all_tasks() - {asyncio.current_task()}
    print("other tasks", len(others))


asyncio.run(main())
