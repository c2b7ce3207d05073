#include "market/trade_codec.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "market/wire.h"

namespace quantstream {
namespace {

using wire::Reader;
using wire::Tag;
using wire::Writer;

constexpr uint32_t kDecimalScaleMax = std::numeric_limits<uint8_t>::max();

// Values that we do not know of are unspecified.
template <typename Enum>
Enum Known(uint32_t value, Enum last) {
  return value <= static_cast<uint32_t>(last) ? static_cast<Enum>(value) : Enum::kUnspecified;
}

// The numbers of message Trade that do not stand in Trade as they are.
struct RawNumbers {
  uint32_t price_scale = 0;
  uint32_t quantity_scale = 0;
  uint32_t side = 0;
  uint32_t source = 0;
  uint32_t count = 0;
};

// message Trade, on the hot path: the reader stays in registers.
bool ReadTrade(Reader reader, Trade& trade, RawNumbers& raw) {
  bool read = true;
  while (read && !reader.AtEnd()) {
    uint32_t tag = 0;
    if (!reader.ReadTag(tag)) return false;
    switch (tag) {
      case Tag(1, wire::kBytes):
        read = reader.ReadText(trade.venue);
        break;
      case Tag(2, wire::kBytes):
        read = reader.ReadText(trade.symbol);
        break;
      case Tag(3, wire::kFixed64):
        read = reader.ReadFixed64(trade.price.mantissa);
        break;
      case Tag(4, wire::kFixed64):
        read = reader.ReadFixed64(trade.quantity.mantissa);
        break;
      case Tag(5, wire::kVarint):
        read = reader.ReadVarint32(raw.price_scale);
        break;
      case Tag(6, wire::kVarint):
        read = reader.ReadVarint32(raw.quantity_scale);
        break;
      case Tag(7, wire::kFixed64):
        read = reader.ReadFixed64(trade.venue_time.us);
        break;
      case Tag(8, wire::kFixed64):
        read = reader.ReadFixed64(trade.receive_time.us);
        break;
      case Tag(9, wire::kVarint):
        read = reader.ReadVarint32(raw.side);
        break;
      case Tag(10, wire::kFixed64):
        read = reader.ReadFixed64(trade.id);
        break;
      case Tag(11, wire::kBytes):
        read = reader.ReadText(trade.text_id);
        break;
      case Tag(12, wire::kVarint):
        read = reader.ReadVarint32(raw.count);
        break;
      case Tag(13, wire::kVarint):
        read = reader.ReadVarint32(raw.source);
        break;
      default:
        read = reader.Skip(tag, 1);
    }
  }
  return read;
}

bool ReadHeartbeat(Reader reader, Heartbeat& heartbeat) {
  while (!reader.AtEnd()) {
    uint32_t tag = 0;
    if (!reader.ReadTag(tag)) return false;
    bool read = false;
    switch (tag) {
      case Tag(1, wire::kBytes):
        read = reader.ReadText(heartbeat.venue);
        break;
      case Tag(2, wire::kFixed64):
        read = reader.ReadFixed64(heartbeat.venue_time.emplace().us);
        break;
      case Tag(3, wire::kVarint):
        read = reader.ReadBool(heartbeat.connected);
        break;
      case Tag(4, wire::kVarint):
        read = reader.ReadBool(heartbeat.held);
        break;
      case Tag(5, wire::kVarint):
        read = reader.ReadBool(heartbeat.finished);
        break;
      default:
        read = reader.Skip(tag, 1);
    }
    if (!read) return false;
  }
  return true;
}

// message TradeBatch.
class BatchDecoder {
 public:
  BatchDecoder(std::string_view bytes, TradeBatch& batch)
      : begin_(bytes.data()), reader_(bytes), batch_(batch) {}

  absl::Status Decode() {
    while (!reader_.AtEnd()) {
      const char* field = reader_.position();
      uint32_t tag = 0;
      if (!reader_.ReadTag(tag) || !ReadField(tag)) {
        return too_many_ != nullptr ? TooMany() : Malformed(field);
      }
    }
    return misfit_;
  }

 private:
  bool ReadField(uint32_t tag) {
    switch (tag) {
      case Tag(1, wire::kBytes):
        return reader_.ReadText(batch_.node);
      case Tag(2, wire::kFixed64):
        return reader_.ReadFixed64(batch_.session);
      case Tag(3, wire::kVarint):
        return reader_.ReadVarint(batch_.sequence);
      case Tag(4, wire::kBytes):
        return AppendTrade();
      case Tag(5, wire::kBytes):
        return AppendHeartbeat();
      default:
        return reader_.Skip(tag, 0);
    }
  }

  bool AppendHeartbeat() {
    std::string_view bytes;
    if (batch_.heartbeats.size() == TradeBatch::kReadMax) too_many_ = "heartbeats";
    return too_many_ == nullptr && reader_.ReadBytes(bytes) &&
           ReadHeartbeat(Reader(bytes), batch_.heartbeats.emplace_back());
  }

  bool AppendTrade() {
    std::string_view bytes;
    if (batch_.trades.size() == TradeBatch::kReadMax) too_many_ = "trades";
    if (too_many_ != nullptr || !reader_.ReadBytes(bytes)) return false;
    Trade& trade = batch_.trades.emplace_back();
    RawNumbers raw;
    if (!ReadTrade(Reader(bytes), trade, raw)) return false;
    if (raw.price_scale > kDecimalScaleMax) Misfit("price_scale", raw.price_scale);
    if (raw.quantity_scale > kDecimalScaleMax) Misfit("quantity_scale", raw.quantity_scale);
    trade.price.scale = static_cast<uint8_t>(raw.price_scale);
    trade.quantity.scale = static_cast<uint8_t>(raw.quantity_scale);
    trade.aggressor_side = Known(raw.side, Side::kSell);
    trade.source = Known(raw.source, TradeSource::kReplay);
    trade.count = raw.count == 0 ? 1 : raw.count;
    return true;
  }

  void Misfit(std::string_view field, uint32_t value) {
    if (!misfit_.ok()) return;
    misfit_ = absl::InvalidArgumentError(absl::StrCat("trades[", batch_.trades.size() - 1, "].",
                                                      absl::string_view(field.data(), field.size()),
                                                      " is ", value, ", at most 255 can be held"));
  }

  absl::Status TooMany() const {
    return absl::InvalidArgumentError(absl::StrCat("too many ", too_many_,
                                                   " in one record, at most ", TradeBatch::kReadMax,
                                                   " are read"));
  }

  absl::Status Malformed(const char* field) const {
    return absl::InvalidArgumentError(
        absl::StrCat("not a TradeBatch: malformed in the field at byte ", field - begin_));
  }

  const char* begin_;
  Reader reader_;
  TradeBatch& batch_;
  absl::Status misfit_;
  const char* too_many_ = nullptr;  // of what
};

void WriteTrade(const Trade& trade, Writer& writer) {
  char* begin = writer.BeginMessage(4);
  if (!trade.venue.empty()) writer.Bytes(1, trade.venue);
  if (!trade.symbol.empty()) writer.Bytes(2, trade.symbol);
  if (trade.price.mantissa != 0) writer.Fixed64(3, trade.price.mantissa);
  if (trade.quantity.mantissa != 0) writer.Fixed64(4, trade.quantity.mantissa);
  if (trade.price.scale != 0) writer.Varint(5, trade.price.scale);
  if (trade.quantity.scale != 0) writer.Varint(6, trade.quantity.scale);
  if (trade.venue_time.us != 0) writer.Fixed64(7, trade.venue_time.us);
  if (trade.receive_time.us != 0) writer.Fixed64(8, trade.receive_time.us);
  if (trade.aggressor_side != Side::kUnspecified) {
    writer.Varint(9, static_cast<uint64_t>(trade.aggressor_side));
  }
  if (trade.id != 0) writer.Fixed64(10, trade.id);
  if (!trade.text_id.empty()) writer.Bytes(11, trade.text_id);
  if (trade.count > 1) writer.Varint(12, trade.count);
  if (trade.source != TradeSource::kUnspecified) {
    writer.Varint(13, static_cast<uint64_t>(trade.source));
  }
  writer.EndMessage(begin);
}

void WriteHeartbeat(const Heartbeat& heartbeat, Writer& writer) {
  char* begin = writer.BeginMessage(5);
  if (!heartbeat.venue.empty()) writer.Bytes(1, heartbeat.venue);
  if (heartbeat.venue_time.has_value()) writer.Fixed64(2, heartbeat.venue_time->us);
  if (heartbeat.connected) writer.Varint(3, 1);
  if (heartbeat.held) writer.Varint(4, 1);
  if (heartbeat.finished) writer.Varint(5, 1);
  writer.EndMessage(begin);
}

// A field's tag, its length and what EndMessage may need.
constexpr size_t kMessageRoom = 16;

size_t RoomFor(const TradeBatch& batch) {
  size_t room = batch.node.size() + 2 * kMessageRoom + 20;
  for (const Trade& trade : batch.trades) room += EncodedSizeMax(trade);
  for (const Heartbeat& heartbeat : batch.heartbeats) {
    room += 2 * kMessageRoom + heartbeat.venue.size() + 15;
  }
  return room;
}

}  // namespace

absl::Status DecodeTradeBatch(std::string_view bytes, TradeBatch& batch) {
  batch.Clear();
  absl::Status status = BatchDecoder(bytes, batch).Decode();
  if (!status.ok()) batch.Clear();
  return status;
}

void EncodeTradeBatch(const TradeBatch& batch, std::string& out) {
  const size_t size = out.size();
  out.resize(size + RoomFor(batch));
  Writer writer(out.data() + size);
  if (!batch.node.empty()) writer.Bytes(1, batch.node);
  if (batch.session != 0) writer.Fixed64(2, batch.session);
  if (batch.sequence != 0) writer.Varint(3, batch.sequence);
  for (const Trade& trade : batch.trades) WriteTrade(trade, writer);
  for (const Heartbeat& heartbeat : batch.heartbeats) WriteHeartbeat(heartbeat, writer);
  out.resize(static_cast<size_t>(writer.position() - out.data()));
}

size_t EncodedSizeMax(const Trade& trade) {
  // Five fixed numbers with their tags, two scales of at most 2 bytes, side and source, the count.
  constexpr size_t kNumbers = 5 * 9 + 2 * 3 + 2 * 2 + 6;
  size_t size = kNumbers;
  for (std::string_view text : {trade.venue, trade.symbol, trade.text_id}) {
    if (!text.empty()) size += 1 + wire::VarintSize(text.size()) + text.size();
  }
  return size + 1 + wire::VarintSize(size);
}

}  // namespace quantstream
