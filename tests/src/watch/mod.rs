//! What a consumer of changes keeps: a copy made of events alone, beside which the document is read.

pub mod edits;
pub mod mirror;
