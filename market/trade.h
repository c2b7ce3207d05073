// What ingest tells the processor: trades, heartbeats, and the batch that carries them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "market/decimal.h"
#include "market/time.h"

namespace quantstream {

enum class Side : uint8_t { kUnspecified = 0, kBuy = 1, kSell = 2 };
enum class TradeSource : uint8_t { kUnspecified = 0, kLive = 1, kBackfill = 2, kReplay = 3 };

// One trade. Text is a view into whoever holds the batch's bytes.
struct Trade {
  static constexpr size_t kTextIdMax = 128;

  std::string_view venue;
  std::string_view symbol;
  Decimal price;
  Decimal quantity;
  EventTime venue_time;
  EventTime receive_time;
  Side aggressor_side = Side::kUnspecified;
  TradeSource source = TradeSource::kUnspecified;
  uint64_t id = 0;           // 0 = the venue gave no number
  std::string_view text_id;  // the id where it is not a number
  uint32_t count = 1;        // how many trades with consecutive ids it stands for; at least 1

  bool operator==(const Trade&) const = default;
};

// How far one venue's time has come at one node.
struct Heartbeat {
  std::string_view venue;
  std::optional<EventTime> venue_time;  // absent: the node has none yet, and this moves nothing
  bool connected = false;
  bool held = false;
  bool finished = false;

  bool operator==(const Heartbeat&) const = default;
};

// A record of topic `trades`: one step of the fold.
struct TradeBatch {
  static constexpr int kTradesMax = 1'000;
  static constexpr int kBytesMax = 64 * 1024;
  // How many trades, and as many heartbeats, a reader takes from whoever wrote them. A trade that
  // counts has 35 bytes and more: a record of a megabyte holds fewer.
  static constexpr size_t kReadMax = 32'768;

  std::string_view node;
  uint64_t session = 0;
  uint64_t sequence = 0;
  std::vector<Trade> trades;
  std::vector<Heartbeat> heartbeats;

  // Empties it and keeps its memory.
  void Clear();
  bool operator==(const TradeBatch&) const = default;
};

// Why a trade is refused by its own content; kNone = it is not.
enum class Refusal : uint8_t {
  kNone,
  kNoInstrument,  // venue or symbol empty, too long, or not legal
  kPrice,         // not above zero, or scale above 18
  kQuantity,      // not above zero, or scale above 18
  kNotional,      // so large that a sum could overflow
  kTime,          // venue time not above zero, or after kTimeMax
  kFuture,        // stamped further ahead of its receipt than `future_bound`
  kCount,         // more ids than there are numbers
  kTextId,        // text id above kTextIdMax bytes, not UTF-8, or with control characters
};
inline constexpr size_t kRefusalCount = static_cast<size_t>(Refusal::kTextId) + 1;
// `price`, `future`, … as in metrics and dead-letter headers.
std::string_view RefusalName(Refusal refusal);

// What the trade itself is refused for: the first of the above in that order; `future_bound_us` is
// how far it may be stamped ahead of its receive time.
Refusal CheckTrade(const Trade& trade, int64_t future_bound_us);

}  // namespace quantstream
