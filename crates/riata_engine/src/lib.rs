//! The event loop of riata, without Python.
//!
//! An [`Engine`] is a ready queue, a heap of timers, a table of watched sockets and an inbox for other threads, over a
//! [`Driver`] that owns the sockets and the clock. One turn of the loop is three calls, so that nothing is borrowed
//! while the thread sleeps or while jobs run:
//!
//! ```
//! use riata_engine::{Driver, Engine, KernelDriver, Wait};
//!
//! let mut engine: Engine<KernelDriver, &str> = Engine::new(KernelDriver::new()?);
//! engine.push("now");
//! engine.add_timer(engine.time() + 0.001, "later");
//!
//! let mut order = Vec::new();
//! while order.len() < 2 {
//!     let wait = engine.prepare();
//!     if wait != Wait::Skip {
//!         engine.driver.wait(wait)?;
//!     }
//!     for _ in 0..engine.collect() {
//!         order.extend(engine.pop());
//!     }
//! }
//! assert_eq!(order, ["now", "later"]);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What is deliberately absent: any idea of what a job is. The engine never runs a job and never drops one: it is
//! generic over them, hands them out in order, and gives back whatever is cancelled, replaced or cleared.
#![warn(
    clippy::disallowed_methods,
    reason = "time comes from `Driver::now`; simulated runs must see simulated time"
)]

mod addr;
mod driver;
mod inbox;
mod queues;
mod ready;
mod receive_buffer;
mod sync;
mod sys;
mod timers;
mod turn;
mod waker;
mod watchdog;

pub use addr::{SocketAddr, UnixAddr};
pub use driver::kernel::KernelDriver;
pub use driver::{Connection, Domain, Driver, Interest, Kind, Readiness, Seconds, SocketId, Wait};
pub use inbox::Inbox;
pub use queues::Queues;
pub use receive_buffer::ReceiveBuffer;
pub use timers::Timer;
pub use turn::Engine;
pub use waker::{Signal, Waker};
pub use watchdog::{Watch, Watchdog};
