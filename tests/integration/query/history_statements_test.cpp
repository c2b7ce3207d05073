// The statements of history against a real PostgreSQL.
#include "query/history_statements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "market/instrument.h"
#include "query/page_statement.h"
#include "tests/integration/query/query_world.h"

namespace quantstream::query::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kCandlesMax = 100;

EventTime At(int64_t second) {
  return EventTime{second * kMicrosecondsPerSecond};
}

class HistoryStatements : public ::testing::Test {
 protected:
  HistoryStatements() {
    connection_ = world_.Connect();
    std::vector<KeyedCandle> candles;
    for (int64_t second = 0; second < 10; ++second) {
      candles.push_back(MakeCandle(kBtc, 1, second, CandleState::kFinal, 100 + second));
      candles.push_back(MakeCandle(kEth, 1, second, CandleState::kFinal, 100 + second));
    }
    candles[4] = MakeCandle(kBtc, 1, 2, CandleState::kRevised, 109);
    world_.Commit(candles, 110);
  }

  WantedSeries Want(const std::string& instrument, int64_t from_s) const {
    return {.series = {instrument, Interval{1}},
            .partition = PartitionOf(instrument, kPartitions),
            .from = At(from_s)};
  }

  std::vector<Update> Read(std::vector<WantedSeries> series) {
    const auto snapshot =
        SelectSnapshot(*connection_, world_.TradesTopic(), kCandlesMax, {std::move(series)});
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return snapshot.ok() ? snapshot->candles : std::vector<Update>();
  }

  std::vector<std::string> Seconds(std::vector<WantedSeries> series) {
    std::vector<std::string> seconds;
    for (const Update& update : Read(std::move(series))) {
      const std::string& name = update->key.instrument;
      seconds.push_back(name.substr(8, 3) + " " +
                        std::to_string(update->key.open_time.us / kMicrosecondsPerSecond));
    }
    return seconds;
  }

  QueryWorld world_;
  std::unique_ptr<postgres::Connection> connection_;
};

TEST_F(HistoryStatements, EachSeriesHasItsOwnRangeAndCount) {
  WantedSeries window = Want(kBtc, 3);
  window.to = At(5);
  WantedSeries newest = Want(kEth, 0);
  newest.newest = 2;
  EXPECT_THAT(Seconds({window, newest}), ElementsAre("BTC 3", "BTC 4", "ETH 8", "ETH 9"));
  newest.to = At(7);
  EXPECT_THAT(Seconds({newest}), ElementsAre("ETH 5", "ETH 6"));
  newest.newest = 0;
  EXPECT_THAT(Seconds({newest}), IsEmpty());
}

TEST_F(HistoryStatements, OneSeriesIsReadInSeveralRanges) {
  WantedSeries early = Want(kBtc, 0), late = Want(kBtc, 8);
  early.to = At(2);
  EXPECT_THAT(Seconds({early, late}), ElementsAre("BTC 0", "BTC 1", "BTC 8", "BTC 9"));
}

TEST_F(HistoryStatements, ChangesOfOneSeriesAreReadBesideTheHistoryOfAnother) {
  WantedSeries resumed = Want(kBtc, 0), fresh = Want(kEth, 0);
  resumed.changed_since = 108;
  fresh.newest = 1;
  EXPECT_THAT(Seconds({resumed, fresh}), ElementsAre("BTC 2", "BTC 8", "BTC 9", "ETH 9"));
  resumed.to = At(9);
  EXPECT_THAT(Seconds({resumed, fresh}), ElementsAre("BTC 2", "BTC 8", "ETH 9"));
}

// Pieces of what changed, one after the other, are what one read of it would be: by versions, which
// grow from piece to piece.
TEST_F(HistoryStatements, PiecesOfWhatChangedAreAllOfIt) {
  std::vector<KeyedCandle> more;
  for (int64_t second = 10; second < 200; ++second) {
    more.push_back(MakeCandle(kBtc, 1, second, CandleState::kFinal, 110 + second / 3));
    if (second % 5 == 0)
      more.push_back(MakeCandle(kBtc, 5, second, CandleState::kFinal, 111 + second / 3));
    if (second % 2 == 0)
      more.push_back(MakeCandle(kBtc, 1, second + 350, CandleState::kRevised, 110 + second / 3));
  }
  world_.Commit(more, 300);
  WantedSeries seconds = Want(kBtc, 0);
  seconds.changed_since = 105;
  seconds.in_pieces = true;
  WantedSeries fives = seconds;
  fives.series.interval = Interval{5};
  std::map<std::pair<Interval, EventTime>, int64_t> whole, pieces;
  int count = 0;
  for (bool more_to_come = true; more_to_come; ++count) {
    const auto piece =
        SelectSnapshot(*connection_, world_.TradesTopic(), kCandlesMax, {{seconds, fives}});
    ASSERT_TRUE(piece.ok()) << piece.status();
    more_to_come = piece->is_piece();
    const int64_t through = more_to_come ? piece->changed_through.begin()->second : 299;
    for (const Update& row : piece->candles) {
      EXPECT_GE(row->version, *seconds.changed_since);
      EXPECT_LE(row->version, through);
      pieces[{row->key.interval, row->key.open_time}] = row->version;
    }
    ASSERT_TRUE(!more_to_come || through > *seconds.changed_since) << "it leads no further";
    seconds.changed_since = fives.changed_since = through;
  }
  EXPECT_GE(count, 4);
  seconds.changed_since = fives.changed_since = 105;
  seconds.in_pieces = fives.in_pieces = false;
  const auto all = SelectSnapshot(*connection_, world_.TradesTopic(), 10'000, {{seconds, fives}});
  ASSERT_TRUE(all.ok()) << all.status();
  for (const Update& row : all->candles)
    whole[{row->key.interval, row->key.open_time}] = row->version;
  EXPECT_EQ(pieces, whole);
}

// Of a merged interval: parts up to a time, whatever their versions.
TEST_F(HistoryStatements, PiecesOfARangeEndAtATime) {
  std::vector<KeyedCandle> more;
  for (int64_t second = 10; second < 100; ++second) {
    more.push_back(MakeCandle(kBtc, 1, second, CandleState::kFinal, 110 + second));
  }
  world_.Commit(more, 300);
  WantedSeries dense = Want(kBtc, 0), sparse = Want(kEth, 0), changes = Want(kBtc, 0);
  changes.to = At(0);
  changes.changed_since = 0;
  dense.in_pieces = sparse.in_pieces = true;
  const auto piece =
      SelectSnapshot(*connection_, world_.TradesTopic(), kCandlesMax, {{changes, dense, sparse}});
  ASSERT_TRUE(piece.ok()) << piece.status();
  ASSERT_TRUE(piece->to);
  EXPECT_TRUE(piece->changed_through.empty());
  EXPECT_EQ(piece->candles.size(), piece->to->us / kMicrosecondsPerSecond + 10)
      << "all before it, and all of the other series, which ends earlier";
  EXPECT_GT(*piece->to, At(9));
}

TEST_F(HistoryStatements, ScaledBytesComeWhereTheyAreAskedFor) {
  WantedSeries plain = Want(kBtc, 9), scaled = Want(kEth, 9);
  scaled.with_scaled = true;
  const auto candles = Read({plain, scaled});
  ASSERT_EQ(candles.size(), 2u);
  EXPECT_EQ(candles[0]->scaled, "");
  const auto decoded = DecodeCandle(candles[1]->scaled);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, MakeCandle(kEth, 1, 9, CandleState::kFinal, 109));
}

TEST_F(HistoryStatements, APageHasScaledBytesWhereTheyAreAskedFor) {
  PageRequest request;
  request.series = {kBtc, Interval{1}};
  request.partition = PartitionOf(kBtc, kPartitions);
  request.to = At(1);
  request.with_scaled = true;
  auto page = SelectPage(*connection_, world_.TradesTopic(), request);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->candles.size(), 1u);
  EXPECT_TRUE(DecodeCandle(page->candles[0]->scaled).ok());
  request.with_scaled = false;
  page = SelectPage(*connection_, world_.TradesTopic(), request);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->candles[0]->scaled, "");
}

}  // namespace
}  // namespace quantstream::query::testing
