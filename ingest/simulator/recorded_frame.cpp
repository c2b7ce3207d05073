#include "ingest/simulator/recorded_frame.h"

#include <simdjson.h>

#include "absl/strings/numbers.h"
#include "platform/status.h"

namespace quantstream::simulator {
namespace {

using simdjson::dom::element;

absl::StatusOr<Decimal> DecimalAt(const element& data, const char* key) {
  std::string_view text;
  if (data[key].get(text) != simdjson::SUCCESS) return absl::InvalidArgumentError("no text");
  return Decimal::Parse(text);
}

absl::StatusOr<VenueTrade> ParseTrade(const element& data) {
  VenueTrade trade;
  if (data["t"].get(trade.id) != simdjson::SUCCESS) return absl::InvalidArgumentError("no id `t`");
  if (data["T"].get(trade.time_ms) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("no time `T`");
  }
  if (data["m"].get(trade.buyer_is_maker) != simdjson::SUCCESS) {
    return absl::InvalidArgumentError("no side `m`");
  }
  const absl::StatusOr<Decimal> price = DecimalAt(data, "p");
  if (!price.ok()) return Annotate(price.status(), "price `p`");
  const absl::StatusOr<Decimal> quantity = DecimalAt(data, "q");
  if (!quantity.ok()) return Annotate(quantity.status(), "quantity `q`");
  trade.price = *price;
  trade.quantity = *quantity;
  return trade;
}

}  // namespace

absl::StatusOr<RecordedFrame> ParseRecordedFrame(std::string_view line) {
  static thread_local simdjson::dom::parser parser;
  const size_t space = line.find(' ');
  int64_t receive_ns = 0;
  if (space == std::string_view::npos ||
      !absl::SimpleAtoi(absl::string_view(line.data(), space), &receive_ns)) {
    return absl::InvalidArgumentError("a line is a receive time in ns, a space and a frame");
  }
  RecordedFrame frame{.receive_time_us = receive_ns / 1000,
                      .text = std::string(line.substr(space + 1))};
  element root;
  element data;
  std::string_view stream;
  if (parser.parse(frame.text).get(root) != simdjson::SUCCESS || !root.is_object()) {
    return absl::InvalidArgumentError("a frame is a JSON object");
  }
  if (root["stream"].get(stream) != simdjson::SUCCESS ||
      root["data"].get(data) != simdjson::SUCCESS) {
    return frame;
  }
  frame.stream = stream;
  std::string_view event;
  if (data["e"].get(event) != simdjson::SUCCESS || event != "trade") return frame;
  const absl::StatusOr<VenueTrade> trade = ParseTrade(data);
  if (!trade.ok()) return trade.status();
  frame.trade = *trade;
  std::string_view symbol;
  if (data["s"].get(symbol) != simdjson::SUCCESS)
    return absl::InvalidArgumentError("no symbol `s`");
  frame.symbol = symbol;
  return frame;
}

}  // namespace quantstream::simulator
