#include "tests/unit/ingest/fakes.h"

#include <gtest/gtest.h>

#include <utility>

#include "market/trade_codec.h"

namespace quantstream::ingest {

absl::Status FakeLog::Append(const OutgoingRecord& record, uint64_t token) {
  if (!broken.ok()) return absl::AbortedError("broken");
  if (unreported.size() >= queue_max) return absl::ResourceExhaustedError("queue full");
  log.push_back({record, token});
  unreported.push_back(token);
  return absl::OkStatus();
}

void FakeLog::Poll(int, const OnDelivery& on_delivery) {
  while (reports && !unreported.empty()) {
    const uint64_t token = unreported.front();
    unreported.pop_front();
    const bool fails = fail_next > 0 && fail_next-- > 0;
    on_delivery(token, fails ? absl::UnavailableError("failed") : absl::OkStatus());
  }
}

absl::Status FakeLog::Renew() {
  if (!renew_fails.ok()) return renew_fails;
  ++renewals;
  unreported.clear();
  broken = absl::OkStatus();
  return absl::OkStatus();
}

std::vector<DecodedRecord> TradeRecords(const FakeLog& log) {
  std::vector<DecodedRecord> records;
  for (const auto& taken : log.log) {
    if (taken.record.topic != OutgoingRecord::Topic::kTrades) continue;
    DecodedRecord record;
    record.partition = taken.record.partition;
    record.bytes = std::make_shared<std::string>(taken.record.bytes);
    EXPECT_TRUE(DecodeTradeBatch(*record.bytes, record.batch).ok());
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<Trade> TradesOf(const std::vector<DecodedRecord>& records) {
  std::vector<Trade> trades;
  for (const auto& record : records) {
    trades.insert(trades.end(), record.batch.trades.begin(), record.batch.trades.end());
  }
  return trades;
}

std::vector<OutgoingRecord> DeadLettersOf(const FakeLog& log) {
  std::vector<OutgoingRecord> letters;
  for (const auto& taken : log.log) {
    if (taken.record.topic == OutgoingRecord::Topic::kDeadLetter) letters.push_back(taken.record);
  }
  return letters;
}

Trade TradeAt(int64_t venue_time_us, uint64_t id, std::string_view symbol) {
  Trade trade;
  trade.venue = "binance";
  trade.symbol = symbol;
  trade.price = {100, 0};
  trade.quantity = {1, 0};
  trade.venue_time = EventTime{venue_time_us};
  trade.receive_time = EventTime{venue_time_us};
  trade.source = TradeSource::kLive;
  trade.id = id;
  return trade;
}

}  // namespace quantstream::ingest
