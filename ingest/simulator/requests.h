// What a client of the venue says: the target it connects with, and its requests afterwards. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ingest/simulator/frame_text.h"

namespace quantstream::simulator {

// `/stream?streams=btcusdt@trade/ethusdt@trade&timeUnit=microsecond`
struct StreamTarget {
  std::vector<std::string> streams{};
  TimeUnit unit = TimeUnit::kMilliseconds;
};
// NotFound for another path, InvalidArgument for a bad stream name or unit.
absl::StatusOr<StreamTarget> ParseStreamTarget(std::string_view target);

// What a client is subscribed to; `SubscriptionChange` tells the venue what to do.
struct SubscriptionChange {
  std::string answer{};  // text to send back
  std::vector<std::string> added{};
  std::vector<std::string> removed{};
};

class Subscriptions {
 public:
  explicit Subscriptions(size_t streams_max) : streams_max_(streams_max) {}

  // {"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1} and UNSUBSCRIBE, LIST_SUBSCRIPTIONS.
  // The answer is
  // {"result":null,"id":1}, {"result":["btcusdt@trade"],"id":1} or
  // {"error":{"code":2,"msg":"..."},"id":1}.
  SubscriptionChange Handle(std::string_view text);

  // The names that are new. ResourceExhausted past streams_max: nothing is added then.
  absl::StatusOr<std::vector<std::string>> Add(const std::vector<std::string>& names);

  const std::set<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> Remove(const std::vector<std::string>& names);
  std::string List() const;

  size_t streams_max_;
  std::set<std::string> names_;
};

// The value of `key` in `a=1&b=2`, percent-decoded; empty when it is not there.
std::string QueryValue(std::string_view target, std::string_view key);

// `btcusdt@trade`, `!miniTicker@arr`: letters, digits and @ _ ! . -, up to 128.
bool LegalStreamName(std::string_view name);

}  // namespace quantstream::simulator
