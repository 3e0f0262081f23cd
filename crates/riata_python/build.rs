//! Hands the `Py_3_x` configuration flags of PyO3, and the target's name, to this crate.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo:rustc-env=RIATA_TARGET={target}");
}
