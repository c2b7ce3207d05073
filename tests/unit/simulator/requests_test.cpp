#include "ingest/simulator/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream::simulator {
namespace {

TEST(StreamTarget, NamesStreamsAndUnit) {
  const auto target =
      ParseStreamTarget("/stream?streams=btcusdt@trade/ethusdt@trade&timeUnit=MICROSECOND");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->streams, (std::vector<std::string>{"btcusdt@trade", "ethusdt@trade"}));
  EXPECT_EQ(target->unit, TimeUnit::kMicroseconds);
  EXPECT_EQ(ParseStreamTarget("/stream?streams=a%40trade%2Fb")->streams.size(), 2u);
  EXPECT_TRUE(ParseStreamTarget("/stream")->streams.empty());
}

TEST(StreamTarget, RefusesOtherPathsAndNames) {
  EXPECT_TRUE(absl::IsNotFound(ParseStreamTarget("/feed").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseStreamTarget("/stream?streams=a//b").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseStreamTarget("/stream?streams=a%22b").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseStreamTarget("/stream?timeUnit=week").status()));
}

TEST(Subscriptions, SubscribeListUnsubscribe) {
  Subscriptions subscriptions(10);
  const auto added =
      subscriptions.Handle(R"({"method":"SUBSCRIBE","params":["b@trade","a@trade"],"id":1})");
  EXPECT_EQ(added.answer, R"({"result":null,"id":1})");
  EXPECT_EQ(added.added, (std::vector<std::string>{"a@trade", "b@trade"}));
  EXPECT_EQ(subscriptions.Handle(R"({"method":"LIST_SUBSCRIPTIONS","id":"x"})").answer,
            R"({"result":["a@trade","b@trade"],"id":"x"})");
  const auto again = subscriptions.Handle(R"({"method":"SUBSCRIBE","params":["a@trade"],"id":2})");
  EXPECT_TRUE(again.added.empty());
  const auto removed =
      subscriptions.Handle(R"({"method":"UNSUBSCRIBE","params":["a@trade","none@trade"],"id":3})");
  EXPECT_EQ(removed.answer, R"({"result":null,"id":3})");
  EXPECT_EQ(removed.removed, (std::vector<std::string>{"a@trade"}));
}

TEST(Subscriptions, BadRequestsAreAnsweredWithAnError) {
  Subscriptions subscriptions(10);
  const auto code = [&](std::string_view text) {
    const std::string answer = subscriptions.Handle(text).answer;
    return answer.substr(0, answer.find(','));
  };
  EXPECT_EQ(code("junk"), R"({"error":{"code":3)");
  EXPECT_EQ(code(R"([1])"), R"({"error":{"code":2)");
  EXPECT_EQ(code(R"({"id":1})"), R"({"error":{"code":2)");
  EXPECT_EQ(code(R"({"method":"SHOUT","id":1})"), R"({"error":{"code":2)");
  EXPECT_EQ(code(R"({"method":"SUBSCRIBE","params":"a@trade","id":1})"), R"({"error":{"code":2)");
  EXPECT_EQ(code(R"({"method":"SUBSCRIBE","params":["a b"],"id":1})"), R"({"error":{"code":2)");
  EXPECT_EQ(code(R"({"method":"SUBSCRIBE","params":["a@trade"],"id":1.5})"),
            R"({"error":{"code":2)");
  EXPECT_TRUE(subscriptions.names().empty());
}

TEST(Subscriptions, PastTheLimitNothingIsAdded) {
  Subscriptions subscriptions(2);
  const auto change =
      subscriptions.Handle(R"({"method":"SUBSCRIBE","params":["a","b","c"],"id":1})");
  EXPECT_TRUE(change.added.empty());
  EXPECT_THAT(change.answer, ::testing::HasSubstr("at most 2 streams"));
}

}  // namespace
}  // namespace quantstream::simulator
