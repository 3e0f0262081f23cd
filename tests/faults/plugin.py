"""A pytest plugin for a build with faults: a plan for each test, and at the end how many faults there were.

`pytest -p tests.faults.plugin --faults rate=0.2,kinds=harmless --faults-seed 3` gives every test RIATA_FAULTS with a seed that
comes from its name and the number given, so that a test alone meets the same faults as among others.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

counts: Counter[str] = Counter()

# Tests that say how much one system call takes or gives, or in which turn: so much is the kernel's to choose, and with faults it
# chooses differently.
COUNT_ON_THE_KERNEL = {
    # One `recv` is to bring all that was sent.
    "tests/net/test_buffered.py": ("test_get_buffer_may_switch_to_another_protocol",),
    "tests/net/test_closing.py": (
        "test_close_flushes_what_was_written",  # ... or one `send` not to take all
        "test_close_from_within_data_received",  # or the close is a reset
    ),
    "tests/net/test_contexts.py": ("test_plain",),
    "tests/net/test_flow.py": (
        "test_receiving_once_more_from_within",
        "test_what_the_loop_saw_before_a_pause_is_not_for_who_resumes",
    ),
    "tests/net/test_patched_streams.py": (
        "test_a_class_that_is_patched_while_connected",
        "test_a_protocol_that_is_patched",
        "test_a_reader_that_is_patched",
    ),
    "tests/net/test_tcp.py": ("test_data_is_bytes",),
    "tests/sock/test_sock.py": (
        "test_a_descriptor_used_again_while_data_was_ready",
        "test_a_message_is_received_whole",
        "test_a_reader_that_is_ready_is_not_called_when_it_is_replaced",
        "test_accept_and_connect",
        "test_cancellation_drops_the_watcher",
        "test_large_sendall_waits_for_the_reader",
        "test_many_pairs_ping_pong",
        "test_recv_and_sendall",
        "test_recv_into",
        "test_the_socket_is_watched_until_who_waits_goes_on",
        "test_timeout_around_recv",
    ),
    "tests/faults/test_user_code.py": ("test_emfile_on_accept_recovers",),
    # One `send` is to take all that was written: before an abort, or before a look at the buffer or at the peer.
    "tests/net/test_writes.py": (
        "test_a_fork_does_not_send_twice",
        "test_a_view_that_is_sent_at_once_is_let_go",
        "test_abort_loses_nothing_that_asyncio_would_have_sent",
        "test_an_empty_buffer_whose_release_writes",
        "test_others_write_to_the_same_descriptor",
        "test_the_order_among_connections",
        "test_the_peer_is_gone",
        "test_the_program_is_replaced_by_another",
        "test_the_protocol_is_paused_by_the_write_that_is_too_much",
        "test_the_size_of_the_buffer_is_what_the_kernel_did_not_take",
        "test_what_ends_the_loop_does_not_keep_a_write",
        "test_who_asks_for_the_socket_finds_it_written",
        "test_what_is_kept_of_data_that_changes",
        "test_whoever_blocks_the_loop_finds_it_sent",
        "test_without_a_running_loop_a_write_goes_out_at_once",
        "test_writelines_begins_to_watch_anew",
    ),
    # As often as it is read, it is told; and one `write` is to take all.
    "tests/pipes/test_pipes.py": ("test_writing",),
    "tests/pipes/test_pipe_events.py": ("test_in_data_received", "test_what_write_takes"),
    # The first `send` is to meet the reset.
    "tests/net/test_drain.py": ("test_a_failed_write_is_told",),
    "tests/tls/test_drain.py": ("test_a_failed_write_is_told",),
    "tests/tls/test_endings.py": (
        "test_a_client_that_the_server_refuses",
        "test_a_transport_that_is_dropped_open_is_warned_about",
        "test_abort_loses_nothing_that_was_written_before",
        "test_what_was_written_before_a_bad_item_arrives",
    ),
    "tests/tls/test_user_code.py": (
        "test_in_a_callback",
        "test_in_a_callback_of_flow_control",
        "test_what_ends_the_loop_comes_out",
        "test_writelines_of_what_has_no_length",
    ),
    # Something is to have happened after so many turns, or so many milliseconds.
    "tests/tls/test_accept.py": (
        "test_a_socket_that_cannot_be_made",
        "test_an_eager_task_that_closes_the_server",
    ),
    "tests/tls/test_records.py": ("test_data_and_goodbye_in_one_piece", "test_records_cut_in_two"),
    # A command must reach s_client in one piece.
    "tests/tls/test_second_handshakes.py": ("test_commands_of_openssl",),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--faults", default="rate=0.2", help="the words of RIATA_FAULTS but its seed")
    group.addoption("--faults-seed", type=int, default=1, help="another number, other faults")


def pytest_configure(config: pytest.Config) -> None:
    from riata import EventLoop, _riata

    if not hasattr(_riata.Loop, "_fault_counts"):
        raise pytest.UsageError("this build of riata has no faults; hint: `make faults`")
    close = EventLoop.close

    def close_and_count(self: Any) -> None:
        if not self.is_closed():
            counts.update(self._fault_counts())
        close(self)

    EventLoop.close = close_and_count


def pytest_report_header(config: pytest.Config) -> str:
    return f"faults: {config.option.faults},seed={config.option.faults_seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if counts_on_the_kernel(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def counts_on_the_kernel(item: pytest.Item) -> bool:
    path, _, name = item.nodeid.partition("::")
    return name.partition("[")[0] in COUNT_ON_THE_KERNEL.get(path, ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    seed = zlib.crc32(f"{item.config.option.faults_seed} {item.nodeid}".encode())
    os.environ["RIATA_FAULTS"] = f"{item.config.option.faults},seed={seed}"
    try:
        return (yield)
    finally:
        del os.environ["RIATA_FAULTS"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    # A run without faults has shown nothing.
    if not counts and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    terminalreporter.write_line(f"faults: {said or 'none'}")
