//! The protocol against a product in memory, over real sockets.

mod hostile;
mod http;
mod model;
mod product;
mod random;
mod vectors;
mod world;
