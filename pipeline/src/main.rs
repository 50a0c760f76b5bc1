//! catchwater
fn main(){}
