//! Both drivers under one body of tests, and the simulation's own promises.

mod conformance;
mod sim;
mod turn;
