//! Both drivers under one body of tests, and the simulation's own promises.

mod conformance;
mod day;
mod faults;
mod sim;
mod turn;
