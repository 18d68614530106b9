//! The Tower layers.
