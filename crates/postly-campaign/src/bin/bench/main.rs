//! How fast the service is, side by side with what bounds it. See docs/PERFORMANCE.md.

fn main() {}
