//! catchwater
fn main() {}
