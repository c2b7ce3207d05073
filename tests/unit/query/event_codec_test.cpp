// Records of topic `candles`, as the processor writes them and as nobody should.
#include "query/event_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "market/candle_codec.h"
#include "quantstream/v1/candle.pb.h"
#include "quantstream/v1/candle_event.pb.h"
#include "query/candle_message.h"

namespace quantstream::query {
namespace {

using ::testing::HasSubstr;

KeyedCandle TwoTrades(CandleState state) {
  CandleValues values;
  values.first.price = *Decimal::Parse("10");
  values.first.key = {.time = EventTime{60'000'000},
                      .id = 7,
                      .receive_time = {},
                      .node = "",
                      .session = 0,
                      .sequence = 0,
                      .index = 0};
  values.last = values.first;
  values.last.price = *Decimal::Parse("12.50");
  values.last.key.time = EventTime{61'500'000};
  values.last.key.id = 8;
  values.high = *Decimal::Parse("12.5");
  values.low = *Decimal::Parse("10");
  values.volume = *ExactSum::Parse("3");
  values.quote_volume = *ExactSum::Parse("35");
  values.buy_volume = *ExactSum::Parse("1");
  values.trade_count = 2;
  values.returns = LogReturnSums{};
  values.first_pane_close = values.last.price;
  Candle candle{.values = values,
                .state = state,
                .revision = 0,
                .version = 42,
                .completeness = Completeness::kComplete,
                .lineage = OffsetSpan{Offset{40}, Offset{41}}};
  return {{"venue:A", Interval{60}, EventTime{60'000'000}}, candle};
}

// The generated encoder around the hand-written one.
std::string Record(const std::vector<KeyedCandle>& candles, bool open) {
  v1::CandleEvent event;
  event.set_epoch(9);
  if (open) event.mutable_open()->set_instrument("venue:A");
  if (!open) event.mutable_closed();
  for (const KeyedCandle& candle : candles) {
    std::string bytes;
    EncodeCandle(candle.key, candle.candle, bytes);
    auto* out = open ? event.mutable_open()->add_candles() : event.mutable_closed()->add_candles();
    EXPECT_TRUE(out->ParseFromString(bytes));
  }
  return event.SerializeAsString();
}

TEST(EventCodec, ReadsClosedCandlesAndMakesThemApiMessages) {
  const auto event = DecodeEvent(3, Record({TwoTrades(CandleState::kFinal)}, false));
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->epoch, 9);
  const Update update = std::get<ClosedEvent>(event->body).candles.at(0);
  EXPECT_EQ(update->version, 42);
  const auto scaled = DecodeCandle(update->scaled);
  ASSERT_TRUE(scaled.ok()) << scaled.status();
  EXPECT_EQ(*scaled, TwoTrades(CandleState::kFinal));
  EXPECT_TRUE(update->closed());
  v1::Candle candle;
  ASSERT_TRUE(candle.ParseFromString(update->message));
  EXPECT_EQ(candle.instrument(), "venue:A");
  EXPECT_EQ(candle.interval().seconds(), 60);
  EXPECT_EQ(candle.open_time().seconds(), 60);
  EXPECT_EQ(candle.close_time().seconds(), 120);
  EXPECT_EQ(candle.open(), "10");
  EXPECT_EQ(candle.close(), "12.5");
  EXPECT_EQ(candle.vwap(), "11.666666666667");
  EXPECT_EQ(candle.buy_volume(), "1");
  EXPECT_FALSE(candle.has_volatility());
  EXPECT_EQ(candle.first_trade_id(), "7");
  EXPECT_EQ(candle.last_trade_time().nanos(), 500'000'000);
  EXPECT_EQ(candle.state(), v1::CANDLE_STATE_FINAL);
  EXPECT_EQ(candle.lineage().partition(), 3);
  EXPECT_EQ(candle.lineage().last_offset(), 41);
}

// A candle with every field, and ones whose numbers are zero, long or below zero.
std::vector<KeyedCandle> AllKinds() {
  std::vector<KeyedCandle> kinds(4, TwoTrades(CandleState::kRevised));
  CandleValues& values = kinds[0].candle.values;
  values.returns = LogReturnSums{.count = 3, .sum = 5, .sum_of_squares = 1 << 20};
  kinds[0].candle.revision = 300;
  kinds[1].candle.version = 0;
  kinds[1].candle.lineage = OffsetSpan{Offset{0}, Offset{0}};
  kinds[1].key.open_time = kinds[1].candle.values.first.key.time = EventTime{0};
  kinds[2].key.open_time = kinds[2].candle.values.first.key.time = EventTime{-59'999'999};
  kinds[3].key.instrument += std::string(900, 'x');
  for (EdgeTrade* edge : {&kinds[3].candle.values.first, &kinds[3].candle.values.last}) {
    edge->key.id = 0;
    edge->text_id = std::string(128, 'y');
  }
  for (int i = 0; i < 100; ++i) kinds[3].candle.values.volume += kinds[3].candle.values.volume;
  return kinds;
}

TEST(EventCodec, WritesMessagesAsProtobufDoes) {
  for (const int32_t partition : {0, 1'000}) {
    for (const KeyedCandle& candle : AllKinds()) {
      const std::string bytes = CandleMessage(candle, partition);
      v1::Candle message;
      ASSERT_TRUE(message.ParseFromString(bytes));
      EXPECT_EQ(message.SerializeAsString(), bytes) << message.DebugString();
      EXPECT_TRUE(message.GetReflection()->GetUnknownFields(message).empty());
    }
  }
}

TEST(EventCodec, WhatIsAbsentStaysAbsentInTheApi) {
  KeyedCandle candle = TwoTrades(CandleState::kRevised);
  candle.candle.values.buy_volume.reset();
  candle.candle.values.returns.reset();
  candle.candle.values.first.key.id = 0;
  candle.candle.lineage.reset();
  v1::Candle message;
  ASSERT_TRUE(message.ParseFromString(CandleMessage(candle, 3)));
  EXPECT_FALSE(message.has_buy_volume());
  EXPECT_FALSE(message.has_volatility());
  EXPECT_FALSE(message.has_first_trade_id());
  EXPECT_FALSE(message.has_lineage());
  EXPECT_EQ(message.state(), v1::CANDLE_STATE_REVISED);
}

TEST(EventCodec, VolatilityComesFromTheSums) {
  KeyedCandle candle = TwoTrades(CandleState::kFinal);
  candle.candle.values.returns->Add(1LL << 40);
  candle.candle.values.returns->Add(-(1LL << 40));
  v1::Candle message;
  ASSERT_TRUE(message.ParseFromString(CandleMessage(candle, 3)));
  EXPECT_NEAR(message.volatility(), std::sqrt(2.0), 1e-12);
}

TEST(EventCodec, ReadsOpenCandles) {
  const auto event = DecodeEvent(3, Record({TwoTrades(CandleState::kPartial)}, true));
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(std::get<OpenEvent>(event->body).instrument, "venue:A");
  EXPECT_FALSE(std::get<OpenEvent>(event->body).candles.at(0)->closed());
}

TEST(EventCodec, ReadsProgress) {
  v1::CandleEvent event;
  event.set_epoch(5);
  event.mutable_progress()->set_next_version(77);
  auto* venue = event.mutable_progress()->add_venues();
  venue->set_venue("venue");
  venue->set_closed_until_us(123);
  const auto decoded = DecodeEvent(3, event.SerializeAsString());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  const auto& progress = std::get<ProgressEvent>(decoded->body);
  EXPECT_EQ(progress.next_version, 77);
  EXPECT_EQ(progress.venues.at(0).closed_until.us, 123);
}

TEST(EventCodec, AStateOutOfPlaceIsRefused) {
  EXPECT_THAT(
      std::string(
          DecodeEvent(3, Record({TwoTrades(CandleState::kPartial)}, false)).status().message()),
      HasSubstr("PARTIAL"));
  EXPECT_FALSE(DecodeEvent(3, Record({TwoTrades(CandleState::kFinal)}, true)).ok());
}

TEST(EventCodec, AnOpenCandleOfAnotherInstrumentIsRefused) {
  KeyedCandle candle = TwoTrades(CandleState::kPartial);
  candle.key.instrument = "venue:B";
  EXPECT_THAT(std::string(DecodeEvent(3, Record({candle}, true)).status().message()),
              HasSubstr("another instrument"));
}

TEST(EventCodec, AnEventOfANewerVersionIsToldFromAMalformedOne) {
  EXPECT_TRUE(
      absl::IsUnimplemented(DecodeEvent(3, std::string_view("\x08\x05\x2a\x00", 4)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(DecodeEvent(3, "\x12\x7f").status()));
}

TEST(EventCodec, NoBytesBreakIt) {
  std::mt19937 random(1);
  const std::string good =
      Record({TwoTrades(CandleState::kFinal), TwoTrades(CandleState::kRevised)}, false);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (uint32_t changes = random() % 4 + 1; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 3 == 0) bytes.resize(random() % bytes.size());
    const auto event = DecodeEvent(3, bytes);
    if (!event.ok()) {
      EXPECT_FALSE(event.status().message().empty());
    }
  }
}

}  // namespace
}  // namespace quantstream::query
