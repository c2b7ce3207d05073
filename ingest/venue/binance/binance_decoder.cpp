#include "ingest/venue/binance/binance_decoder.h"

#include <simdjson.h>

#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "market/decimal.h"

namespace quantstream::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kShutdown = "serverShutdown";
constexpr uint64_t kTradesOfOnePushMax = 1'000'000;

std::string_view ReasonOf(simdjson::error_code error, std::string_view frame) {
  switch (error) {
    case simdjson::TAPE_ERROR:
      return frame.ends_with('}') ? kMalformed : kTruncated;
    case simdjson::UNCLOSED_STRING:
    case simdjson::EMPTY:
      return kTruncated;
    case simdjson::UTF8_ERROR:
      return kNotUtf8;
    case simdjson::INCORRECT_TYPE:
    case simdjson::NUMBER_OUT_OF_RANGE:
      return kWrongType;
    case simdjson::NO_SUCH_FIELD:
      return kMissingField;
    default:
      return kMalformed;
  }
}

// A field by its name: NO_SUCH_FIELD when it is missing, INCORRECT_TYPE when it is something else.
template <typename T>
simdjson::error_code Read(const dom::object& object, std::string_view name, T& out) {
  return object[name].get(out);
}

// {"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,
//  "p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}
// {"stream":"omgbusd@aggTrade","data":{"e":"aggTrade","E":1633998288468,"s":"OMGBUSD","a":425085,
//  "p":"13.80480000","q":"2.10000000","f":439577,"l":439577,"T":1633998288467,"m":false,"M":true}}
// {"result":null,"id":1}   {"error":{"code":2,"msg":"Invalid request: …"},"id":1}
// {"e":"serverShutdown","E":1770123456789}
class BinanceDecoder : public Decoder {
 public:
  BinanceDecoder(SymbolTable& symbols, std::string_view channel)
      : symbols_(symbols), channel_(channel) {}

  const DecodedFrame& Decode(std::string_view frame) override {
    frame_.kind = FrameKind::kIgnored;
    frame_.trades.clear();
    frame_.request_id = 0;
    frame_.reason = {};
    if (frame.find('\0') != std::string_view::npos) return Refuse(kBinary);
    const simdjson::error_code error = DecodeDocument(frame);
    if (error != simdjson::SUCCESS) return Refuse(ReasonOf(error, frame));
    return frame_;
  }

 private:
  const DecodedFrame& Refuse(std::string_view reason) {
    frame_.kind = FrameKind::kBad;
    frame_.trades.clear();
    frame_.reason = reason;
    return frame_;
  }

  simdjson::error_code Refused(Refusal refusal) {
    Refuse(RefusalName(refusal));
    return simdjson::SUCCESS;
  }

  simdjson::error_code DecodeDocument(std::string_view frame) {
    const size_t needed = frame.size() + simdjson::SIMDJSON_PADDING;
    if (padded_.size() < needed) padded_.resize(needed);
    std::memcpy(padded_.data(), frame.data(), frame.size());
    dom::object top;
    if (auto e = parser_.parse(padded_.data(), frame.size(), false).get(top)) return e;
    dom::object data;
    const auto wrapped = top["data"];
    if (wrapped.error() == simdjson::SUCCESS) {
      if (auto e = wrapped.get(data)) return WantsStream(top) ? e : simdjson::SUCCESS;
      return DecodeEvent(data);
    }
    if (top["stream"].error() == simdjson::SUCCESS) return simdjson::NO_SUCH_FIELD;
    if (top["e"].error() == simdjson::SUCCESS) return DecodeEvent(top);
    return DecodeAnswer(top);
  }

  // `btcusdt@trade` of our channel; of data that is no event, only the stream's name says whose it
  // is.
  bool WantsStream(const dom::object& top) const {
    std::string_view stream;
    return Read(top, "stream", stream) == simdjson::SUCCESS && stream.ends_with("@" + channel_);
  }

  simdjson::error_code DecodeAnswer(const dom::object& top) {
    const bool refused =
        top["error"].error() == simdjson::SUCCESS ||
        (top["code"].error() == simdjson::SUCCESS && top["msg"].error() == simdjson::SUCCESS);
    uint64_t id = 0;
    const bool has_id = Read(top, "id", id) == simdjson::SUCCESS;
    if (refused) {
      frame_.kind = FrameKind::kRequestRefused;
      frame_.request_id = id;
      frame_.reason = "subscription_refused";
    } else if (has_id && top["result"].error() == simdjson::SUCCESS) {
      frame_.kind = FrameKind::kAcknowledged;
      frame_.request_id = id;
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code DecodeEvent(const dom::object& event) {
    std::string_view type;
    if (Read(event, "e", type) != simdjson::SUCCESS) return simdjson::SUCCESS;
    if (type == kShutdown) {
      frame_.kind = FrameKind::kShutdownNotice;
      return simdjson::SUCCESS;
    }
    return type == channel_ ? DecodeTrade(event) : simdjson::SUCCESS;
  }

  simdjson::error_code DecodeTrade(const dom::object& event) {
    std::string_view venue_symbol, price, quantity;
    uint64_t id = 0, last_id = 0;
    int64_t time = 0;
    bool buyer_is_maker = false;
    const bool aggregate = channel_ == "aggTrade";
    if (auto e = Read(event, "s", venue_symbol)) return e;
    if (auto e = Read(event, "p", price)) return e;
    if (auto e = Read(event, "q", quantity)) return e;
    if (auto e = Read(event, aggregate ? "f" : "t", id)) return e;
    if (auto e = aggregate ? Read(event, "l", last_id) : simdjson::SUCCESS) return e;
    if (auto e = Read(event, "T", time)) return e;
    if (auto e = Read(event, "m", buyer_is_maker)) return e;
    const Symbol* symbol = symbols_.Find(venue_symbol);
    if (symbol == nullptr) return simdjson::SUCCESS;

    Trade trade;
    trade.venue = symbols_.venue();
    trade.symbol = symbol->canonical;
    trade.aggressor_side = buyer_is_maker ? Side::kSell : Side::kBuy;
    trade.id = id;
    const Refusal refusal = FillNumbers(price, quantity, time, trade);
    if (refusal != Refusal::kNone) return Refused(refusal);
    if (aggregate && !FillCount(last_id, trade)) return Refused(Refusal::kCount);
    frame_.trades.push_back(trade);
    frame_.kind = FrameKind::kTrades;
    return simdjson::SUCCESS;
  }

  static Refusal FillNumbers(std::string_view price, std::string_view quantity, int64_t time,
                             Trade& trade) {
    const auto parsed_price = Decimal::Parse(price);
    if (!parsed_price.ok()) return Refusal::kPrice;
    const auto parsed_quantity = Decimal::Parse(quantity);
    if (!parsed_quantity.ok()) return Refusal::kQuantity;
    const auto venue_time = VenueTime(time);
    if (!venue_time.has_value()) return Refusal::kTime;
    trade.price = *parsed_price;
    trade.quantity = *parsed_quantity;
    trade.venue_time = *venue_time;
    return Refusal::kNone;
  }

  static bool FillCount(uint64_t last_id, Trade& trade) {
    if (last_id < trade.id || last_id - trade.id >= kTradesOfOnePushMax) return false;
    trade.count = static_cast<uint32_t>(last_id - trade.id + 1);
    return true;
  }

  // Milliseconds, or microseconds where the connection was asked for them: no millisecond of ours
  // has 15 digits.
  static std::optional<EventTime> VenueTime(int64_t stamp) {
    constexpr int64_t kMillisecondsMax = 100'000'000'000'000;
    if (stamp <= 0 || stamp >= kMillisecondsMax * 1000) return std::nullopt;
    return EventTime{stamp < kMillisecondsMax ? stamp * 1000 : stamp};
  }

  SymbolTable& symbols_;
  std::string channel_;
  std::string padded_;
  dom::parser parser_;
  DecodedFrame frame_;
};

}  // namespace

std::unique_ptr<Decoder> MakeBinanceDecoder(SymbolTable& symbols, std::string_view channel) {
  return std::make_unique<BinanceDecoder>(symbols, channel);
}

}  // namespace quantstream::ingest
