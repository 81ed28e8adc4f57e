//! Sources, the log, the on-disk layout, its writer and its opening.
