#include "platform/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quantstream {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    SetUpLog({.service = "processor"});
    SetLogSink([this](std::string_view line) { lines_.emplace_back(line); });
  }
  ~LogTest() override {
    SetLogSink(nullptr);
    SetUpLog({});
  }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, ALineIsKeyValuePairs) {
  Log(kWarning, "partition fenced",
      {{"partition", 3}, {"epoch", uint64_t{7}}, {"held", true}, {"lag_s", 0.5}});
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0], MatchesRegex("time=2[0-9-]+T[0-9:.]+Z level=warning service=processor "
                                      "msg=\"partition fenced\" partition=3 epoch=7 held=true "
                                      "lag_s=0.5"));
}

TEST_F(LogTest, HostileTextStaysInItsValue) {
  Log(kInfo, "frame", {{"text", "a\nlevel=error msg=\"x\\\"\x01\xff\xc2\x9b"}, {"empty", ""}});
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_THAT(lines_[0], Not(HasSubstr("\n")));
  EXPECT_THAT(lines_[0],
              HasSubstr(R"(text="a\nlevel=error msg=\"x\\\"\x01\xff\xc2\x9b" empty="")"));
}

TEST_F(LogTest, Utf8StaysReadable) {
  EXPECT_EQ(EscapeLogValue("币安"), "\"币安\"");
  EXPECT_EQ(EscapeLogValue("\xed\xa0\x80"), R"("\xed\xa0\x80")") << "a surrogate";
  EXPECT_EQ(EscapeLogValue("\xe5\xb8"), R"("\xe5\xb8")") << "cut off";
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  Log(kDebug, "not seen");
  EXPECT_THAT(lines_, SizeIs(0));
}

TEST_F(LogTest, ACallSiteIsHeldBackAndSaysHowMuch) {
  SetUpLog({.service = "processor", .burst_lines = 2, .lines_per_s = 0});
  const auto site = std::source_location::current();
  for (int i = 0; i < 5; ++i) Log(kInfo, "again", {{"i", i}}, site);
  ASSERT_THAT(lines_, SizeIs(2));
  Log(kInfo, "another site is not");
  EXPECT_THAT(lines_, SizeIs(3));
}

TEST_F(LogTest, TheNextLineOfAHeldBackSiteCountsWhatWasSuppressed) {
  SetUpLog({.service = "processor", .burst_lines = 1, .lines_per_s = 20});
  const auto site = std::source_location::current();
  while (lines_.size() < 2) Log(kInfo, "again", {}, site);
  EXPECT_THAT(lines_[0], EndsWith("msg=again"));
  EXPECT_THAT(lines_[1], MatchesRegex(".* suppressed=[1-9][0-9]*"));
}

}  // namespace
}  // namespace quantstream
