//! Campaigns against the whole service, from outside: how fast it is (`cargo xtask bench`), and what it takes to make it
//! lose a message or a credit (`cargo xtask chaos`). Real processes, real databases, real HTTP; nothing of it is shipped.

pub mod service;

/// A number that looks like any other, and always the same for the same one: the finaliser of SplitMix64 (Steele, Lea and
/// Flood, "Fast splittable pseudorandom number generators", 2014, with the constants of Vigna's `splitmix64.c`). Different
/// numbers stay different.
pub fn scattered(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
