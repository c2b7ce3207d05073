// What happens to one connection's frames: decode, refuse, hold back until the clock is known,
// publish, and then tell the venue's clock. The same for live frames and recorded ones. No I/O of
// its own.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "ingest/instant.h"
#include "ingest/io.h"
#include "ingest/metrics.h"
#include "ingest/stamp_check.h"
#include "ingest/venue/decoder.h"
#include "ingest/venue_clock.h"

namespace quantstream::ingest {

struct IntakeOptions {
  int64_t future_bound_us = 5'000'000;  // ahead of the connection's usual offset
  int64_t learn_max_us = 1'000'000;     // how long the first trades wait at most
  size_t frame_bytes_max = 1 << 20;
  TradeSource source = TradeSource::kLive;
  bool trade_time_is_receive_time = false;  // CSV trades: nobody recorded when they came
  std::string source_name;                  // of dead letters: the venue and its URL or file
};

// What an intake works with; all of it outlives the intake.
struct IntakeParts {
  TradeSink& sink;
  DeadLetters& dead_letters;
  VenueClock& clock;
  Metrics& metrics;
};

class Intake {
 public:
  Intake(ConnectionId connection, std::unique_ptr<Decoder> decoder, IntakeParts parts,
         IntakeOptions options);

  // One whole frame. The answer is valid until the next call; its trades are on their way, or wait.
  const DecodedFrame& Take(std::string_view frame, EventTime received, Instant now);
  // Refuses a frame that never came to be decoded: binary, or too large to hold.
  void Refuse(DeadLetter letter);
  // Trades do not wait longer than `learn_max_us`; call it often.
  void Tick(Instant now);
  // The connection has ended: nothing waits any more.
  void Close();

  // Venue time less receive time, the median of the last trades.
  int64_t offset_us() const { return stamps_.offset_us(); }
  const std::string& source_name() const { return options_.source_name; }

 private:
  struct Waiting {
    Trade trade;
    std::string text_id;
    std::string frame;
    Instant at;
  };

  void TakeTrade(Trade& trade, std::string_view frame, Instant now);
  void Release();
  void Judge(const Trade& trade, std::string_view frame, Instant now);
  void RefuseTrade(std::string_view reason, std::string_view frame);

  ConnectionId connection_;
  std::unique_ptr<Decoder> decoder_;
  IntakeParts parts_;
  IntakeOptions options_;
  StampCheck stamps_;
  bool learning_ = true;
  DecodedFrame oversized_;
  std::deque<Waiting> waiting_;  // a deque: trades point into their own text
};

}  // namespace quantstream::ingest
