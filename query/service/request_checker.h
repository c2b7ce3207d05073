// Collects what is wrong with a request, field by field: every wrong one is named at once, with
// what is legal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "query/service/errors.h"
#include "query/service/requests.h"

namespace google::protobuf {
class Timestamp;
}

namespace quantstream::query {

inline constexpr size_t kNameBytesMax = 100;
inline constexpr size_t kIntervalsMax = 16;  // of one request

// Each check gives the value, or something harmless where it is wrong: status() says so.
class RequestChecker {
 public:
  // `limits` outlives it.
  explicit RequestChecker(const RequestLimits& limits) : limits_(limits) {}

  void Wrong(std::string_view field, std::string description);

  // The text of one instrument; whether there is such a one is not known here.
  void Instrument(std::string_view field, const std::string& text);
  // Any interval, stored or merged.
  WindowGrid Grid(std::string_view field, const std::string& text);
  quantstream::Interval StoredInterval(std::string_view field, const std::string& text);
  // Rounded up to microseconds; `otherwise` for one that is no time.
  EventTime Time(std::string_view field, const google::protobuf::Timestamp& time,
                 EventTime otherwise);
  // 0 to `maximum`.
  int32_t Number(std::string_view field, int32_t value, int32_t maximum);
  int32_t PageSize(int32_t value);
  // The position in a page token; empty without one.
  std::string Position(const std::string& token, const PageTokens& pages);

  // Fields `instruments` and `intervals`; intervals that stand there twice come once.
  template <typename Repeated>
  std::vector<std::string> Instruments(const Repeated& texts) {
    return InstrumentList({texts.begin(), texts.end()});
  }
  template <typename Repeated>
  std::vector<WindowGrid> Grids(const Repeated& texts) {
    return GridList({texts.begin(), texts.end()});
  }

  // OK, or INVALID_ARGUMENT with all that is wrong.
  absl::Status status() const;

 private:
  std::vector<std::string> InstrumentList(std::vector<std::string> texts);
  std::vector<WindowGrid> GridList(const std::vector<std::string>& texts);
  std::string Legal() const;

  const RequestLimits& limits_;
  std::vector<Violation> violations_;
};

}  // namespace quantstream::query
