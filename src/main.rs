//! The program `revledger`.

fn main() {}
