"""A quote server and its client, on the standard library's asyncio only.

    riata run examples/prices.py        on riata's event loop
    python examples/prices.py           on asyncio's

The server answers `SYMBOL` with `PRICE PREVIOUS` from prices.csv, one line each. The client asks for every symbol at
once and prints a table. Three of its requests go wrong, as they do in life: one answer comes late, one connection
breaks, one answer makes no sense. Each costs its own row and nothing else.
"""

import asyncio
import csv
import sys
import time
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import TracebackType

DATA = Path(__file__).with_name("prices.csv")
TIMEOUT = 0.5  # seconds that the client waits for one quote, connecting included
SLOW = 20.0  # seconds that the server takes for a slow one
LINE_LIMIT = 200  # bytes; a peer that sends more is not talking our protocol


@dataclass(frozen=True)
class Listing:
    """A line of the data file."""

    sector: str
    symbol: str
    price: str
    previous: str
    behaviour: str


@dataclass(frozen=True)
class Quote:
    price: Decimal
    change: Decimal  # in per cent


@dataclass(frozen=True)
class Problem:
    reason: str


class QuoteServer:
    """Serves quotes on a free port of the loopback; `async with` starts it, and ends what is still being served."""

    def __init__(self, listings: list[Listing]) -> None:
        self.listings = {listing.symbol: listing for listing in listings}
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "QuoteServer":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=LINE_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            symbol = (await reader.readline()).decode("ascii").strip()
            listing = self.listings.get(symbol)
            if listing is None:
                writer.write(b"unknown\n")
            elif listing.behaviour == "fails":
                writer.transport.abort()
                return
            else:
                if listing.behaviour == "slow":
                    await asyncio.sleep(SLOW)
                writer.write(f"{listing.price} {listing.previous}\n".encode("ascii"))
            await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the client went away, or sent no symbol: nobody is left to tell
        finally:
            writer.close()


async def ask(port: int, symbol: str) -> str:
    """Ask the server for one quote and return its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LINE_LIMIT)
    try:
        writer.write(f"{symbol}\n".encode("ascii"))
        await writer.drain()
        answer = await reader.readline()
        if not answer:
            raise ConnectionResetError("no answer")
        return answer.decode("ascii").strip()
    finally:
        writer.close()


def parse(answer: str) -> Quote:
    """Read an answer of the server.

    Raises:
        ValueError: the answer is no quote.
    """
    try:
        price, previous = map(Decimal, answer.split())
        return Quote(price, (price / previous - 1) * 100)
    except (ValueError, InvalidOperation, ZeroDivisionError):
        raise ValueError(f"malformed quote {answer!r}") from None


async def fetch(port: int, symbol: str) -> Quote | Problem:
    """Fetch one quote. What can go wrong with a request comes back as a Problem; anything else is a bug and raises."""
    try:
        return parse(await asyncio.wait_for(ask(port, symbol), TIMEOUT))
    except asyncio.TimeoutError:
        return Problem(f"no answer within {TIMEOUT} s")
    except ConnectionError:
        return Problem("connection lost")
    except ValueError as error:
        return Problem(str(error))


async def fetch_sector(port: int, listings: list[Listing]) -> list[Quote | Problem]:
    return await asyncio.gather(*(fetch(port, listing.symbol) for listing in listings))


async def fetch_all(port: int, sectors: list[list[Listing]]) -> list[list[Quote | Problem]]:
    """Fetch all sectors at once. If one raises, the others are cancelled, where the Python has task groups."""
    if sys.version_info >= (3, 11):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch_sector(port, sector)) for sector in sectors]
        return [task.result() for task in tasks]
    else:
        return await asyncio.gather(*(fetch_sector(port, sector) for sector in sectors))


def read_listings() -> list[Listing]:
    with DATA.open(newline="", encoding="utf-8") as file:
        return [Listing(**row) for row in csv.DictReader(file)]


async def main() -> None:
    listings = read_listings()
    sectors: dict[str, list[Listing]] = {}
    for listing in listings:
        sectors.setdefault(listing.sector, []).append(listing)
    began = time.perf_counter()
    async with QuoteServer(listings) as server:
        answers = await fetch_all(server.port, list(sectors.values()))
    print_table(list(sectors.values()), answers)
    loop = type(asyncio.get_running_loop())
    print(f"\nloop: {loop.__module__}.{loop.__qualname__}, {time.perf_counter() - began:.3f} s")


def print_table(sectors: list[list[Listing]], answers: list[list[Quote | Problem]]) -> None:
    print(f"{'sector':<12}{'symbol':<8}{'price':>9}{'change':>10}")
    for listings, quotes in zip(sectors, answers, strict=True):
        for listing, quote in zip(listings, quotes, strict=True):
            row = f"{listing.sector:<12}{listing.symbol:<8}"
            if isinstance(quote, Quote):
                print(f"{row}{quote.price:>9.2f}{quote.change:>+9.2f}%")
            else:
                print(f"{row}{'-':>9}{'-':>10}  {quote.reason}")
    got = [quote for quotes in answers for quote in quotes if isinstance(quote, Quote)]
    total = sum(map(len, answers))
    print(f"\n{len(got)} of {total} quotes", end="")
    if got:
        print(f", on average {sum(quote.change for quote in got) / len(got):+.2f}%", end="")
    print()


if __name__ == "__main__":
    asyncio.run(main())
