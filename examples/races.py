"""The fastest of several: `race` takes the first one to end, `first_success` the first one that does not fail.

    python examples/races.py

Prints:
    far was cancelled and has cleaned up
    race: near
    first success: far
    all failed: [OSError('broken is down'), OSError('broken is down')]
"""

import riata


async def ask(server: str, seconds: float) -> str:
    try:
        await riata.sleep(seconds)
    except BaseException:
        print(f"{server} was cancelled and has cleaned up")
        raise
    if server == "broken":
        raise OSError("broken is down")
    return server


async def main() -> None:
    winner = await riata.race(ask("near", 0.01), ask("far", 60))
    print(f"race: {winner}")
    answer = await riata.first_success(ask("broken", 0), ask("far", 0.02))
    print(f"first success: {answer}")
    try:
        await riata.first_success(ask("broken", 0), ask("broken", 0.01))
    except BaseException as failed:
        print(f"all failed: {list(failed.exceptions)}")  # type: ignore[attr-defined]


if __name__ == "__main__":
    riata.run(main())
