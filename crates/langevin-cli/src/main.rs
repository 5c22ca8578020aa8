//! The `langevin` command.
#![forbid(unsafe_code)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    langevin_cli::leave(langevin_cli::run(std::env::args_os()))
}
