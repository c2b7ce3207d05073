#include "query/service/unread_answers.h"

#include <gmock/gmock.h>

#include <vector>

namespace quantstream::query {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class UnreadAnswersTest : public ::testing::Test {
 protected:
  std::optional<UnreadAnswers::Place> Add(int id, int64_t bytes, int at_ms) {
    return answers_.Add(bytes, [this, id] { cancelled_.push_back(id); }, At(at_ms));
  }
  static UnreadAnswers::Clock::time_point At(int ms) {
    return UnreadAnswers::Clock::time_point(milliseconds(ms));
  }

  UnreadAnswers answers_{100};
  std::vector<int> cancelled_;
};

TEST_F(UnreadAnswersTest, AreBoundedAndRoomComesBack) {
  const auto first = Add(1, 60, 0);
  ASSERT_TRUE(first);
  EXPECT_FALSE(Add(2, 41, 0));
  EXPECT_TRUE(Add(3, 40, 0));
  EXPECT_EQ(answers_.bytes(), 100);
  answers_.Remove(*first);
  EXPECT_EQ(answers_.bytes(), 40);
  EXPECT_TRUE(Add(4, 60, 0));
}

TEST_F(UnreadAnswersTest, AreCancelledOnceWhenTheyWaitTooLong) {
  Add(1, 10, 0);
  Add(2, 10, 5);
  EXPECT_EQ(answers_.Tick(At(9), milliseconds(10)), 0);
  EXPECT_EQ(answers_.Tick(At(10), milliseconds(10)), 1);
  EXPECT_EQ(answers_.Tick(At(11), milliseconds(10)), 0);
  EXPECT_THAT(cancelled_, ElementsAre(1));
  EXPECT_EQ(answers_.bytes(), 20) << "it is held until its call is done";
}

TEST_F(UnreadAnswersTest, RoomIsMadeForOneThatFoundNone) {
  Add(1, 30, 0);
  Add(2, 30, 1);
  EXPECT_FALSE(Add(3, 70, 2));
  answers_.Tick(At(3), milliseconds(1'000));
  EXPECT_THAT(cancelled_, ElementsAre(1));
}

TEST_F(UnreadAnswersTest, TheOldestAreCancelledWhileLessThanAQuarterIsFree) {
  for (int id = 1; id <= 7; ++id) Add(id, 10, id);
  answers_.Tick(At(8), milliseconds(1'000));
  EXPECT_THAT(cancelled_, IsEmpty());
  for (int id = 8; id <= 10; ++id) Add(id, 10, id);
  answers_.Tick(At(11), milliseconds(1'000));
  EXPECT_THAT(cancelled_, ElementsAre(1, 2, 3));
  answers_.Tick(At(12), milliseconds(1'000));
  EXPECT_THAT(cancelled_, ElementsAre(1, 2, 3)) << "these are leaving";
}

}  // namespace
}  // namespace quantstream::query
