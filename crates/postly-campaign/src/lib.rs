//! Campaigns that test the whole service from outside: its speed (`cargo xtask bench`), and the faults under
//! which it might lose a message or a credit (`cargo xtask chaos`). They use real processes, real databases
//! and real HTTP. Nothing of this crate is shipped.

pub mod service;

/// Scatters a number: equal inputs give equal outputs, and different inputs different ones. This is the
/// finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014,
/// with the constants of Vigna's `splitmix64.c`).
pub fn scattered(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
