// A file of every trade that was sent, in order of sending, for tests to compare with:
//   stream,id,time,price,qty,seq,buyer_is_maker
//   btcusdt@trade,1700000000000001,1700000000123,61837.63000000,0.02000000,1,true
// `time` in milliseconds; `seq` counts from 1 over the life of the process. A trade that is sent
// twice has two lines.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "ingest/simulator/venue_message.h"

namespace quantstream::simulator {

class SentLedger {
 public:
  // Appends to `path`; a new file gets the header. An empty path writes nothing.
  static absl::StatusOr<SentLedger> Open(const std::string& path);

  // After the trade was queued to at least one socket.
  void Append(std::string_view stream, const VenueTrade& trade, uint64_t seq);
  // Hands the lines so far to the operating system.
  absl::Status Flush();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Closer>;
  explicit SentLedger(File file) : file_(std::move(file)) {}

  File file_;  // null: no ledger
  std::string lines_;
};

}  // namespace quantstream::simulator
