//! The service: routes, configuration, accounts and the commands of the binary `nilometer`.

pub mod accounts;
pub mod cli;
pub mod config;
pub mod context;
pub mod files;
pub mod held;
pub mod html;
pub mod limits;
pub mod links;
pub mod metrics;
pub mod observe;
pub mod openapi;
pub mod operations;
pub mod problem;
pub mod problems;
pub mod routes;
pub mod server;
pub mod state;
pub mod zip;

mod body;
mod browser;
mod content_policy;
mod counted;
mod exports;
mod guard;
mod http_date;
mod mail;
mod middleware;
mod oidc;
mod orders;
mod places;
mod reading;
mod similar;
mod suggest;
mod views;

pub use middleware::router;
