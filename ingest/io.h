// What ingest needs of the world, with the guarantees: TradeSink, DeadLetters and the RecordLog
// behind them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "market/trade.h"

namespace quantstream::ingest {

// Where accepted trades go.
class TradeSink {
 public:
  virtual ~TradeSink() = default;
  // Takes the trade, also when Full: from here on it is delivered, at least once and in this order
  // per partition, or the process ends. Its text is copied.
  virtual void Publish(const Trade& trade) = 0;
  // True: the buffer's bound is reached; read nothing more from the venue until it is false again.
  virtual bool Full() const = 0;
};

// What was refused, and why. Of bytes over 64 KiB the first 64 KiB are kept, with their true length
// and SHA-256.
struct DeadLetter {
  static constexpr size_t kBytesMax = 64 * 1024;

  std::string reason;  // `malformed`, `price`, `future`, … as in metrics
  std::string source;  // where it came from: the venue and its URL or file
  std::string bytes;
  uint64_t length = 0;     // of the original
  std::string sha256_hex;  // of the original; empty when `bytes` is all of it
};

// Where refused frames go. As durable as trades.
class DeadLetters {
 public:
  virtual ~DeadLetters() = default;
  virtual void Refuse(DeadLetter letter) = 0;
};

// One record on its way to Kafka.
struct OutgoingRecord {
  enum class Topic : uint8_t { kTrades, kDeadLetter };

  Topic topic = Topic::kTrades;
  int32_t partition = -1;  // -1 = any
  std::string bytes;
  std::vector<std::pair<std::string, std::string>> headers;
};

// The log that records are appended to: Kafka, or a fake that can block and fail.
class RecordLog {
 public:
  virtual ~RecordLog() = default;
  // OK: `record` was taken and will be reported. RESOURCE_EXHAUSTED: the queue is full, try again
  // later. Any other error: the log is broken, see Broken.
  virtual absl::Status Append(const OutgoingRecord& record, uint64_t token) = 0;
  // Reports each taken record once, by its token; waits up to `wait_ms` for the first.
  using OnDelivery = std::function<void(uint64_t token, const absl::Status& status)>;
  virtual void Poll(int wait_ms, const OnDelivery& on_delivery) = 0;
  // Not OK: nothing more is delivered until Renew.
  virtual absl::Status Broken() const = 0;
  // OK while the log can be reached, as far as its client knows.
  virtual absl::Status Reachable() const = 0;
  // Makes the client anew. Reports of records taken before never come; they may be in the log or
  // not.
  virtual absl::Status Renew() = 0;
};

}  // namespace quantstream::ingest
