#include "query/trade_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream::query {
namespace {

using ::testing::ElementsAre;

SharedTrades Chunk(const std::string& name, uint64_t trades = 1) {
  auto chunk = std::make_shared<TradeChunk>();
  chunk->fields = name;
  chunk->trades = trades;
  return chunk;
}

const int64_t kOne = Chunk("a")->bytes();
constexpr int64_t kRoom = 1 << 20;

// "-2 a b": two were left out, then these; "." when nothing waits.
std::string Next(TradeQueue& queue, int64_t bytes_max = kRoom) {
  const auto message = queue.Take(bytes_max);
  if (!message) return ".";
  std::string text = message->skipped > 0 ? "-" + std::to_string(message->skipped) : "";
  for (const SharedTrades& chunk : message->chunks) {
    text += (text.empty() ? "" : " ") + chunk->fields;
  }
  return text;
}

TEST(TradeQueue, JoinsWhatWaitsUpToTheSizeOfAMessage) {
  TradeQueue queue;
  for (const char* name : {"a", "b", "c", "long one"}) queue.Push(Chunk(name), kRoom);
  EXPECT_EQ(Next(queue, 2), "a b");
  EXPECT_EQ(Next(queue, 2), "c");
  EXPECT_EQ(Next(queue, 2), "long one") << "one at least";
  EXPECT_EQ(Next(queue, 2), ".");
}

TEST(TradeQueue, PastTheBoundTheOldestAreLeftOutAndToldBeforeTheNext) {
  TradeQueue queue;
  EXPECT_EQ(queue.Push(Chunk("a", 5), 2 * kOne), 0u);
  EXPECT_EQ(queue.Push(Chunk("b", 3), 2 * kOne), 0u);
  EXPECT_EQ(queue.Push(Chunk("c"), 2 * kOne), 5u);
  EXPECT_EQ(queue.Push(Chunk("d"), 2 * kOne), 3u);
  EXPECT_EQ(queue.bytes(), 2 * kOne);
  EXPECT_EQ(Next(queue), "-8 c d");
}

TEST(TradeQueue, WhatIsBeingSentCountsAndIsNotLeftOut) {
  TradeQueue queue;
  queue.Push(Chunk("a"), 2 * kOne);
  EXPECT_EQ(Next(queue), "a");
  queue.Push(Chunk("b"), 2 * kOne);
  queue.Push(Chunk("c", 2), 2 * kOne);
  EXPECT_EQ(queue.bytes(), 2 * kOne);
  EXPECT_EQ(Next(queue), "-1 c");
  EXPECT_EQ(Next(queue), ".");
  EXPECT_EQ(queue.bytes(), 0);
}

TEST(TradeQueue, ALossIsToldInItsPlace) {
  TradeQueue queue;
  queue.Push(Chunk("a"), kRoom);
  queue.Skip(1);
  queue.Skip(2);
  queue.Push(Chunk("b"), kRoom);
  EXPECT_EQ(Next(queue), "a");
  EXPECT_EQ(Next(queue), "-3 b");
  queue.Skip(1);
  EXPECT_EQ(Next(queue), "-1") << "though nothing comes after it";
  EXPECT_EQ(Next(queue), ".");
}

TEST(TradeQueue, WhatFitsNoQueueIsLeftOutAloneAndToldInItsPlace) {
  TradeQueue queue;
  queue.Push(Chunk("a"), kOne);
  EXPECT_EQ(queue.Push(Chunk("too large", 7), kOne), 7u);
  EXPECT_EQ(Next(queue), "a");
  EXPECT_EQ(Next(queue), "-7");
}

TEST(TradeQueue, NoRoomBesideWhatIsSentLeavesOutTheNewest) {
  TradeQueue queue;
  queue.Push(Chunk("a"), kOne);
  EXPECT_EQ(Next(queue), "a");
  EXPECT_EQ(queue.Push(Chunk("b", 4), kOne), 4u);
  EXPECT_EQ(queue.bytes(), kOne);
  EXPECT_EQ(Next(queue), "-4");
}

}  // namespace
}  // namespace quantstream::query
