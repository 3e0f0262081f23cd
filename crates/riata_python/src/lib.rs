//! The extension module `riata._riata`: what it exports, and nothing else.

mod core;
mod errors;
mod event_loop;
mod ffi;
mod job;
mod net;
mod primitives;
mod run;
mod state;
mod tls;

use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pymodule]
mod _riata {
    use super::*;

    #[pymodule_export]
    use super::event_loop::Loop;
    #[pymodule_export]
    use super::event_loop::watchdog::Watchdog;
    #[pymodule_export]
    use super::primitives::condition::Condition;
    #[pymodule_export]
    use super::primitives::event::Event;
    #[pymodule_export]
    use super::primitives::lock::Lock;
    #[pymodule_export]
    use super::primitives::queue::{LifoQueue, PriorityQueue, Queue};
    #[pymodule_export]
    use super::primitives::semaphore::{BoundedSemaphore, Semaphore};
    #[pymodule_export]
    use super::primitives::task_group::TaskGroup;
    #[pymodule_export]
    use super::tls::SslProtocol;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        crate::state::init(py)?;
        crate::event_loop::scheduling::add_methods(py.get_type::<Loop>().as_any())?;
        crate::state::export_types(module)?;
        crate::primitives::export(module)?;
        crate::tls::finalize_by_del(py)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }

    /// Describe this build: `version`, `profile`, `target`, `driver`, `python`.
    #[pyfunction]
    fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let info = PyDict::new(py);
        info.set_item("version", env!("CARGO_PKG_VERSION"))?;
        info.set_item(
            "profile",
            if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        )?;
        info.set_item("target", env!("RIATA_TARGET"))?;
        info.set_item("driver", crate::event_loop::driver::NAME)?;
        info.set_item(
            "python",
            format!("{}.{}", py.version_info().major, py.version_info().minor),
        )?;
        Ok(info)
    }
}
