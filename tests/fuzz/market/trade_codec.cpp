// DecodeTradeBatch on any bytes: takes what protobuf takes, and writes what it took.
#include "market/trade_codec.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <cstdlib>

#include "quantstream/v1/trade.pb.h"

namespace {

using quantstream::TradeBatch;
namespace v1 = quantstream::v1;

bool Fits(const v1::TradeBatch& batch) {
  constexpr int kMax = static_cast<int>(TradeBatch::kReadMax);
  if (batch.trades_size() > kMax || batch.heartbeats_size() > kMax) return false;
  return std::all_of(batch.trades().begin(), batch.trades().end(), [](const v1::Trade& trade) {
    return trade.price_scale() <= 255 && trade.quantity_scale() <= 255;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silencer;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  v1::TradeBatch parsed;
  TradeBatch batch;
  const bool legal = parsed.ParseFromString(bytes) && Fits(parsed);
  if (quantstream::DecodeTradeBatch(bytes, batch).ok() != legal) std::abort();
  if (!legal) return 0;
  std::string encoded;
  quantstream::EncodeTradeBatch(batch, encoded);
  TradeBatch again;
  if (!quantstream::DecodeTradeBatch(encoded, again).ok() || again != batch) std::abort();
  for (const quantstream::Trade& trade : batch.trades) quantstream::CheckTrade(trade, 0);
  return 0;
}
