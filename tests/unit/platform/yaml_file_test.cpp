#include "platform/config/yaml_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantstream::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(YamlFileTest, EntriesComeInOrderWithTheirLines) {
  Problems problems;
  const YamlFile file = ParseYaml("a.yaml",
                                  "# comment\n"
                                  "grace_ms: 1000\n"
                                  "instruments: [binance:BTC-USDT, 'okx:X']\n"
                                  "kafka:\n"
                                  "  bootstrap.servers: localhost:1\n",
                                  &problems);
  EXPECT_THAT(problems, IsEmpty());
  ASSERT_EQ(file.entries.size(), 3U);
  EXPECT_EQ(file.entries[0].key, "grace_ms");
  EXPECT_EQ(file.entries[0].line, 2);
  EXPECT_EQ(file.entries[0].scalar, "1000");
  EXPECT_EQ(file.entries[1].kind, YamlKind::kList);
  EXPECT_EQ(file.entries[1].list[1].second, "okx:X");
  EXPECT_EQ(file.entries[2].map[0].key, "bootstrap.servers");
  EXPECT_EQ(file.entries[2].map[0].line, 5);
}

TEST(YamlFileTest, AnEmptyFileHasNoEntries) {
  Problems problems;
  EXPECT_THAT(ParseYaml("a.yaml", "", &problems).entries, IsEmpty());
  EXPECT_THAT(problems, IsEmpty());
}

TEST(YamlFileTest, TextThatIsNoYamlIsAProblemWithItsLine) {
  Problems problems;
  ParseYaml("a.yaml", "a: 1\nb: [1, 2\nc: }\n", &problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].where, ::testing::MatchesRegex("a.yaml:[23]"));
  EXPECT_THAT(problems[0].what, HasSubstr("no YAML"));
}

TEST(YamlFileTest, AKeyGivenTwiceIsAProblem) {
  Problems problems;
  ParseYaml("a.yaml", "a: 1\nb: 2\na: 3\n", &problems);
  EXPECT_THAT(problems,
              ElementsAre(Problem{"a.yaml:3", "key 'a' is given twice, first in line 1"}));
}

TEST(YamlFileTest, DeepNestingIsAProblemAndTheRestIsRead) {
  Problems problems;
  const YamlFile file = ParseYaml("a.yaml", "m:\n  k: [1]\nl: [[1]]\nb: 2\n", &problems);
  EXPECT_THAT(problems, ElementsAre(Problem{"a.yaml:2", "values in 'm' must be plain values"},
                                    Problem{"a.yaml:3", "items of 'l' must be plain values"}));
  ASSERT_EQ(file.entries.size(), 1U);
  EXPECT_EQ(file.entries[0].key, "b");
}

TEST(YamlFileTest, ATopLevelThatIsNoMapIsAProblem) {
  Problems problems;
  ParseYaml("a.yaml", "- 1\n- 2\n", &problems);
  EXPECT_THAT(problems, ElementsAre(Problem{"a.yaml:1", "the top level must be a map of options"}));
}

TEST(YamlFileTest, AMissingFileAndAFolderAreProblems) {
  Problems problems;
  ReadYamlFile("/nowhere/at/all.yaml", &problems);
  ReadYamlFile("/tmp", &problems);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0].what, HasSubstr("cannot be read: No such file"));
  EXPECT_THAT(problems[1].what, HasSubstr("cannot be read: Is a directory"));
}

}  // namespace
}  // namespace quantstream::config
