// DecodeCandle on any bytes: refuses what protobuf refuses; what it takes is usable and reads back.
#include "market/candle_codec.h"

#include <google/protobuf/stubs/logging.h>

#include <cstdlib>

#include "quantstream/v1/candle_event.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const google::protobuf::LogSilencer silencer;
  using quantstream::KeyedCandle;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  quantstream::v1::ScaledCandle parsed;
  const absl::StatusOr<KeyedCandle> candle = quantstream::DecodeCandle(bytes);
  if (candle.ok() && !parsed.ParseFromString(bytes)) std::abort();
  if (!candle.ok()) return 0;
  std::string encoded;
  quantstream::EncodeCandle(candle->key, candle->candle, encoded);
  if (*quantstream::DecodeCandle(encoded) != *candle) std::abort();
  if (candle->candle.values.Vwap().empty() || candle->candle.values.volume.IsZero()) std::abort();
  if (candle->candle.values.returns.has_value()) {
    (void)candle->candle.values.returns->StandardDeviation();
  }
  quantstream::CandleValues whole = candle->candle.values;
  quantstream::AppendPane(whole, candle->candle.values);
  return 0;
}
