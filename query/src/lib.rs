//! Parsing, planning and execution of a search over one snapshot.
