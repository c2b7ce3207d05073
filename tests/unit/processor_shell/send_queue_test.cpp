#include "processor/send_queue.h"

#include <gtest/gtest.h>

namespace quantstream::processor {
namespace {

class SendQueueTest : public ::testing::Test {
 protected:
  void Add(int64_t version, int32_t partition = 0) {
    QueuedMessage message{partition, version, {}};
    message.content.candle_event = "event";
    queue_.Add(std::move(message));
  }

  // What is given to the producer now, by version.
  std::vector<int64_t> Send() {
    std::vector<int64_t> sent;
    while (const QueuedMessage* next = queue_.Next()) {
      sent.push_back(next->version);
      queue_.Sent(++token_);
    }
    return sent;
  }

  using Versions = std::vector<int64_t>;
  SendQueue queue_;
  uint64_t token_ = 0;
};

TEST_F(SendQueueTest, MessagesGoInTheirOrder) {
  Add(1);
  Add(2);
  EXPECT_EQ(Send(), (Versions{1, 2}));
  Add(3);
  EXPECT_EQ(Send(), (Versions{3}));
  EXPECT_EQ(queue_.messages(), 3);
  for (uint64_t token = 1; token <= 3; ++token) {
    EXPECT_EQ(queue_.Reported(token, true)->version, static_cast<int64_t>(token));
  }
  EXPECT_EQ(queue_.messages(), 0);
  EXPECT_EQ(queue_.bytes(), 0);
}

TEST_F(SendQueueTest, WhatFailedIsSentAgainInItsFirstOrderBeforeAnythingNewer) {
  for (int64_t version = 1; version <= 3; ++version) Add(version);
  Send();
  Add(4);
  EXPECT_FALSE(queue_.Reported(1, false));
  EXPECT_EQ(queue_.Next(), nullptr) << "2 and 3 may fail, too, and come before 4";
  EXPECT_FALSE(queue_.Reported(2, false));
  EXPECT_FALSE(queue_.Reported(3, false));
  EXPECT_EQ(Send(), (Versions{1}));
  EXPECT_TRUE(queue_.Reported(4, true));
  EXPECT_EQ(Send(), (Versions{2, 3, 4}));
}

TEST_F(SendQueueTest, WhatWasDeliveredBehindAFailureIsSentAgainBehindIt) {
  for (int64_t version = 1; version <= 3; ++version) Add(version);
  Add(4, 8);
  Send();
  EXPECT_FALSE(queue_.Reported(1, false));
  EXPECT_FALSE(queue_.Reported(2, true));
  EXPECT_TRUE(queue_.Reported(4, true)) << "another partition's";
  EXPECT_FALSE(queue_.Reported(3, true));
  EXPECT_EQ(Send(), (Versions{1}));
  EXPECT_TRUE(queue_.Reported(5, true));
  EXPECT_EQ(Send(), (Versions{2, 3}));
}

TEST_F(SendQueueTest, NothingPassesAMessageThatFailsAgainAndAgain) {
  for (int64_t version = 1; version <= 3; ++version) Add(version);
  Send();
  EXPECT_FALSE(queue_.Reported(1, false));
  EXPECT_FALSE(queue_.Reported(2, true));
  EXPECT_FALSE(queue_.Reported(3, true));
  for (uint64_t token = 4; token < 8; ++token) {
    EXPECT_EQ(Send(), (Versions{1}));
    EXPECT_FALSE(queue_.Reported(token, false));
  }
  EXPECT_EQ(queue_.messages(), 3);
}

TEST_F(SendQueueTest, AnEventThatFailedIsDropped) {
  Add(-1);
  Add(2);
  Send();
  EXPECT_TRUE(queue_.Reported(1, false));
  EXPECT_FALSE(queue_.Reported(2, false));
  EXPECT_EQ(Send(), (Versions{2}));
}

TEST_F(SendQueueTest, WithoutItsProducerEverythingCommittedIsSentAgain) {
  Add(1);
  Add(-1);
  Add(2);
  Send();
  EXPECT_FALSE(queue_.Reported(1, false));
  queue_.ProducerGone();
  EXPECT_EQ(Send(), (Versions{1, 2}));
}

TEST_F(SendQueueTest, AForgottenPartitionHoldsNothingBack) {
  Add(1, 7);
  Add(2, 8);
  Send();
  Add(3, 7);
  Add(4, 8);
  EXPECT_FALSE(queue_.Reported(1, false));
  EXPECT_EQ(Send(), Versions());
  queue_.Forget(7);
  EXPECT_EQ(Send(), (Versions{4}));
  EXPECT_TRUE(queue_.Reported(2, true));
  EXPECT_TRUE(queue_.Reported(3, true));
  EXPECT_EQ(queue_.messages(), 0);
  EXPECT_EQ(queue_.bytes(), 0);
}

}  // namespace
}  // namespace quantstream::processor
