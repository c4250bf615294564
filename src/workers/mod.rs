//! What workers share: the budget of bytes in flight, and the rate that all of them together may not exceed.

pub mod budget;
pub mod rate;

pub use budget::Budget;
pub use rate::Rate;
