// The bytes of candle batches, put together by hand, are what protobuf would have written.
#include "query/service/stream_message.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "quantstream/v1/market_data.pb.h"

namespace quantstream::query {
namespace {

CandlesMessage BatchOf(int count, int64_t message_bytes) {
  CandlesMessage batch;
  for (int i = 0; i < count; ++i) {
    auto update = std::make_shared<CandleUpdate>();
    v1::Candle candle;
    candle.set_version(i);
    candle.set_open(std::string(static_cast<size_t>(message_bytes), '1'));
    update->message = LazyText(candle.SerializeAsString());
    batch.candles.push_back(std::move(update));
  }
  return batch;
}

std::string TextOf(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(bytes.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

std::string Expected(const CandlesMessage& batch, const std::string& token, Envelope envelope) {
  v1::SubscribeResponse wrapped;
  v1::StreamCandlesResponse& response = *wrapped.mutable_event();
  for (const Update& update : batch.candles) {
    EXPECT_TRUE(response.mutable_candles()->add_candles()->ParseFromString(update->message.get()));
  }
  response.set_resume_token(token);
  return envelope == Envelope::kStream ? response.SerializeAsString() : wrapped.SerializeAsString();
}

TEST(StreamMessageTest, BatchesAreAsProtobufWritesThemWhetherCopiedOrShared) {
  for (const int count : {1, 2, 100}) {
    for (const int64_t size : {10, 1'000}) {
      const CandlesMessage batch = BatchOf(count, size);
      for (const std::string& token :
           {std::string(), std::string(90, 't'), std::string(300, 'u')}) {
        for (const Envelope envelope : {Envelope::kStream, Envelope::kSubscribe}) {
          EXPECT_EQ(TextOf(StreamMessageBytes(batch, token, envelope)),
                    Expected(batch, token, envelope))
              << count << " candles of " << size << " bytes";
        }
      }
    }
  }
}

TEST(StreamMessageTest, OtherCandlesAreNotTakenForTheNewestOnes) {
  const CandlesMessage one = BatchOf(1, 2'000);
  const CandlesMessage two = BatchOf(2, 2'000);
  for (const CandlesMessage& batch : {one, two, one}) {
    EXPECT_EQ(TextOf(StreamMessageBytes(batch, "token", Envelope::kStream)),
              Expected(batch, "token", Envelope::kStream));
  }
}

TEST(StreamMessageTest, StreamsThatGetTheSameCandlesShareTheirBytes) {
  const CandlesMessage batch = BatchOf(100, 100);
  const auto candles = [&](const std::string& token, Envelope envelope) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(StreamMessageBytes(batch, token, envelope).Dump(&slices).ok());
    size_t largest = 0;
    for (size_t i = 1; i < slices.size(); ++i) {
      if (slices[i].size() > slices[largest].size()) largest = i;
    }
    return slices[largest].begin();
  };
  EXPECT_EQ(candles("one", Envelope::kStream), candles("another", Envelope::kSubscribe));
}

}  // namespace
}  // namespace quantstream::query
