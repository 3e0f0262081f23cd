//! A world for the loop that is made of memory: its own clock, its own sockets, its own names.
//!
//! [`SimDriver`] stands in for the kernel's driver, under the same engine. Its clock moves only when everybody waits,
//! and then straight to the next deadline, so a program that sleeps for a day is tested in a moment, and every run is
//! the same. [`Faulty`] is a wrapper around any driver, the kernel's too, that makes its system calls fail. What is deliberately absent: the system's clock, sockets and threads of its own, and maps whose order
//! differs between runs.
#![warn(
    clippy::disallowed_methods,
    reason = "simulated runs must see simulated time"
)]
#![warn(
    clippy::iter_over_hash_type,
    reason = "runs must not differ; use ordered maps"
)]

mod driver;
mod faults;
mod faulty;
mod net;
mod outside;

pub use driver::{Deadlock, SimDriver};
pub use faults::FaultPlan;
pub use faulty::Faulty;
pub use outside::{Outside, OutsideWork};
