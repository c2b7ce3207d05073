#include "tests/integration/processor/store_fixture.h"
#include "tests/support/tcp_proxy.h"

namespace quantstream::processor {
namespace {

using test_support::TcpProxy;

TEST_F(StoreTest, EachTakeOverRaisesTheEpochOfTheRow) {
  auto store = MakeStore();
  TakenOver first = TakeOver(*store);
  TakenOver second = TakeOver(*store);
  EXPECT_EQ(first.epoch, Epoch{1});
  EXPECT_EQ(second.epoch, Epoch{2});
  EXPECT_EQ(first.row, PartitionRow{});
  EXPECT_TRUE(first.instruments.empty());
}

TEST_F(StoreTest, TheNextOwnerFindsWhatWasCommitted) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  part.row.generation = 2;
  part.row.replay_from = Offset{4};
  part.row.last_record = RecordIdentity{Offset{9}, 5, 0xfedcba98};
  part.row.log_id = "cluster/topic";
  part.row.state = std::string("\0\1state", 7);
  part.instruments = {{kName, "ledger"}};
  part.outbox = OutboxRow{9, std::string("\0payload", 8)};
  EXPECT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);

  TakenOver next = TakeOver(*store);
  EXPECT_EQ(next.row, part.row);
  EXPECT_EQ(next.instruments, part.instruments);
  EXPECT_EQ(next.outbox, std::vector<OutboxRow>{*part.outbox});
}

TEST_F(StoreTest, DeliveredOutboxRowsAreCutByALaterCommit) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  part.outbox = OutboxRow{9, "a"};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  part.expected_next_offset = part.row.next_offset;
  part.row.next_offset = Offset{20};
  part.outbox = OutboxRow{19, "b"};
  part.delivered_version = 9;
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  EXPECT_EQ(TakeOver(*store).outbox, (std::vector<OutboxRow>{{19, "b"}}));
}

TEST_F(StoreTest, TheOutboxIsReadInPages) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  const std::string payload(5 << 20, 'x');
  for (int64_t version : {9, 19, 29}) {
    part.outbox = OutboxRow{version, payload};
    part.row.next_offset = Offset{version + 1};
    ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
    part.expected_next_offset = part.row.next_offset;
  }
  TakenOver taken = TakeOver(*store);
  ASSERT_EQ(taken.outbox.size(), 2u) << "8 MiB, and the row that goes beyond";
  EXPECT_EQ(taken.outbox[1], (OutboxRow{19, payload}));
  auto rest = store->ReadOutbox(part.partition, taken.epoch, 19);
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(*rest, (std::vector<OutboxRow>{{29, payload}}));
  EXPECT_TRUE(store->ReadOutbox(part.partition, taken.epoch, 29)->empty());
  EXPECT_TRUE(store->ReadOutbox(part.partition, part.epoch, 19)->empty()) << "an older epoch";
}

TEST_F(StoreTest, AnOwnerOfAnOlderEpochWritesNothing) {
  auto zombie = MakeStore();
  PartitionCommit part = After(TakeOver(*zombie));
  part.candles = {Row({1}, 100, 5, 9)};
  auto store = MakeStore();
  TakeOver(*store);
  CommitOutcome outcome = Run(*zombie, part);
  EXPECT_EQ(outcome.kind, CommitOutcome::kUnmatched);
  EXPECT_EQ(outcome.unmatched, std::vector<int32_t>{3});
  EXPECT_EQ(Query("SELECT count(*) FROM candles"), "0");
  EXPECT_EQ(store->ReadProgress(3)->next_offset, Offset{0});
}

TEST_F(StoreTest, ACommitFromAnOffsetThatWasPassedWritesNothing) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  part.candles = {Row({1}, 100, 5, 9)};
  EXPECT_EQ(Run(*store, part).kind, CommitOutcome::kUnmatched);
  EXPECT_EQ(Query("SELECT count(*) FROM candles"), "0");
}

TEST_F(StoreTest, OnlyTheFencedPartitionIsNamedAndTheOthersRollBackWithIt) {
  auto store = MakeStore();
  PartitionCommit mine = After(TakeOver(*store, 1), 1);
  PartitionCommit lost = After(TakeOver(*store, 2), 2);
  TakeOver(*MakeStore(), 2);
  CommitOutcome outcome = Run(*store, Commit{std::make_shared<const PartitionCommit>(mine),
                                             std::make_shared<const PartitionCommit>(lost)});
  EXPECT_EQ(outcome.unmatched, std::vector<int32_t>{2});
  EXPECT_EQ(store->ReadProgress(1)->next_offset, Offset{0});
  EXPECT_EQ(Run(*store, mine).kind, CommitOutcome::kLanded);
}

TEST_F(StoreTest, ANewRowThatIsThereIsReplacedWhereItsVersionIsNewer) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  part.candles = {Row({1}, 100, 5, 50), Row({1}, 101, 5, 3)};
  part.late_trades = {Late(100, 9)};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  part.expected_next_offset = part.row.next_offset;
  part.row.next_offset = Offset{20};
  part.candles = {Row({1}, 100, 6, 40), Row({1}, 101, 6, 40), Row({1}, 102, 6, 40)};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  EXPECT_EQ(Query("SELECT close, version FROM candles ORDER BY open_time"), "5|50\n6|40\n6|40");
}

TEST_F(StoreTest, ARevisedRowReplacesTheStoredOne) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  part.candles = {Row({60}, 120, 5, 5)};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  part.expected_next_offset = part.row.next_offset;
  part.row.next_offset = Offset{20};
  CandleRow revised = Row({60}, 120, 6, 15);
  revised.candle.state = CandleState::kRevised;
  revised.candle.revision = 1;
  revised.is_new = false;
  part.candles = {revised};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  EXPECT_EQ(Query("SELECT close, state, revision, version FROM candles_v"), "6|REVISED|1|15");
}

TEST_F(StoreTest, PeopleReadCandlesThroughTheView) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  part.candles = {Row({60}, 1'700'000'040, 5, 5)};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  EXPECT_EQ(Query("SELECT instrument, interval, extract(epoch FROM open_time)::bigint, open, high, "
                  "low, close, volume, quote_volume, buy_volume, vwap, trade_count, volatility, "
                  "state, completeness, first_trade_id, partition, first_offset, last_offset "
                  "FROM candles_v"),
            "binance:BTC-USDT|1m|1700000040|5|5|5|5|2|10|2|5|1||FINAL|COMPLETE|7|3|1|2");
}

TEST_F(StoreTest, CandlesOfAnyYearFindTheirTable) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  for (int64_t open_s : {86'400LL, 1'381'104'000LL, 10'413'792'000LL, 7'000'000'000'000LL}) {
    part.candles.push_back(Row({1}, open_s / 86'400 * 86'400, 5, 5));
    part.candles.push_back(Row({86'400}, open_s / 86'400 * 86'400, 5, 5));
  }
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  EXPECT_EQ(Query("SELECT count(*) FROM candles"), "8");
}

TEST_F(StoreTest, AReadBackSeesCandlesNeighboursLateTradesAndGaps) {
  auto store = MakeStore();
  TakenOver taken = TakeOver(*store);
  PartitionCommit part = After(taken);
  part.candles = {Row({1}, 100, 5, 5), Row({1}, 103, 6, 5), Row({1}, 110, 7, 5),
                  Row({60}, 60, 5, 5)};
  part.late_trades = {Late(103, 9)};
  GapRow gap;
  gap.cause = GapCause::kUnknown;
  gap.instrument = kName;
  gap.venue = "binance";
  gap.first_trade_id = 18'000'000'000'000'000'000u;
  gap.last_trade_id = 18'000'000'000'000'000'009u;
  part.gaps = {gap};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);

  ReadBack request{3, taken.epoch, {}, {}, {}, {}};
  request.candles = {part.candles[1].key, part.candles[3].key, {kName, {5}, EventTime{0}}};
  EventTime open{103'000'000};
  request.neighbours = {{{kName, open}, EventTime{60'000'000}, EventTime{120'000'000}},
                        {{kName, open}, EventTime{101'000'000}, EventTime{110'000'000}}};
  request.late_trades = {{kName, open}};
  request.gaps = {{kName, 18'000'000'000'000'000'009u}, {kName, 18'000'000'000'000'000'010u}};
  absl::StatusOr<ReadBackAnswer> answer = store->Read(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->candles.size(), 2u);
  EXPECT_EQ(answer->neighbours[0].before->close, (Decimal{5, 0}));
  EXPECT_EQ(answer->neighbours[0].after->open_time, EventTime{110'000'000});
  EXPECT_FALSE(answer->neighbours[1].before || answer->neighbours[1].after);
  ASSERT_EQ(answer->late_trades.size(), 1u);
  EXPECT_EQ(answer->late_trades[0].index, 4u);
  EXPECT_EQ(answer->late_trades[0].batch, part.late_trades[0].batch);
  EXPECT_EQ(answer->in_gap, (std::vector<bool>{true, false}));
}

TEST_F(StoreTest, AReadBackOfAnOlderEpochIsRefused) {
  auto zombie = MakeStore();
  TakenOver old = TakeOver(*zombie);
  TakeOver(*MakeStore());
  EXPECT_TRUE(absl::IsAborted(zombie->Read({3, old.epoch, {}, {}, {}, {}}).status()));
}

TEST_F(StoreTest, AGapIsClosedByItsOwnInstrumentAndIds) {
  auto store = MakeStore();
  PartitionCommit part = After(TakeOver(*store));
  GapRow gap;
  gap.instrument = kName;
  gap.venue = "binance";
  gap.first_trade_id = 5;
  gap.last_trade_id = 6;
  gap.opened_version = 3;
  GapRow end = gap;
  end.closed_version = 8;
  part.gaps = {gap, end};
  ASSERT_EQ(Run(*store, part).kind, CommitOutcome::kLanded);
  EXPECT_EQ(Query("SELECT cause, first_trade_id, closed_version FROM trade_gaps"),
            "MISSING_IDS|5|8");
}

TEST_F(StoreTest, AnotherPartitionCountIsRefusedAndBothAreNamed) {
  TakeOver(*MakeStore());
  StoreOptions options = OptionsAt(server_.port());
  options.partition_count = 6;
  PostgresStore other(options, &metrics_);
  absl::Status refused = other.TakeOver(3).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_NE(refused.message().find(" 6 partitions"), absl::string_view::npos) << refused;
  EXPECT_NE(refused.message().find("with 12"), absl::string_view::npos) << refused;
}

TEST_F(StoreTest, AnUnsafeSettingIsRefusedByName) {
  Query("ALTER DATABASE " + database_.name() + " SET synchronous_commit = off");
  absl::Status refused = MakeStore()->TakeOver(3).status();
  EXPECT_NE(refused.message().find("synchronous_commit"), absl::string_view::npos) << refused;
  StoreOptions options = OptionsAt(server_.port());
  options.allow_unsafe_database = true;
  PostgresStore allowed(options, &metrics_);
  EXPECT_TRUE(allowed.TakeOver(3).ok());
}

TEST_F(StoreTest, ACommitWhoseAnswerIsCutOffIsUnknownAndTheRowTellsThatItLanded) {
  auto proxy = TcpProxy::Start(static_cast<uint16_t>(server_.port()));
  ASSERT_TRUE(proxy.ok());
  PostgresStore store(OptionsAt((*proxy)->port()), &metrics_);
  TakenOver taken = TakeOver(store);
  (*proxy)->CutAt(std::string_view("COMMIT\0", 7), TcpProxy::Cut::kAfterItArrived);
  EXPECT_EQ(Run(store, After(taken)).kind, CommitOutcome::kUnknown);
  EXPECT_EQ((*proxy)->cuts(), 1);
  EXPECT_TRUE(test_support::WaitFor([&] {
    auto progress = store.ReadProgress(3);
    return progress.ok() && *progress == StoredProgress{taken.epoch, Offset{10}};
  }));
}

TEST_F(StoreTest, ACommitThatNeverArrivedIsUnknownAndTheRowTellsThatItDidNotLand) {
  auto proxy = TcpProxy::Start(static_cast<uint16_t>(server_.port()));
  ASSERT_TRUE(proxy.ok());
  PostgresStore store(OptionsAt((*proxy)->port()), &metrics_);
  TakenOver taken = TakeOver(store);
  (*proxy)->CutAt(std::string_view("COMMIT\0", 7), TcpProxy::Cut::kBeforeItArrives);
  EXPECT_EQ(Run(store, After(taken)).kind, CommitOutcome::kUnknown);
  EXPECT_EQ(store.ReadProgress(3)->next_offset, Offset{0});
  EXPECT_EQ(Run(store, After(taken)).kind, CommitOutcome::kLanded) << "the store connects again";
}

// Changed options, or a gap in the log behind next_offset: the row does not tell that it landed.
TEST_F(StoreTest, ACommitThatMovesNoOffsetIsSentAgainAfterALostAnswerAndCountsOnce) {
  auto proxy = TcpProxy::Start(static_cast<uint16_t>(server_.port()));
  ASSERT_TRUE(proxy.ok());
  PostgresStore store(OptionsAt((*proxy)->port()), &metrics_);
  PartitionCommit part = After(TakeOver(store));
  part.row.next_offset = part.expected_next_offset;
  part.candles = {Row({1}, 100, 5, 9)};
  part.late_trades = {Late(100, 9)};
  part.outbox = OutboxRow{9, "payload"};
  GapRow lost;
  lost.cause = GapCause::kDataLoss;
  lost.first_offset = Offset{3};
  lost.last_offset = Offset{5};
  lost.opened_version = 9;
  GapRow missing;
  missing.instrument = kName;
  missing.venue = "binance";
  missing.first_trade_id = 5;
  missing.last_trade_id = 6;
  missing.opened_version = 9;
  GapRow filled = missing;
  filled.closed_version = 9;
  part.gaps = {lost, missing, filled};
  (*proxy)->CutAt(std::string_view("COMMIT\0", 7), TcpProxy::Cut::kAfterItArrived);
  EXPECT_EQ(Run(store, part).kind, CommitOutcome::kUnknown);
  ASSERT_TRUE(test_support::WaitFor([&] { return Query("SELECT count(*) FROM outbox") == "1"; }));
  CommitOutcome again = Run(store, part);
  EXPECT_EQ(again.kind, CommitOutcome::kLanded) << again.status;
  EXPECT_EQ(Query("SELECT cause, closed_version FROM trade_gaps ORDER BY cause"),
            "DATA_LOSS|\nMISSING_IDS|9");
  EXPECT_EQ(Query("SELECT count(*) FROM candles"), "1");
  EXPECT_EQ(TakeOver(store).outbox, (std::vector<OutboxRow>{{9, "payload"}}));
}

TEST_F(StoreTest, WithoutAServerErrorsAreTransient) {
  auto proxy = TcpProxy::Start(static_cast<uint16_t>(server_.port()));
  ASSERT_TRUE(proxy.ok());
  PostgresStore store(OptionsAt((*proxy)->port()), &metrics_);
  TakenOver taken = TakeOver(store);
  (*proxy)->Shut();
  EXPECT_TRUE(absl::IsUnavailable(store.TakeOver(3).status()));
  EXPECT_EQ(Run(store, After(taken)).kind, CommitOutcome::kFailed);
  (*proxy)->Open();
  EXPECT_EQ(Run(store, After(taken)).kind, CommitOutcome::kLanded);
}

TEST_F(StoreTest, WithoutAServerItConnectsOnceASecondHoweverOftenItIsAsked) {
  auto proxy = TcpProxy::Start(static_cast<uint16_t>(server_.port()));
  ASSERT_TRUE(proxy.ok());
  PostgresStore store(OptionsAt((*proxy)->port()), &metrics_);
  TakeOver(store);
  (*proxy)->Shut();
  int asked = 0;
  EXPECT_TRUE(test_support::WaitFor([&] {
    EXPECT_TRUE(absl::IsUnavailable(store.ReadProgress(3).status()));
    EXPECT_TRUE(absl::IsUnavailable(store.TakeOver(4).status()));
    ++asked;
    return (*proxy)->refused() >= 3;
  }));
  EXPECT_GT(asked, 20);
  (*proxy)->Open();
  EXPECT_TRUE(test_support::WaitFor([&] { return store.ReadProgress(3).ok(); }));
}

}  // namespace
}  // namespace quantstream::processor
