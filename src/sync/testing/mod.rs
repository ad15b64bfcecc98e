//! The protocol against a product in memory, over real sockets.

mod hostile;
mod http;
mod model;
mod patience;
mod product;
mod random;
mod trouble;
mod vectors;
mod world;
