//! The protocol against a product in memory, over real sockets.

mod http;
mod model;
mod product;
mod vectors;
mod world;
