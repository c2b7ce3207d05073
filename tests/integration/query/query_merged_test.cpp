// Streams of intervals that are not stored, with real Kafka and real PostgreSQL: what comes is what
// the rows of the table are when they are put together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/integration/query/query_world.h"
#include "tests/unit/query/service_fixture.h"

namespace quantstream::query::testing {
namespace {

constexpr int64_t kFirst = 1'700'006'400 / 7 * 7;  // the start of a window of 7 s

KeyedCandle Second(int64_t second, int64_t version, CandleState state = CandleState::kFinal) {
  const std::string price = std::to_string(100 + (second * 37) % 11) + ".25";
  return MakeCandle(kBtc, 1, kFirst + second, state, version, price);
}

// Start of the window -> "trades high low version".
using Windows = std::map<int64_t, std::string>;

// What the table says of the windows before `until`.
Windows OfTable(QueryWorld& world, int64_t until) {
  v1::GetCandlesRequest request;
  request.set_instrument(kBtc);
  request.set_interval("1s");
  request.mutable_end_time()->set_seconds(until);
  request.set_page_size(10'000);
  grpc::ClientContext context;
  v1::GetCandlesResponse response;
  const grpc::Status status = world.stub().GetCandles(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  struct Sum {
    uint64_t trades = 0;
    double high = 0;
    double low = 1e9;
    int64_t version = 0;
  };
  std::map<int64_t, Sum> sums;
  for (const v1::Candle& candle : response.candles()) {
    Sum& sum = sums[candle.open_time().seconds() / 7 * 7];
    sum.trades += static_cast<uint64_t>(candle.trade_count());
    sum.high = std::max(sum.high, std::stod(candle.high()));
    sum.low = std::min(sum.low, std::stod(candle.low()));
    sum.version = std::max(sum.version, int64_t{candle.version()});
  }
  Windows windows;
  for (const auto& [start, sum] : sums) {
    windows[start] = std::to_string(sum.trades) + " " + std::to_string(sum.high) + " " +
                     std::to_string(sum.low) + " v" + std::to_string(sum.version);
  }
  return windows;
}

// Reads until all closed windows are as they should be, or the deadline comes.
Windows OfStream(grpc::ClientReader<v1::StreamCandlesResponse>* reader, const Windows& wanted,
                 Windows windows = {}) {
  v1::StreamCandlesResponse response;
  while (windows != wanted && reader->Read(&response)) {
    for (const v1::Candle& candle : response.candles().candles()) {
      if (candle.state() == v1::CANDLE_STATE_PARTIAL) continue;
      windows[candle.open_time().seconds()] =
          std::to_string(candle.trade_count()) + " " + std::to_string(std::stod(candle.high())) +
          " " + std::to_string(std::stod(candle.low())) + " v" + std::to_string(candle.version());
    }
  }
  return windows;
}

TEST(QueryMerged, AStreamOf7sIsAMergeOfTheRowsOfTheTable) {
  QueryWorld world;
  std::vector<KeyedCandle> before;
  for (int64_t second = 0; second < 40; ++second) {
    if (second % 5 != 3) before.push_back(Second(second, second + 1));
  }
  world.Commit(before, 41);
  world.Start();
  ASSERT_TRUE(world.Ready("ready")) << world.process().Output();
  world.PublishProgress(kBtc, 41, kFirst + 40);

  v1::StreamCandlesRequest request;
  request.add_instruments(kBtc);
  request.add_intervals("7s");
  request.set_last(100);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto reader = world.stub().StreamCandles(&context, request);
  const Windows at_first = OfTable(world, kFirst + 35);
  ASSERT_EQ(at_first.size(), 5u);
  const Windows seen = OfStream(reader.get(), at_first);
  EXPECT_EQ(seen, at_first);

  std::vector<KeyedCandle> after;
  for (int64_t second = 40; second < 70; ++second) after.push_back(Second(second, second + 20));
  KeyedCandle late = Second(2, 95, CandleState::kRevised);  // in a window that was sent
  late.candle.revision = 1;
  after.push_back(late);
  world.Commit(after, 96);
  world.PublishClosed(after);
  world.PublishProgress(kBtc, 96, kFirst + 70);
  const Windows at_last = OfTable(world, kFirst + 70);
  ASSERT_EQ(at_last.size(), 10u);
  EXPECT_EQ(OfStream(reader.get(), at_last, seen), at_last);
  context.TryCancel();
}

}  // namespace
}  // namespace quantstream::query::testing
