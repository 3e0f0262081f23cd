//! riata_sim
