"""What is not built yet says so."""

import asyncio

import pytest

from ..support import LOOPS

pytestmark = pytest.mark.skipif("riata" not in LOOPS, reason="asks riata alone (RIATA_TEST_LOOPS)")


def test_the_rest_raises_not_implemented_with_a_message():
    from ..support import checked_loop

    with checked_loop("riata") as (loop, _):

        async def main():
            for make in (
                lambda: loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
                ),
                lambda: loop.subprocess_exec(asyncio.SubprocessProtocol, "true"),
                lambda: loop.subprocess_shell(asyncio.SubprocessProtocol, "true"),
                lambda: loop.connect_read_pipe(asyncio.Protocol, open("/dev/null")),  # noqa: SIM115
                lambda: loop.connect_write_pipe(asyncio.Protocol, open("/dev/null")),  # noqa: SIM115
            ):
                with pytest.raises(NotImplementedError) as caught:
                    await make()
                assert len(str(caught.value)) > 10, "it says what is not there"

        loop.run_until_complete(main())
