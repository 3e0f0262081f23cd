//! Hands the `Py_3_x` configuration flags of PyO3 to this crate.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
