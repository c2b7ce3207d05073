#include "query/topic_watch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>

#include "absl/status/status.h"

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

// A broker that answers when it is told to.
class Broker {
 public:
  TopicWatch::Ask Ask() {
    return [this]() -> absl::StatusOr<std::string> {
      std::unique_lock lock(mutex_);
      ++asked_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return answers_ > 0; });
      --answers_;
      return "topic " + std::to_string(asked_);
    };
  }
  void Answer() {
    std::lock_guard lock(mutex_);
    ++answers_;
    changed_.notify_all();
  }
  int asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int asked_ = 0;
  int answers_ = 0;
};

TEST(TopicWatch, NothingIsAskedWhileNobodyWantsToKnow) {
  Broker broker;
  { TopicWatch watch(broker.Ask(), 0ms); }
  EXPECT_EQ(broker.asked(), 0);
}

TEST(TopicWatch, AnAnswerServesUntilItIsTooOld) {
  Broker broker;
  broker.Answer();
  TopicWatch watch(broker.Ask(), 0ms);
  const auto before = steady_clock::now();
  auto answer = watch.AskedSince(before, 60s);
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_EQ(**answer, "topic 1");
  // The broker is silent now, but what it said was asked since then.
  answer = watch.AskedSince(before, 0ms);
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_EQ(**answer, "topic 1");
  broker.Answer();
  broker.Answer();
  answer = watch.AskedSince(steady_clock::now(), 60s);
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_NE(**answer, "topic 1");
  broker.Answer();
}

TEST(TopicWatch, AQuestionThatIsNotAnsweredIsNotWaitedForLonger) {
  Broker broker;
  TopicWatch watch(broker.Ask(), 0ms);
  EXPECT_FALSE(watch.AskedSince(steady_clock::now(), 1ms));
  broker.Answer();
}

}  // namespace
}  // namespace quantstream::query
