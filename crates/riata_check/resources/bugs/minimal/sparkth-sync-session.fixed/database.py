from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Session, create_engine
from sqlmodel.ext.asyncio.session import AsyncSession

engine = create_engine("postgresql+psycopg2://localhost/app", pool_pre_ping=True)
async_engine = create_async_engine("postgresql+asyncpg://localhost/app")


def get_session():
    with Session(engine) as session:
        yield session


async def get_async_session():
    async with AsyncSession(async_engine) as session:
        yield session
