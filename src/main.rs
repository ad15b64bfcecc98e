//! The `greenroom` binary: arguments in, exit code out. Everything else is in the library.

use clap::Parser;
use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    greenroom::cli::run(greenroom::cli::Args::parse())
}
