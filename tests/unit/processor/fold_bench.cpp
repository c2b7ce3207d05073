// How many trades a second one fold takes in: 200 instruments, 7 intervals, batches of 100. Prints
// ns per trade, without decoding; the world's parts are in memory.
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "processor/partition.h"

namespace quantstream::processor {
namespace {

class NoReader final : public LateReader {
 public:
  absl::StatusOr<ReadBackAnswer> Read(ReadBack request) override {
    ReadBackAnswer answer;
    answer.neighbours.resize(request.neighbours.size());
    answer.in_gap.resize(request.gaps.size());
    return answer;
  }
  absl::Status ReadLog(Offset, Offset,
                       const std::function<void(const TradeBatch&, Offset)>&) override {
    return absl::OkStatus();
  }
};

int Main(int64_t trades) {
  NoReader reader;
  FoldCounters counters;
  const Rules rules;
  ClosedPanesBudget closed_panes(size_t{64} << 20);
  Partition fold(0, Epoch{1}, FoldOptions{}, reader, counters, rules, closed_panes);
  std::vector<std::string> symbols;
  for (int i = 0; i < 200; ++i) symbols.push_back(std::to_string(1000 + i) + "-USDT");
  std::vector<uint64_t> ids(200, 1);
  TradeBatch batch;
  batch.node = "ingest-1";
  int64_t time_us = 1'700'000'000'000'000, offset = 0;
  uint64_t random = 88172645463325252ull;
  std::chrono::nanoseconds folding{0}, freezing{0};
  for (int64_t done = 0; done < trades; done += 100) {
    batch.trades.clear();
    batch.heartbeats.clear();
    batch.sequence = static_cast<uint64_t>(offset);
    for (int i = 0; i < 100; ++i) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      const size_t which = (random >> 20) % 200 * ((random >> 40) % 200) / 200;
      Trade trade;
      trade.venue = "binance";
      trade.symbol = symbols[which];
      trade.price = Decimal{6'000'000 + static_cast<int64_t>(random % 997) * 3 + 1, 2};
      trade.quantity = Decimal{static_cast<int64_t>(random % 99'991) + 1, 5};
      trade.venue_time = trade.receive_time = EventTime{time_us += 20};
      trade.aggressor_side = random & 1 ? Side::kBuy : Side::kSell;
      trade.id = ids[which]++;
      batch.trades.push_back(trade);
    }
    batch.heartbeats.push_back(Heartbeat{"binance", EventTime{time_us}, true, false, false});
    const auto begin = std::chrono::steady_clock::now();
    if (!fold.Fold(batch, Offset{offset++}, EventTime{time_us}).ok()) return 1;
    const auto end = std::chrono::steady_clock::now();
    folding += end - begin;
    if (fold.batch_rows() < 2'000) continue;
    if (!fold.Freeze(false).ok()) return 1;
    fold.Landed();
    freezing += std::chrono::steady_clock::now() - end;
  }
  const auto per_trade = [trades](std::chrono::nanoseconds time) {
    return static_cast<double>(time.count()) / static_cast<double>(trades);
  };
  std::cout << trades << " trades: fold " << per_trade(folding) << " ns, freeze "
            << per_trade(freezing) << " ns a trade; candles " << counters.candles_final << "\n";
  return 0;
}

}  // namespace
}  // namespace quantstream::processor

int main(int argc, char** argv) {
  return quantstream::processor::Main(argc > 1 ? std::atoll(argv[1]) : 2'000'000);
}
