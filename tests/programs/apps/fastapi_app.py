"""A FastAPI application, as a user writes one: validation, dependencies, threads, background work, lifespan."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
from pydantic import BaseModel

state: dict[str, int] = {"started": 0, "background": 0}


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    state["started"] += 1
    yield
    print("lifespan is over", flush=True)


app = FastAPI(lifespan=lifespan)


class Order(BaseModel):
    symbol: str
    amount: int = 1


async def user(token: str = "nobody") -> str:
    await asyncio.sleep(0)
    return token.title()


@app.post("/orders")
async def order(order: Order, who: str = Depends(user)) -> dict[str, object]:
    return {"symbol": order.symbol.upper(), "amount": order.amount, "who": who}


@app.get("/threaded/{number}")
def threaded(number: int) -> dict[str, int]:
    # A plain function: FastAPI runs it in a thread.
    time.sleep(0.001)
    return {"double": number * 2}


@app.get("/background")
async def background(tasks: BackgroundTasks) -> dict[str, int]:
    async def work() -> None:
        await asyncio.sleep(0)
        state["background"] += 1

    tasks.add_task(work)
    return dict(state)


@app.get("/missing")
async def missing() -> None:
    raise HTTPException(404, "nothing here")
