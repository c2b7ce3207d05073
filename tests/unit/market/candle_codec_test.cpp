#include "market/candle_codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <limits>

#include "quantstream/v1/candle_event.pb.h"
#include "tests/unit/market/hostile_bytes.h"

namespace quantstream {
namespace {

using test::FieldKind;
using test::Random;
using test::Schema;

const Schema kDecimal = {{1, FieldKind::kVarint}, {2, FieldKind::kVarint}};
const Schema kEdge = {{1, FieldKind::kMessage, &kDecimal},
                      {2, FieldKind::kFixed64},
                      {3, FieldKind::kVarint},
                      {4, FieldKind::kText},
                      {5, FieldKind::kFixed64},
                      {6, FieldKind::kText},
                      {7, FieldKind::kFixed64},
                      {8, FieldKind::kVarint},
                      {9, FieldKind::kVarint}};
const Schema kReturns = {{1, FieldKind::kVarint}, {2, FieldKind::kBytes}, {3, FieldKind::kBytes}};
const Schema kCandle = {{1, FieldKind::kText},
                        {2, FieldKind::kVarint},
                        {3, FieldKind::kFixed64},
                        {4, FieldKind::kMessage, &kEdge},
                        {5, FieldKind::kMessage, &kEdge},
                        {6, FieldKind::kMessage, &kDecimal},
                        {7, FieldKind::kMessage, &kDecimal},
                        {8, FieldKind::kBytes},
                        {9, FieldKind::kBytes},
                        {10, FieldKind::kBytes},
                        {11, FieldKind::kVarint},
                        {12, FieldKind::kMessage, &kReturns},
                        {13, FieldKind::kMessage, &kDecimal},
                        {14, FieldKind::kVarint},
                        {15, FieldKind::kVarint},
                        {16, FieldKind::kVarint},
                        {17, FieldKind::kVarint},
                        {18, FieldKind::kVarint},
                        {19, FieldKind::kVarint}};

EdgeTrade RandomEdge(Random& random) {
  EdgeTrade edge;
  edge.price = random.Positive();
  edge.key.time = EventTime{static_cast<int64_t>(random.AnyWidth())};
  edge.key.id = random.OneIn(3) ? 0 : random.AnyWidth();
  if (edge.key.id == 0) {
    edge.text_id = test::AnyText(random, true);
    edge.key.receive_time = EventTime{static_cast<int64_t>(random.AnyWidth())};
    edge.key.node = random.TextOf("node-1", random.Below(200));
    edge.key.session = random.AnyWidth();
    edge.key.sequence = random.AnyWidth();
    edge.key.index = static_cast<uint32_t>(random.AnyWidth());
  }
  return edge;
}

ExactSum PositiveSum(Random& random) {
  std::array<uint64_t, 4> limbs{1 + random.AnyWidth() / 2};
  for (size_t i = 1; i < 4 && !random.OneIn(3); ++i) limbs[i] = random.AnyWidth() >> 1;
  return ExactSum::OfLimbs(limbs);
}

LogReturnSums RandomReturns(Random& random) {
  LogReturnSums returns;
  for (int i = random.Between(0, 5); i > 0; --i) {
    const int64_t sign = random.OneIn(2) ? 1 : -1;
    returns.Add(sign * static_cast<int64_t>(random.AnyWidth() >> 14));
  }
  return returns;
}

KeyedCandle RandomCandle(Random& random) {
  KeyedCandle keyed;
  keyed.key = {std::string("binance:").append(test::AnyText(random, true)),
               Interval{random.Between(1, 86'400)},
               EventTime{static_cast<int64_t>(random.Below(1'800'000'000)) * 1'000'000}};
  Candle& candle = keyed.candle;
  CandleValues& values = candle.values;
  values.first = RandomEdge(random);
  values.last = RandomEdge(random);
  values.high = random.Positive();
  values.low = random.Positive();
  values.volume = PositiveSum(random);
  values.quote_volume = PositiveSum(random);
  if (random.OneIn(2)) values.buy_volume = random.OneIn(3) ? ExactSum() : PositiveSum(random);
  values.trade_count = 1 + random.AnyWidth() / 2;
  if (!random.OneIn(4)) values.returns = RandomReturns(random);
  values.first_pane_close = random.Positive();
  candle.state = static_cast<CandleState>(random.Between(1, 3));
  candle.revision = random.AnyWidth();
  candle.version = static_cast<int64_t>(random.AnyWidth() >> 1);
  candle.completeness = static_cast<Completeness>(random.Between(1, 3));
  if (random.OneIn(2)) {
    candle.lineage = OffsetSpan{Offset{static_cast<int64_t>(random.AnyWidth() >> 1)},
                                Offset{static_cast<int64_t>(random.AnyWidth() >> 1)}};
  }
  return keyed;
}

std::string Encoded(const KeyedCandle& keyed) {
  std::string bytes;
  EncodeCandle(keyed.key, keyed.candle, bytes);
  return bytes;
}

Decimal FromProtobuf(const v1::ScaledDecimal& from) {
  return Decimal{from.mantissa(), static_cast<uint8_t>(from.scale())};
}

EdgeTrade FromProtobuf(const v1::EdgeTrade& from) {
  EdgeTrade edge;
  edge.price = FromProtobuf(from.price());
  edge.text_id = from.trade_text_id();
  edge.key = {EventTime{from.venue_time_us()},
              from.trade_id(),
              EventTime{from.receive_time_us()},
              from.node(),
              from.session(),
              from.sequence(),
              from.index()};
  return edge;
}

__int128 Integer128(const std::string& bytes) {
  const ExactSum sum = ExactSum::FromBytes(bytes).value();
  return static_cast<__int128>(static_cast<unsigned __int128>(sum.limbs()[1]) << 64 |
                               sum.limbs()[0]);
}

CandleValues ValuesFromProtobuf(const v1::ScaledCandle& from) {
  CandleValues values;
  values.first = FromProtobuf(from.first());
  values.last = FromProtobuf(from.last());
  values.high = FromProtobuf(from.high());
  values.low = FromProtobuf(from.low());
  values.volume = ExactSum::FromBytes(from.volume()).value();
  values.quote_volume = ExactSum::FromBytes(from.quote_volume()).value();
  if (from.has_buy_volume()) values.buy_volume = ExactSum::FromBytes(from.buy_volume()).value();
  values.trade_count = from.trade_count();
  if (from.has_returns()) {
    values.returns = LogReturnSums{static_cast<int64_t>(from.returns().count()),
                                   Integer128(from.returns().sum()),
                                   Integer128(from.returns().sum_of_squares())};
  }
  values.first_pane_close = FromProtobuf(from.first_pane_close());
  return values;
}

KeyedCandle FromProtobuf(const v1::ScaledCandle& from) {
  KeyedCandle keyed;
  keyed.key = {from.instrument(), Interval{static_cast<int32_t>(from.interval_s())},
               EventTime{from.open_time_us()}};
  keyed.candle.values = ValuesFromProtobuf(from);
  keyed.candle.state = static_cast<CandleState>(from.state());
  keyed.candle.revision = from.revision();
  keyed.candle.version = from.version();
  keyed.candle.completeness = static_cast<Completeness>(from.completeness());
  if (from.has_first_offset()) {
    keyed.candle.lineage = OffsetSpan{Offset{from.first_offset()}, Offset{from.last_offset()}};
  }
  return keyed;
}

bool IsPrice(const v1::ScaledDecimal& price) {
  return price.mantissa() > 0 && price.scale() <= 18;
}

bool IsSum(const std::string& bytes, bool may_be_zero) {
  if (bytes.size() > 32) return false;
  const ExactSum sum = ExactSum::FromBytes(bytes).value();
  return !sum.IsNegative() && (may_be_zero || !sum.IsZero());
}

bool AreReturns(const v1::LogReturnSums& returns) {
  return returns.count() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) &&
         returns.sum().size() <= 16 && returns.sum_of_squares().size() <= 16 &&
         Integer128(returns.sum_of_squares()) >= 0;
}

bool HasLegalValues(const v1::ScaledCandle& candle) {
  return IsPrice(candle.first().price()) && IsPrice(candle.last().price()) &&
         IsPrice(candle.high()) && IsPrice(candle.low()) && IsPrice(candle.first_pane_close()) &&
         IsSum(candle.volume(), false) && IsSum(candle.quote_volume(), false) &&
         IsSum(candle.buy_volume(), true) && candle.trade_count() > 0 &&
         AreReturns(candle.returns());
}

bool IsLegal(const v1::ScaledCandle& candle) {
  return HasLegalValues(candle) && !candle.instrument().empty() && candle.interval_s() >= 1 &&
         candle.interval_s() <= 86'400 && candle.open_time_us() >= 0 &&
         candle.open_time_us() <= kTimeMax.us && candle.state() >= 1 && candle.state() <= 3 &&
         candle.version() >= 0 && candle.completeness() >= 1 && candle.completeness() <= 3 &&
         candle.has_first_offset() == candle.has_last_offset() && candle.first_offset() >= 0 &&
         candle.last_offset() >= 0;
}

class CandleCodec : public testing::Test {
 protected:
  // True when the bytes are taken; fails the test when the two decoders disagree.
  bool Agree(const std::string& bytes) {
    v1::ScaledCandle parsed;
    const bool legal = parsed.ParseFromString(bytes) && IsLegal(parsed);
    const absl::StatusOr<KeyedCandle> decoded = DecodeCandle(bytes);
    EXPECT_EQ(decoded.ok(), legal) << decoded.status() << parsed.ShortDebugString();
    if (!decoded.ok() || !legal) return false;
    EXPECT_EQ(*decoded, FromProtobuf(parsed));
    return true;
  }

  template <typename Make>
  int AgreeOnAll(int seeds, Make make) {
    int taken = 0;
    for (int seed = 0; seed < seeds && !HasFailure(); ++seed) {
      Random random(static_cast<uint64_t>(seed));
      taken += Agree(make(random)) ? 1 : 0;
      if (HasFailure()) ADD_FAILURE() << "seed " << seed;
    }
    return taken;
  }

  google::protobuf::LogSilencer silencer_;  // of broken UTF-8
};

TEST_F(CandleCodec, WhatIsEncodedDecodesToItself) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const KeyedCandle keyed = RandomCandle(random);
    const absl::StatusOr<KeyedCandle> decoded = DecodeCandle(Encoded(keyed));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(*decoded, keyed);
  }
}

TEST_F(CandleCodec, WritesTheBytesThatProtobufWrites) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const KeyedCandle keyed = RandomCandle(random);
    v1::ScaledCandle parsed;
    ASSERT_TRUE(parsed.ParseFromString(Encoded(keyed)));
    ASSERT_EQ(FromProtobuf(parsed), keyed);
    std::string appended = "before";
    EncodeCandle(keyed.key, keyed.candle, appended);
    ASSERT_EQ(appended, "before" + parsed.SerializeAsString());
    ASSERT_EQ(parsed.volume(), keyed.candle.values.volume.ToBytes());
  }
}

TEST_F(CandleCodec, AgreesWithProtobufOnMutatedBytes) {
  const int taken = AgreeOnAll(
      40'000, [](Random& random) { return test::Mutated(random, Encoded(RandomCandle(random))); });
  EXPECT_GT(taken, 4'000);
}

// What comes later is merged into what the candle had.
TEST_F(CandleCodec, AgreesWithProtobufOnFieldsThatComeTwiceUnknownFieldsAndGroups) {
  const int taken = AgreeOnAll(40'000, [](Random& random) {
    const uint64_t malice = random.OneIn(2) ? 0 : 300;
    return Encoded(RandomCandle(random)) + test::HostileMessage(random, kCandle, malice);
  });
  EXPECT_GT(taken, 200);
}

TEST_F(CandleCodec, AgreesWithProtobufOnHostileBytes) {
  AgreeOnAll(20'000, [](Random& random) {
    return test::HostileMessage(random, kCandle, 50 + random.Below(500));
  });
}

TEST_F(CandleCodec, NamesTheFieldThatIsWrong) {
  Random random(1);
  v1::ScaledCandle good;
  ASSERT_TRUE(good.ParseFromString(Encoded(RandomCandle(random))));
  const auto message = [&good](auto spoil) {
    v1::ScaledCandle bad = good;
    spoil(bad);
    return std::string(DecodeCandle(bad.SerializeAsString()).status().message());
  };
  using testing::HasSubstr;
  using Bad = v1::ScaledCandle;
  EXPECT_THAT(message([](Bad& c) { c.clear_instrument(); }), HasSubstr("instrument: missing"));
  EXPECT_THAT(message([](Bad& c) { c.set_interval_s(86'401); }), HasSubstr("interval_s"));
  EXPECT_THAT(message([](Bad& c) { c.set_open_time_us(-1); }), HasSubstr("open_time_us"));
  EXPECT_THAT(message([](Bad& c) { c.clear_first(); }), HasSubstr("first: missing"));
  EXPECT_THAT(message([](Bad& c) { c.mutable_high()->set_scale(19); }), HasSubstr("high: a scale"));
  EXPECT_THAT(message([](Bad& c) { c.mutable_low()->set_mantissa(0); }), HasSubstr("low: above"));
  EXPECT_THAT(message([](Bad& c) { c.clear_volume(); }), HasSubstr("volume: above zero"));
  EXPECT_THAT(message([](Bad& c) { c.set_quote_volume(std::string(33, 'x')); }),
              HasSubstr("quote_volume: at most 32 bytes"));
  EXPECT_THAT(message([](Bad& c) { c.set_buy_volume("\xFF"); }), HasSubstr("buy_volume"));
  EXPECT_THAT(message([](Bad& c) { c.clear_trade_count(); }), HasSubstr("trade_count"));
  EXPECT_THAT(message([](Bad& c) { c.clear_state(); }), HasSubstr("state"));
  EXPECT_THAT(message([](Bad& c) { c.set_version(-1); }), HasSubstr("version"));
  EXPECT_THAT(message([](Bad& c) { c.clear_completeness(); }), HasSubstr("completeness"));
  EXPECT_THAT(message([](Bad& c) { c.set_first_offset(1), c.clear_last_offset(); }),
              HasSubstr("last_offset"));
}

}  // namespace
}  // namespace quantstream
