//! Clocks.

use crate::driver::Seconds;

/// The clock that Python's `time.monotonic()` reads.
#[cfg(not(target_vendor = "apple"))]
const MONOTONIC: libc::clockid_t = libc::CLOCK_MONOTONIC;
#[cfg(target_vendor = "apple")]
const MONOTONIC: libc::clockid_t = libc::CLOCK_UPTIME_RAW;

/// Nanoseconds of the monotonic clock.
#[inline]
pub(crate) fn monotonic_nanos() -> u64 {
    read_nanos(MONOTONIC)
}

/// The monotonic clock as Python's `time.monotonic()` says it, to the last bit.
#[inline]
pub(crate) fn monotonic() -> Seconds {
    monotonic_nanos() as f64 / 1e9
}

/// The monotonic clock as it was at the kernel's last tick, some milliseconds ago. A quarter of the price, where there
/// is such a clock: 6.6 ns against 24 (and 12 for the processor's counter, which would need a scale besides).
#[inline]
pub(crate) fn monotonic_coarse() -> Seconds {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let nanos = read_nanos(libc::CLOCK_MONOTONIC_COARSE);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let nanos = monotonic_nanos();
    nanos as f64 / 1e9
}

#[inline]
fn read_nanos(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid timespec to write to. The call cannot fail: the clock exists and the pointer is good.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
