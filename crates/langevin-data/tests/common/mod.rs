//! Test data shared by several tests; no test uses all of it.
#![allow(dead_code)]

pub(crate) mod jpegs;
pub(crate) mod parquets;
pub(crate) mod webps;
