#include "platform/config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace quantstream::config {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    options_.Add(&grace_ms_,
                 {.name = "grace_ms", .fallback = 1000, .maximum = 60000, .unit = "ms"});
  }

  std::optional<int> Run(const std::vector<std::string>& arguments) {
    return Configure(arguments, "Makes candles.", &options_, {out_, err_, environment_});
  }

  static std::string File(const std::string& text) {
    const std::string path = ::testing::TempDir() + "config." + std::to_string(getpid());
    std::ofstream(path) << text;
    return path;
  }

  int64_t grace_ms_ = 0;
  OptionSet options_{"processor"};
  std::vector<std::pair<std::string, std::string>> environment_;
  std::ostringstream out_, err_;
};

TEST_F(CommandLineTest, WithoutArgumentsTheDefaultsHold) {
  EXPECT_EQ(Run({}), std::nullopt);
  EXPECT_EQ(grace_ms_, 1000);
}

TEST_F(CommandLineTest, HelpShowsEachOptionAndEndsWell) {
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("quantstream-processor: Makes candles."));
  EXPECT_THAT(out_.str(), HasSubstr("range: 0 .. 60000 ms"));
}

TEST_F(CommandLineTest, VersionIsOneLine) {
  EXPECT_EQ(Run({"--version"}), 0);
  EXPECT_THAT(out_.str(), MatchesRegex("quantstream-processor [0-9.]+\n"));
}

TEST_F(CommandLineTest, AFileIsRead) {
  const std::string path = File("grace_ms: 5\n");
  EXPECT_EQ(Run({"--config", path}), std::nullopt);
  EXPECT_EQ(grace_ms_, 5);
  EXPECT_EQ(Run({"--config=" + path}), std::nullopt);
}

TEST_F(CommandLineTest, AllProblemsArePrintedAtOnceAndTheCodeIsTwo) {
  const std::string path = File("grace_ms: 70000\nbogus: 1\n");
  environment_ = {{"QUANTSTREAM_PROCESSOR_OTHER", "1"}};
  EXPECT_EQ(Run({"--config", path, "--halp"}), 2);
  EXPECT_EQ(err_.str(),
            "quantstream-processor: 4 problems in the configuration\n"
            "--halp: unknown argument; did you mean '--help'?\n" +
                path + ":1: grace_ms: 70000 is out of range 0 .. 60000 ms\n" + path +
                ":2: unknown key 'bogus'\n"
                "QUANTSTREAM_PROCESSOR_OTHER: unknown option 'other'\n");
}

TEST_F(CommandLineTest, AMissingFileIsTheOnlyProblemThatItMakes) {
  options_.AddCheck([](Problems* problems) { problems->push_back({"grace_ms", "is missing"}); });
  EXPECT_EQ(Run({"--config", "/nowhere.yaml"}), 2);
  EXPECT_EQ(err_.str(),
            "quantstream-processor: 1 problem in the configuration\n"
            "/nowhere.yaml: cannot be read: No such file or directory\n");
}

TEST_F(CommandLineTest, ConfigNeedsAPath) {
  EXPECT_EQ(Run({"--config"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("--config: needs the path"));
}

}  // namespace
}  // namespace quantstream::config
