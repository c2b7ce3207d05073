#include "market/trade_codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "quantstream/v1/trade.pb.h"
#include "tests/unit/market/hostile_bytes.h"

namespace quantstream {
namespace {

using test::Field;
using test::FieldKind;
using test::Random;
using test::Schema;

constexpr uint32_t kDecimalScaleMax = 255;

const Schema kTrade = {
    {1, FieldKind::kText},     {2, FieldKind::kText},    {3, FieldKind::kFixed64},
    {4, FieldKind::kFixed64},  {5, FieldKind::kVarint},  {6, FieldKind::kVarint},
    {7, FieldKind::kFixed64},  {8, FieldKind::kFixed64}, {9, FieldKind::kVarint},
    {10, FieldKind::kFixed64}, {11, FieldKind::kText},   {12, FieldKind::kVarint},
    {13, FieldKind::kVarint}};
const Schema kHeartbeat = {{1, FieldKind::kText},
                           {2, FieldKind::kFixed64},
                           {3, FieldKind::kVarint},
                           {4, FieldKind::kVarint},
                           {5, FieldKind::kVarint}};
const Schema kBatch = {{1, FieldKind::kText},
                       {2, FieldKind::kFixed64},
                       {3, FieldKind::kVarint},
                       {4, FieldKind::kMessage, &kTrade},
                       {5, FieldKind::kMessage, &kHeartbeat}};

Trade FromProtobuf(const v1::Trade& from) {
  Trade trade;
  trade.venue = from.venue();
  trade.symbol = from.symbol();
  trade.price = Decimal{from.price_mantissa(), static_cast<uint8_t>(from.price_scale())};
  trade.quantity = Decimal{from.quantity_mantissa(), static_cast<uint8_t>(from.quantity_scale())};
  trade.venue_time = EventTime{from.venue_time_us()};
  trade.receive_time = EventTime{from.receive_time_us()};
  if (from.aggressor_side() == v1::SIDE_BUY) trade.aggressor_side = Side::kBuy;
  if (from.aggressor_side() == v1::SIDE_SELL) trade.aggressor_side = Side::kSell;
  if (from.source() == v1::TRADE_SOURCE_LIVE) trade.source = TradeSource::kLive;
  if (from.source() == v1::TRADE_SOURCE_BACKFILL) trade.source = TradeSource::kBackfill;
  if (from.source() == v1::TRADE_SOURCE_REPLAY) trade.source = TradeSource::kReplay;
  trade.id = from.trade_id();
  trade.text_id = from.trade_text_id();
  trade.count = std::max<uint32_t>(1, from.trade_count());
  return trade;
}

Heartbeat FromProtobuf(const v1::Heartbeat& from) {
  Heartbeat heartbeat;
  heartbeat.venue = from.venue();
  if (from.has_venue_time_us()) heartbeat.venue_time = EventTime{from.venue_time_us()};
  heartbeat.connected = from.connected();
  heartbeat.held = from.held();
  heartbeat.finished = from.finished();
  return heartbeat;
}

bool FitsDecimals(const v1::TradeBatch& batch) {
  return std::all_of(batch.trades().begin(), batch.trades().end(), [](const v1::Trade& trade) {
    return trade.price_scale() <= kDecimalScaleMax && trade.quantity_scale() <= kDecimalScaleMax;
  });
}

// The batch as the generated decoder reads it; its text points into `parsed`.
TradeBatch FromProtobuf(const v1::TradeBatch& parsed) {
  TradeBatch batch;
  batch.node = parsed.node();
  batch.session = parsed.session();
  batch.sequence = parsed.sequence();
  for (const v1::Trade& trade : parsed.trades()) batch.trades.push_back(FromProtobuf(trade));
  for (const v1::Heartbeat& beat : parsed.heartbeats()) {
    batch.heartbeats.push_back(FromProtobuf(beat));
  }
  return batch;
}

std::string RandomBatch(Random& random) {
  v1::TradeBatch batch;
  batch.set_node(test::AnyText(random, true));
  batch.set_session(random.AnyWidth());
  batch.set_sequence(random.AnyWidth());
  for (int i = random.Between(0, 3); i > 0; --i) {
    v1::Trade& trade = *batch.add_trades();
    trade.set_venue("binance");
    trade.set_symbol(test::AnyText(random, true));
    trade.set_price_mantissa(static_cast<int64_t>(random.AnyWidth()));
    trade.set_quantity_mantissa(static_cast<int64_t>(random.AnyWidth()));
    trade.set_price_scale(static_cast<uint32_t>(random.Below(random.OneIn(20) ? 300 : 19)));
    trade.set_quantity_scale(static_cast<uint32_t>(random.Below(19)));
    trade.set_venue_time_us(static_cast<int64_t>(random.AnyWidth()));
    trade.set_receive_time_us(static_cast<int64_t>(random.AnyWidth()));
    trade.set_aggressor_side(static_cast<v1::Side>(random.Between(-1, 4)));
    trade.set_trade_id(random.AnyWidth());
    if (random.OneIn(4)) trade.set_trade_text_id(test::AnyText(random, true));
    trade.set_trade_count(static_cast<uint32_t>(random.AnyWidth()));
    trade.set_source(static_cast<v1::TradeSource>(random.Between(-1, 5)));
  }
  for (int i = random.Between(0, 2); i > 0; --i) {
    v1::Heartbeat& beat = *batch.add_heartbeats();
    beat.set_venue("okx");
    if (random.OneIn(2)) beat.set_venue_time_us(static_cast<int64_t>(random.Below(3)));
    beat.set_connected(random.OneIn(2));
    beat.set_held(random.OneIn(2));
    beat.set_finished(random.OneIn(2));
  }
  return batch.SerializeAsString();
}

class TradeCodec : public testing::Test {
 protected:
  // True when both take the bytes; fails the test when they disagree.
  bool Agree(const std::string& bytes) {
    const bool parsed = parsed_.ParseFromString(bytes);
    const absl::Status decoded = DecodeTradeBatch(bytes, batch_);
    EXPECT_EQ(decoded.ok(), parsed && FitsDecimals(parsed_)) << decoded;
    if (!decoded.ok()) {
      EXPECT_EQ(decoded.code(), absl::StatusCode::kInvalidArgument);
      return false;
    }
    EXPECT_TRUE(batch_ == FromProtobuf(parsed_));
    return true;
  }

  // Runs `make` with `seeds` seeds and says how many of the results were taken.
  template <typename Make>
  int AgreeOnAll(int seeds, Make make) {
    int taken = 0;
    for (int seed = 0; seed < seeds && !HasFailure(); ++seed) {
      Random random(static_cast<uint64_t>(seed));
      const std::string bytes = make(random);
      taken += Agree(bytes) ? 1 : 0;
      if (HasFailure()) ADD_FAILURE() << "seed " << seed << ": " << testing::PrintToString(bytes);
    }
    return taken;
  }

  google::protobuf::LogSilencer silencer_;  // of broken UTF-8
  v1::TradeBatch parsed_;
  TradeBatch batch_;
};

TEST_F(TradeCodec, DecodesAsProtobufWhatProtobufEncodes) {
  EXPECT_GT(AgreeOnAll(20'000, RandomBatch), 15'000);
}

TEST_F(TradeCodec, AgreesWithProtobufOnMutatedBytes) {
  const int taken =
      AgreeOnAll(40'000, [](Random& random) { return test::Mutated(random, RandomBatch(random)); });
  EXPECT_GT(taken, 4'000);
}

TEST_F(TradeCodec, AgreesWithProtobufOnFieldsInAnyOrderUnknownFieldsAndGroups) {
  const int taken =
      AgreeOnAll(20'000, [](Random& random) { return test::HostileMessage(random, kBatch, 0); });
  EXPECT_GT(taken, 1'000);
}

TEST_F(TradeCodec, AgreesWithProtobufOnHostileBytes) {
  const int taken = AgreeOnAll(40'000, [](Random& random) {
    return test::HostileMessage(random, kBatch, 50 + random.Below(500));
  });
  EXPECT_GT(taken, 1'000);
}

TEST_F(TradeCodec, AgreesWithProtobufOnNoise) {
  AgreeOnAll(20'000, [](Random& random) { return random.Bytes(random.Below(24)); });
}

std::string Nested(int groups) {
  std::string bytes;
  for (int i = 0; i < groups; ++i) bytes += '\x7B';  // field 15 begins
  for (int i = 0; i < groups; ++i) bytes += '\x7C';  // and ends
  return bytes;
}

TEST_F(TradeCodec, TakesGroupsAsDeepAsProtobufDoes) {
  EXPECT_TRUE(Agree(Nested(100)));
  EXPECT_FALSE(Agree(Nested(101)));
  const std::string trade = Nested(99);
  const std::string deeper = Nested(100);
  EXPECT_TRUE(Agree("\x22\xC6\x01" + trade));
  EXPECT_FALSE(Agree("\x22\xC8\x01" + deeper));
}

TEST_F(TradeCodec, NamesTheTradeWhoseScaleIsTooGreat) {
  v1::TradeBatch batch;
  batch.add_trades()->set_price_scale(255);
  batch.add_trades()->set_quantity_scale(256);
  const absl::Status status = DecodeTradeBatch(batch.SerializeAsString(), batch_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("trades[1].quantity_scale is 256"));
}

TEST_F(TradeCodec, SaysWhereTheBytesAreBroken) {
  const absl::Status status = DecodeTradeBatch(std::string("\x0A\x01n\x19", 4), batch_);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("at byte 3"));
}

TEST_F(TradeCodec, TakesABoundNumberOfTradesAndOfHeartbeats) {
  for (const auto& [field, name] : {std::pair("\x22\x00", "trades"), {"\x2A\x00", "heartbeats"}}) {
    std::string bytes;
    for (size_t i = 0; i < TradeBatch::kReadMax; ++i) bytes.append(field, 2);
    EXPECT_TRUE(DecodeTradeBatch(bytes, batch_).ok()) << name;
    bytes.append(field, 2);
    const absl::Status status = DecodeTradeBatch(bytes, batch_);
    EXPECT_EQ(status.message(),
              "too many " + std::string(name) + " in one record, at most 32768 are read");
    EXPECT_EQ(batch_, TradeBatch());
  }
}

TEST_F(TradeCodec, LeavesTheBatchEmptyWhenItRefuses) {
  ASSERT_TRUE(DecodeTradeBatch(std::string("\x0A\x01n\x22\x00", 5), batch_).ok());
  ASSERT_FALSE(DecodeTradeBatch(std::string("\x0A\x01n\x22\x00\x22", 6), batch_).ok());
  EXPECT_EQ(batch_, TradeBatch());
}

TEST_F(TradeCodec, TakesNoMemoryOnceTheBatchHasGrown) {
  v1::TradeBatch large;
  for (int i = 0; i < 100; ++i) large.add_trades()->set_venue("v");
  const std::string bytes = large.SerializeAsString();
  ASSERT_TRUE(DecodeTradeBatch(bytes, batch_).ok());
  const Trade* const grown = batch_.trades.data();
  ASSERT_TRUE(DecodeTradeBatch(bytes, batch_).ok());
  EXPECT_EQ(batch_.trades.data(), grown);
}

// What was decoded, encoded again, is what protobuf itself would write, byte by byte.
TEST_F(TradeCodec, EncodesAsProtobufDoes) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string bytes = RandomBatch(random);
    if (!Agree(bytes)) continue;
    for (v1::Trade& trade : *parsed_.mutable_trades()) {
      if (!v1::Side_IsValid(trade.aggressor_side())) trade.clear_aggressor_side();
      if (!v1::TradeSource_IsValid(trade.source())) trade.clear_source();
      if (trade.trade_count() == 1) trade.clear_trade_count();
    }
    std::string encoded = "before";
    EncodeTradeBatch(batch_, encoded);
    ASSERT_EQ(encoded, "before" + parsed_.SerializeAsString());
  }
}

TEST_F(TradeCodec, NeedsNoMoreThanItSaysForATrade) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string text = random.TextOf("xyz", random.AnyWidth() >> 50);
    TradeBatch batch;
    Trade& trade = batch.trades.emplace_back();
    trade.venue = trade.symbol = trade.text_id = text;
    trade.price = trade.quantity = Decimal{static_cast<int64_t>(random.Bits()), 255};
    trade.venue_time = trade.receive_time = EventTime{static_cast<int64_t>(random.Bits())};
    trade.aggressor_side = Side::kSell;
    trade.source = TradeSource::kReplay;
    trade.id = random.Bits();
    trade.count = static_cast<uint32_t>(random.Bits());
    std::string encoded;
    EncodeTradeBatch(batch, encoded);
    ASSERT_LE(encoded.size(), EncodedSizeMax(trade));
  }
}

}  // namespace
}  // namespace quantstream
