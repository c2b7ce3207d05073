// A record of topic `trades`, taken apart: the bytes of each trade are those of the record, and
// what protobuf would refuse gives nothing at all.
#include "query/trade_record.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/query/trade_batches.h"

namespace quantstream::query {
namespace {

using testing::BatchOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TradeOf;

constexpr char kA[] = "venue:AAA-USD";

// A length-delimited field.
std::string Field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

TEST(TradeRecord, KeepsTheBytesOfEachTradeInTheirOrder) {
  v1::TradeBatch batch = BatchOf(3, {TradeOf(kA, 1), TradeOf("other:X", 2), TradeOf(kA, 3)});
  batch.add_heartbeats()->set_venue("venue");
  const std::string bytes = batch.SerializeAsString();
  TradeRecord record;
  ASSERT_TRUE(DecodeTradeRecord(bytes, record).ok());
  EXPECT_THAT(record.messages, ElementsAre(batch.trades(0).SerializeAsString(),
                                           batch.trades(1).SerializeAsString(),
                                           batch.trades(2).SerializeAsString()));
  EXPECT_EQ(record.batch.node, "node-1");
  EXPECT_EQ(record.batch.session, 7u);
  EXPECT_EQ(record.batch.sequence, 3u);
}

TEST(TradeRecord, FieldsOfANewerProducerStayInTheBytes) {
  const std::string trade = TradeOf(kA, 1).SerializeAsString() + Field(15, "new");
  TradeRecord record;
  const std::string bytes = Field(14, "new, too") + Field(4, trade);
  ASSERT_TRUE(DecodeTradeRecord(bytes, record).ok());
  EXPECT_THAT(record.messages, ElementsAre(trade));
}

TEST(TradeRecord, OneBadTradeRefusesTheRecordAndLeavesNothingOfTheLastOne) {
  TradeRecord record;
  const std::string good = BatchOf(1, {TradeOf(kA, 1)}).SerializeAsString();
  ASSERT_TRUE(DecodeTradeRecord(good, record).ok());
  const std::string bad = good + Field(4, Field(1, "\xff"));  // a venue that is not UTF-8
  const absl::Status status = DecodeTradeRecord(bad, record);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("malformed"));
  EXPECT_THAT(record.messages, IsEmpty());
  EXPECT_THAT(record.batch.trades, IsEmpty());
}

// Changes a few bytes of good records: what is taken, protobuf takes in the same pieces.
TEST(TradeRecord, WhateverIsTakenProtobufTakesInTheSamePieces) {
  const google::protobuf::LogSilencer silencer;
  std::mt19937 random(1);
  TradeRecord record;
  int taken = 0;
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = BatchOf(1, {TradeOf(kA, 1), TradeOf(kA, 2)}).SerializeAsString();
    for (int change = 0; change < 3; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (!DecodeTradeRecord(bytes, record).ok()) {
      ++refused;
      continue;
    }
    ++taken;
    v1::TradeBatch parsed;
    ASSERT_TRUE(parsed.ParseFromString(bytes));
    ASSERT_EQ(static_cast<size_t>(parsed.trades_size()), record.messages.size());
    for (int i = 0; i < parsed.trades_size(); ++i) {
      v1::Trade trade;
      ASSERT_TRUE(trade.ParseFromString(std::string(record.messages[static_cast<size_t>(i)])));
      ASSERT_EQ(trade.SerializeAsString(), parsed.trades(i).SerializeAsString());
    }
  }
  EXPECT_GT(taken, 1'000);
  EXPECT_GT(refused, 1'000);
}

}  // namespace
}  // namespace quantstream::query
