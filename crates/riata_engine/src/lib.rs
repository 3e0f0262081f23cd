//! riata_engine
