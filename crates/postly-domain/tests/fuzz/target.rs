//! The runner of fuzz targets: a second in every test, and as long as `cargo xtask fuzz` says. Other crates
//! with a parser include this file, too.

use std::time::{Duration, Instant};

use proptest::{
    strategy::Strategy,
    test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner},
};

/// The default time of a target.
const TEST_TIME: Duration = Duration::from_secs(1);
/// The number of inputs between two looks at the clock.
const BATCH: u32 = 200;
/// The most steps of the search for a smaller failing input.
const SHRINK_STEPS: u32 = 20_000;

/// Tries random inputs until the time is over. A failing one is made smaller, and its seed is kept beside the
/// target.
pub(crate) fn fuzz<S: Strategy>(source_file: &'static str, input: &S, check: impl Fn(S::Value)) {
    let (time, is_search) = match std::env::var("POSTLY_FUZZ_SECONDS") {
        Ok(seconds) => (Duration::from_secs(seconds.parse().expect("POSTLY_FUZZ_SECONDS is a number")), true),
        Err(_) => (TEST_TIME, false),
    };
    let config = Config {
        cases: BATCH,
        source_file: Some(source_file),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        max_shrink_iters: SHRINK_STEPS,
        ..Config::default()
    };
    let (started, mut tried) = (Instant::now(), 0);
    while started.elapsed() < time {
        // A runner counts its inputs for ever, so each batch has its own. A test tries the same inputs each
        // time, so that a new finding does not fail an unrelated run.
        let rng_seed = if is_search { RngSeed::Random } else { RngSeed::Fixed(tried.into()) };
        let result = TestRunner::new(Config { rng_seed, ..config.clone() }).run(input, |input| {
            check(input);
            Ok(())
        });
        if let Err(failure) = result {
            panic!("{failure}");
        }
        tried += BATCH;
    }
    println!("{tried} inputs in {:?}", started.elapsed());
}
