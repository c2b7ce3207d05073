// A recorded day of a venue, played again: raw frames, or trades from CSV. Files ending in .gz are
// read as they are.
//   frames  1723161254087896568 {"stream":"btcusdt@trade","data":{...}}     (receive time in ns,
//   frame) CSV     symbol,seq,trade_id,ts_ms,price,qty                             (with this
//   header)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "ingest/simulator/message_source.h"

namespace quantstream::simulator {

struct RecordingOptions {
  std::vector<std::string> files{};
  double speed = 1;  // N times as fast as recorded; 0: as fast as it goes
  bool shift_to_today =
      false;  // by the most whole days that leave its first message in the past; ids move on too
  int64_t now_us = 0;  // for the shift
};

class Recording : public MessageSource {
 public:
  static constexpr size_t kMessagesMax = 10'000'000;

  // Reads all files and merges them by time. Errors name the file and the line.
  static absl::StatusOr<Recording> Load(const RecordingOptions& options);

  const std::vector<VenueSymbol>& symbols() const override { return symbols_; }
  const std::vector<std::string>& streams() const override { return streams_; }
  // The recording begins to play at the first call.
  bool TakeDue(int64_t now_us, VenueMessage* message) override;
  bool can_wait() const override { return true; }
  bool finished() const override { return next_ == items_.size(); }

  size_t size() const { return items_.size(); }

 private:
  struct Item {
    int64_t time_us;  // when it was received, or traded
    VenueMessage message;
  };

  explicit Recording(double speed) : speed_(speed) {}
  absl::Status ReadFile(const std::string& path);
  absl::Status AddCsvLine(std::string_view line);
  absl::Status AddFrameLine(std::string_view line);
  uint32_t Symbol(std::string_view name);
  uint32_t Stream(std::string_view name);
  void Shift(int64_t now_us);

  double speed_;
  std::vector<VenueSymbol> symbols_;
  std::vector<std::string> streams_;
  std::unordered_map<std::string, uint32_t> symbol_index_;
  std::unordered_map<std::string, uint32_t> stream_index_;
  std::vector<Item> items_;
  size_t next_ = 0;
  int64_t played_from_us_ = -1;  // -1: not begun
};

// `"E":` and `"T":` of a recorded frame moved by `delta_ms`.
std::string ShiftTimes(std::string_view frame, int64_t delta_ms);

// "XRPETH" -> XRP, ETH by the quote currencies that venues use; base only when none fits.
VenueSymbol SplitSymbol(std::string_view name);

}  // namespace quantstream::simulator
