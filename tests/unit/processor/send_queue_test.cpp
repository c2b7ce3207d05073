#include "processor/send_queue.h"

#include <gtest/gtest.h>

namespace quantstream::processor {
namespace {

QueuedMessage EventOf(int32_t partition) {
  return {.partition = partition, .version = -1, .content = {}};
}

TEST(SendQueueTest, AnEventIsThereUntilItIsReportedDeliveredOrNot) {
  for (const bool delivered : {true, false}) {
    SendQueue queue;
    queue.Add(EventOf(3));
    queue.Add(EventOf(3));
    EXPECT_TRUE(queue.HasEvents(3));
    EXPECT_FALSE(queue.HasEvents(4));
    queue.Sent(1);
    queue.Sent(2);
    (void)queue.Reported(1, true);
    EXPECT_TRUE(queue.HasEvents(3));
    (void)queue.Reported(2, delivered);
    EXPECT_FALSE(queue.HasEvents(3));
  }
}

TEST(SendQueueTest, EventsEndWithTheProducerThatHadThemAndWithTheirPartition) {
  SendQueue queue;
  queue.Add(EventOf(3));
  queue.Sent(1);
  queue.ProducerGone();
  EXPECT_FALSE(queue.HasEvents(3)) << "it is not sent again";
  queue.Add(EventOf(3));
  queue.Sent(2);
  queue.Forget(3);
  EXPECT_FALSE(queue.HasEvents(3));
  queue.Add(EventOf(3));
  (void)queue.Reported(2, true);  // of before
  queue.Sent(4);
  (void)queue.Reported(4, true);
  EXPECT_FALSE(queue.HasEvents(3));
  EXPECT_EQ(queue.bytes(), 0);
}

TEST(SendQueueTest, CommittedMessagesAreNoEvents) {
  SendQueue queue;
  queue.Add({.partition = 3, .version = 7, .content = {}});
  EXPECT_FALSE(queue.HasEvents(3));
}

}  // namespace
}  // namespace quantstream::processor
