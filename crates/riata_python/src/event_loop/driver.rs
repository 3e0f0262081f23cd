//! Which driver a loop runs on: the kernel's. A build with the feature `faults` makes its system calls fail.
//!
//! What is deliberately absent: a choice at run time. A build without the feature knows of no faults and pays for none.

#[cfg(not(feature = "faults"))]
pub use riata_engine::KernelDriver as LoopDriver;

#[cfg(feature = "faults")]
pub use faulty::LoopDriver;

/// The driver of a new loop.
#[cfg(not(feature = "faults"))]
pub fn open() -> std::io::Result<LoopDriver> {
    LoopDriver::new()
}

#[cfg(feature = "faults")]
pub use faulty::open;

/// What the driver is called, for `build_info`.
pub const NAME: &str = if cfg!(feature = "faults") {
    "faulty"
} else {
    riata_engine::KernelDriver::NAME
};

#[cfg(feature = "faults")]
mod faulty {
    use std::io;

    use pyo3::prelude::*;
    use pyo3::types::PyDict;
    use riata_engine::KernelDriver;
    use riata_sim::{FaultPlan, Faulty};

    use crate::event_loop::Loop;

    pub type LoopDriver = Faulty<KernelDriver>;

    /// Reads the plan anew for each loop: `RIATA_FAULTS`, whose words `FaultPlan` describes. Without it there are no faults.
    pub fn open() -> io::Result<LoopDriver> {
        let plan = match std::env::var("RIATA_FAULTS") {
            Ok(text) => text.parse().map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("RIATA_FAULTS: {error}"),
                )
            })?,
            Err(_) => FaultPlan::none(),
        };
        Ok(Faulty::new(KernelDriver::new()?, plan))
    }

    #[pymethods]
    impl Loop {
        /// How often there was which fault, as `{"recv ECONNRESET": 1}`.
        fn _fault_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
            let counts = PyDict::new(py);
            for (name, count) in self.core.fault_counts() {
                counts.set_item(name, count)?;
            }
            Ok(counts)
        }
    }
}
