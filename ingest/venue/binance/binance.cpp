#include "ingest/venue/binance/binance.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "ingest/venue/binance/binance_decoder.h"

namespace quantstream::ingest {
namespace {

std::string StreamName(const Symbol& symbol, std::string_view channel) {
  const std::string venue_symbol =
      symbol.base.empty() ? symbol.canonical : symbol.base + symbol.quote;
  return absl::AsciiStrToLower(venue_symbol) + "@" + std::string(channel);
}

// {"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":1}
std::string SubscribeMessage(std::span<const std::string> streams, uint64_t request_id) {
  std::string message = R"({"method":"SUBSCRIBE","params":[)";
  for (size_t i = 0; i < streams.size(); ++i) {
    absl::StrAppend(&message, i == 0 ? "\"" : ",\"", streams[i], "\"");
  }
  absl::StrAppend(&message, "],\"id\":", request_id, "}");
  return message;
}

}  // namespace

const Venue& BinanceVenue() {
  static const Venue venue = {
      .name = "binance",
      .contiguous_ids = true,
      .websocket_url = "wss://stream.binance.com:9443/stream",
      .rest_url = "https://api.binance.com",
      .channels = {"trade", "aggTrade"},
      .limits = {.streams_per_connection = 1024,
                 .streams_per_request = 200,
                 .request_spacing_us = 250'000,
                 .acknowledge_timeout_us = 10'000'000,
                 .connection_age_max_us =
                     int64_t{23} * 3600 * 1'000'000 + int64_t{50} * 60 * 1'000'000},
      .stream_name = StreamName,
      .subscribe_message = SubscribeMessage,
      .make_decoder = MakeBinanceDecoder,
  };
  return venue;
}

}  // namespace quantstream::ingest
