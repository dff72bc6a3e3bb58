//! Spectacles' native codec: a Discord gateway connection's bytes to events in a broker's encoding.
//! README.md says how the parts fit and how they are tested.

#![deny(unsafe_code)]

pub mod decoder;
pub mod encoder;
pub mod error;
pub mod framing;
pub mod redis;
pub mod transport;

#[allow(unsafe_code)] // The one place for it: pointers make the scan twice as fast.
pub mod kernel;

mod bounds;
mod envelope;
mod events;
mod messages;
mod msgpack;
mod outline;
mod text;
mod waiting;

// Nothing but JavaScript can call it.
#[cfg(all(feature = "addon", not(test)))]
mod bindings;
