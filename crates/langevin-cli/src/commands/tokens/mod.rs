//! Commands on models and plans of tokens. Each has the name of the command that leads here.

pub mod analyze;
pub mod evaluate;
pub mod info;
pub mod likelihood;
pub mod plans;
pub mod recommend;
pub mod report;
pub mod sample;
pub mod tables;
