// Frames of Binance's combined and raw streams to trades.
#pragma once

#include <memory>
#include <string_view>

#include "ingest/symbols.h"
#include "ingest/venue/decoder.h"

namespace quantstream::ingest {

// `channel` is `trade` or `aggTrade`; trades of the other one are ignored, for they are the same
// trades.
std::unique_ptr<Decoder> MakeBinanceDecoder(SymbolTable& symbols, std::string_view channel);

}  // namespace quantstream::ingest
