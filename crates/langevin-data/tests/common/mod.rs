//! What several tests need; none needs all of it.
#![allow(dead_code)]

pub(crate) mod jpegs;
pub(crate) mod parquets;
pub(crate) mod webps;
