#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "market/candle_codec.h"
#include "market/wire.h"

namespace quantstream {
namespace {

using wire::Reader;
using wire::Tag;

// A field of message type: what it reads is merged into what was there.
template <typename Read>
bool ReadMessage(Reader& reader, Read read_field) {
  std::string_view bytes;
  if (!reader.ReadBytes(bytes)) return false;
  Reader message(bytes);
  while (!message.AtEnd()) {
    uint32_t tag = 0;
    if (!message.ReadTag(tag) || !read_field(message, tag)) return false;
  }
  return true;
}

// The fields of the messages as they stand in the bytes, absent ones at their defaults.
struct DecimalFields {
  bool present = false;
  int64_t mantissa = 0;
  uint32_t scale = 0;

  bool Read(Reader& reader, int depth) {
    present = true;
    return ReadMessage(reader, [this, depth](Reader& message, uint32_t tag) {
      uint64_t value = 0;
      switch (tag) {
        case Tag(1, wire::kVarint):
          if (!message.ReadVarint(value)) return false;
          mantissa = wire::ZigZagDecode(value);
          return true;
        case Tag(2, wire::kVarint):
          return message.ReadVarint32(scale);
        default:
          return message.Skip(tag, depth);
      }
    });
  }
};

struct EdgeFields {
  bool present = false;
  DecimalFields price;
  OrderKey key;
  std::string_view text_id;
  std::string_view node;

  bool Read(Reader& reader) {
    present = true;
    return ReadMessage(reader, [this](Reader& message, uint32_t tag) {
      switch (tag) {
        case Tag(1, wire::kBytes):
          return price.Read(message, 2);
        case Tag(2, wire::kFixed64):
          return message.ReadFixed64(key.time.us);
        case Tag(3, wire::kVarint):
          return message.ReadVarint(key.id);
        case Tag(4, wire::kBytes):
          return message.ReadText(text_id);
        case Tag(5, wire::kFixed64):
          return message.ReadFixed64(key.receive_time.us);
        case Tag(6, wire::kBytes):
          return message.ReadText(node);
        case Tag(7, wire::kFixed64):
          return message.ReadFixed64(key.session);
        case Tag(8, wire::kVarint):
          return message.ReadVarint(key.sequence);
        case Tag(9, wire::kVarint):
          return message.ReadVarint32(key.index);
        default:
          return message.Skip(tag, 1);
      }
    });
  }
};

struct ReturnsFields {
  bool present = false;
  uint64_t count = 0;
  std::string_view sum;
  std::string_view sum_of_squares;

  bool Read(Reader& reader) {
    present = true;
    return ReadMessage(reader, [this](Reader& message, uint32_t tag) {
      switch (tag) {
        case Tag(1, wire::kVarint):
          return message.ReadVarint(count);
        case Tag(2, wire::kBytes):
          return message.ReadBytes(sum);
        case Tag(3, wire::kBytes):
          return message.ReadBytes(sum_of_squares);
        default:
          return message.Skip(tag, 1);
      }
    });
  }
};

struct CandleFields {
  std::string_view instrument;
  uint32_t interval_s = 0;
  int64_t open_time_us = 0;
  EdgeFields first;
  EdgeFields last;
  DecimalFields high;
  DecimalFields low;
  std::string_view volume;
  std::string_view quote_volume;
  std::optional<std::string_view> buy_volume;
  uint64_t trade_count = 0;
  ReturnsFields returns;
  DecimalFields first_pane_close;
  uint32_t state = 0;
  uint64_t revision = 0;
  uint64_t version = 0;
  uint32_t completeness = 0;
  std::optional<uint64_t> first_offset;
  std::optional<uint64_t> last_offset;

  bool Read(std::string_view bytes) {
    Reader reader(bytes);
    while (!reader.AtEnd()) {
      uint32_t tag = 0;
      if (!reader.ReadTag(tag) || !ReadField(reader, tag)) return false;
    }
    return true;
  }

  bool ReadField(Reader& reader, uint32_t tag) {
    switch (tag) {
      case Tag(1, wire::kBytes):
        return reader.ReadText(instrument);
      case Tag(2, wire::kVarint):
        return reader.ReadVarint32(interval_s);
      case Tag(3, wire::kFixed64):
        return reader.ReadFixed64(open_time_us);
      case Tag(4, wire::kBytes):
        return first.Read(reader);
      case Tag(5, wire::kBytes):
        return last.Read(reader);
      case Tag(6, wire::kBytes):
        return high.Read(reader, 1);
      case Tag(7, wire::kBytes):
        return low.Read(reader, 1);
      case Tag(8, wire::kBytes):
        return reader.ReadBytes(volume);
      case Tag(9, wire::kBytes):
        return reader.ReadBytes(quote_volume);
      case Tag(10, wire::kBytes):
        return reader.ReadBytes(buy_volume.emplace());
      default:
        return ReadLaterField(reader, tag);
    }
  }

  bool ReadLaterField(Reader& reader, uint32_t tag) {
    switch (tag) {
      case Tag(11, wire::kVarint):
        return reader.ReadVarint(trade_count);
      case Tag(12, wire::kBytes):
        return returns.Read(reader);
      case Tag(13, wire::kBytes):
        return first_pane_close.Read(reader, 1);
      case Tag(14, wire::kVarint):
        return reader.ReadVarint32(state);
      case Tag(15, wire::kVarint):
        return reader.ReadVarint(revision);
      case Tag(16, wire::kVarint):
        return reader.ReadVarint(version);
      case Tag(17, wire::kVarint):
        return reader.ReadVarint32(completeness);
      case Tag(18, wire::kVarint):
        return reader.ReadVarint(first_offset.emplace());
      case Tag(19, wire::kVarint):
        return reader.ReadVarint(last_offset.emplace());
      default:
        return reader.Skip(tag, 0);
    }
  }
};

// Fields to values, each checked; the first that is wrong is named.
class Checker {
 public:
  absl::Status status() const { return status_; }

  void Need(bool legal, std::string_view field, std::string_view rule) {
    if (legal || !status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("ScaledCandle.", std::string(field), ": ", std::string(rule)));
  }

  Decimal Price(const DecimalFields& fields, std::string_view field) {
    Need(fields.present, field, "missing");
    Need(fields.scale <= Decimal::kScaleMax, field, "a scale of 0 to 18");
    Need(fields.mantissa > 0, field, "above zero");
    return Decimal{fields.mantissa, static_cast<uint8_t>(fields.scale)};
  }

  EdgeTrade Edge(const EdgeFields& fields, std::string_view field) {
    Need(fields.present, field, "missing");
    EdgeTrade edge{fields.key, std::string(fields.text_id), Price(fields.price, field)};
    edge.key.node = std::string(fields.node);
    return edge;
  }

  ExactSum Sum(std::string_view bytes, std::string_view field, bool may_be_zero) {
    const absl::StatusOr<ExactSum> sum = ExactSum::FromBytes(bytes);
    Need(sum.ok(), field, "at most 32 bytes");
    if (!sum.ok()) return ExactSum();
    Need(!sum->IsNegative() && (may_be_zero || !sum->IsZero()), field,
         may_be_zero ? "not negative" : "above zero");
    return *sum;
  }

  __int128 Integer128(std::string_view bytes, std::string_view field) {
    Need(bytes.size() <= 16, field, "at most 16 bytes");
    const bool negative = !bytes.empty() && static_cast<int8_t>(bytes[0]) < 0;
    unsigned __int128 value = negative ? ~static_cast<unsigned __int128>(0) : 0;
    for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
    return static_cast<__int128>(value);
  }

  // 0 to 2^63 - 1.
  int64_t Natural(uint64_t value, std::string_view field) {
    Need(value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()), field,
         "not negative");
    return static_cast<int64_t>(value);
  }

 private:
  absl::Status status_;
};

LogReturnSums ReturnsOf(const ReturnsFields& fields, Checker& check) {
  LogReturnSums returns;
  returns.count = check.Natural(fields.count, "returns.count");
  returns.sum = check.Integer128(fields.sum, "returns.sum");
  returns.sum_of_squares = check.Integer128(fields.sum_of_squares, "returns.sum_of_squares");
  check.Need(returns.sum_of_squares >= 0, "returns.sum_of_squares", "not negative");
  return returns;
}

CandleKey KeyOf(const CandleFields& fields, Checker& check) {
  check.Need(!fields.instrument.empty(), "instrument", "missing");
  check.Need(fields.interval_s >= 1 && fields.interval_s <= Interval::kSecondsMax, "interval_s",
             "1 to 86400");
  check.Need(fields.open_time_us >= 0 && fields.open_time_us <= kTimeMax.us, "open_time_us",
             "0 to the end of the year 9999");
  return CandleKey{std::string(fields.instrument),
                   Interval{static_cast<int32_t>(fields.interval_s)},
                   EventTime{fields.open_time_us}};
}

CandleValues ValuesOf(const CandleFields& fields, Checker& check) {
  CandleValues values;
  values.first = check.Edge(fields.first, "first");
  values.last = check.Edge(fields.last, "last");
  values.high = check.Price(fields.high, "high");
  values.low = check.Price(fields.low, "low");
  values.volume = check.Sum(fields.volume, "volume", false);
  values.quote_volume = check.Sum(fields.quote_volume, "quote_volume", false);
  if (fields.buy_volume.has_value()) {
    values.buy_volume = check.Sum(*fields.buy_volume, "buy_volume", true);
  }
  check.Need(fields.trade_count > 0, "trade_count", "above zero");
  values.trade_count = fields.trade_count;
  if (fields.returns.present) values.returns = ReturnsOf(fields.returns, check);
  values.first_pane_close = check.Price(fields.first_pane_close, "first_pane_close");
  return values;
}

Candle CandleOf(const CandleFields& fields, Checker& check) {
  Candle candle;
  candle.values = ValuesOf(fields, check);
  check.Need(fields.state >= 1 && fields.state <= 3, "state", "PARTIAL, FINAL or REVISED");
  candle.state = static_cast<CandleState>(fields.state);
  candle.revision = fields.revision;
  candle.version = check.Natural(fields.version, "version");
  check.Need(fields.completeness >= 1 && fields.completeness <= 3, "completeness",
             "COMPLETE, GAP_SUSPECTED or HEALED");
  candle.completeness = static_cast<Completeness>(fields.completeness);
  check.Need(fields.first_offset.has_value() == fields.last_offset.has_value(), "last_offset",
             "with first_offset or not at all");
  if (fields.first_offset.has_value() && fields.last_offset.has_value()) {
    candle.lineage = OffsetSpan{Offset{check.Natural(*fields.first_offset, "first_offset")},
                                Offset{check.Natural(*fields.last_offset, "last_offset")}};
  }
  return candle;
}

}  // namespace

absl::StatusOr<KeyedCandle> DecodeCandle(std::string_view bytes) {
  CandleFields fields;
  if (!fields.Read(bytes)) {
    return absl::InvalidArgumentError("not a ScaledCandle: malformed protobuf");
  }
  Checker check;
  KeyedCandle keyed{KeyOf(fields, check), CandleOf(fields, check)};
  if (!check.status().ok()) return check.status();
  return keyed;
}

}  // namespace quantstream
