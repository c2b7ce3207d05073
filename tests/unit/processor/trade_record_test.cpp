#include "processor/trade_record.h"

#include <gtest/gtest.h>

#include "market/trade_codec.h"

namespace quantstream::processor {
namespace {

std::string BytesOf(const TradeBatch& batch) {
  std::string bytes;
  EncodeTradeBatch(batch, bytes);
  return bytes;
}

std::string Refused(std::string_view bytes) {
  TradeBatch batch;
  const absl::Status status = DecodeTradeRecord(bytes, batch);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(batch, TradeBatch());
  return std::string(status.message());
}

TEST(TradeRecord, IsABatchOfANode) {
  TradeBatch batch;
  batch.node = "n";
  batch.trades.emplace_back().venue = "binance";
  TradeBatch decoded;
  const std::string bytes = BytesOf(batch);
  ASSERT_TRUE(DecodeTradeRecord(bytes, decoded).ok());
  EXPECT_EQ(decoded, batch);
}

TEST(TradeRecord, OfNoBytesIsBadAlthoughProtobufTakesIt) {
  EXPECT_EQ(Refused(""), "node is empty: no ingest node wrote this record");
}

TEST(TradeRecord, WithoutANodeIsBadWhateverElseItHolds) {
  TradeBatch batch;
  batch.session = 1;
  batch.trades.emplace_back().venue = "binance";
  EXPECT_EQ(Refused(BytesOf(batch)), "node is empty: no ingest node wrote this record");
}

TEST(TradeRecord, IsAMegabyteAtMost) {
  TradeBatch batch;
  const std::string node(kRecordBytesMax - 4, 'n');  // beside its tag and three bytes of length
  batch.node = node;
  const std::string bytes = BytesOf(batch);
  ASSERT_EQ(bytes.size(), kRecordBytesMax);
  TradeBatch decoded;
  EXPECT_TRUE(DecodeTradeRecord(bytes, decoded).ok());
  EXPECT_EQ(Refused(bytes + std::string("\x1A\x00", 2)),
            "too long: 1048578 bytes, at most 1048576 are read");
}

TEST(TradeRecord, ThatIsNoProtobufIsBad) {
  EXPECT_EQ(Refused("\xff\xff"), "not a TradeBatch: malformed in the field at byte 0");
}

}  // namespace
}  // namespace quantstream::processor
