//! Every feature of the system that D1's users come from.
