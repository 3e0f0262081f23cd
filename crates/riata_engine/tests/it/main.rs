//! What only the kernel's driver can get wrong. What every driver must do is in riata_sim's tests.
#![expect(
    unsafe_code,
    reason = "the tests set scenes that no safe call can: forks, signals, descriptors closed behind the driver's back"
)]

mod poller;
mod watchdog;
