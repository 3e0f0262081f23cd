//! Clocks.

use crate::driver::Seconds;

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[inline]
pub(crate) fn monotonic_nanos() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to. The call cannot fail: the clock exists and the pointer is good.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// `CLOCK_MONOTONIC` as Python's `time.monotonic()` says it, to the last bit.
#[inline]
pub(crate) fn monotonic() -> Seconds {
    monotonic_nanos() as f64 / 1e9
}
