//! The service: routes, configuration, accounts and the binary nilometer.
