//! riata_trace
