//! Makes Rust of the contracts; needs protoc.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        .build_server(false)
        .compile_protos(&["proto/quantstream/v1/market_data.proto"], &["proto"])
}
