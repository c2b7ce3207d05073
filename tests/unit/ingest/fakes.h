// What the tests of ingest share: a log that can block and fail, and trades in one line.
#pragma once

#include <prometheus/registry.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "ingest/io.h"
#include "ingest/metrics.h"
#include "market/trade.h"

namespace quantstream::ingest {

// A log in memory. Takes records, keeps them in order, and reports them when asked to.
class FakeLog : public RecordLog {
 public:
  struct Taken {
    OutgoingRecord record;
    uint64_t token = 0;
  };

  absl::Status Append(const OutgoingRecord& record, uint64_t token) override;
  void Poll(int wait_ms, const OnDelivery& on_delivery) override;
  absl::Status Broken() const override { return broken; }
  absl::Status Reachable() const override { return absl::OkStatus(); }
  absl::Status Renew() override;

  bool reports = true;           // deliveries are reported at the next Poll
  size_t queue_max = 1'000'000;  // unreported records that it takes
  absl::Status broken;           // fatal error
  absl::Status renew_fails;      // what Renew says
  int fail_next = 0;             // so many of the next reports are failures
  int renewals = 0;
  std::vector<Taken> log;           // everything that was appended, also twice
  std::deque<uint64_t> unreported;  // tokens
};

// A record of topic trades, decoded; views point into `bytes`.
struct DecodedRecord {
  int32_t partition = -1;
  std::shared_ptr<std::string> bytes;
  TradeBatch batch;
};
std::vector<DecodedRecord> TradeRecords(const FakeLog& log);
// All trades of the log in order of the log.
std::vector<Trade> TradesOf(const std::vector<DecodedRecord>& records);
std::vector<OutgoingRecord> DeadLettersOf(const FakeLog& log);

// Keeps what it is given.
class FakeSink : public TradeSink, public DeadLetters {
 public:
  void Publish(const Trade& trade) override { trades.push_back(trade); }
  bool Full() const override { return full; }
  void Refuse(DeadLetter letter) override { letters.push_back(std::move(letter)); }

  bool full = false;
  std::vector<Trade> trades;
  std::vector<DeadLetter> letters;
};

struct TestMetrics {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  Metrics metrics{*registry};
};

// price 100, quantity 1, on binance:BTC-USDT unless told otherwise.
Trade TradeAt(int64_t venue_time_us, uint64_t id, std::string_view symbol = "BTC-USDT");

}  // namespace quantstream::ingest
