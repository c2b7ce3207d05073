// What every built service has in common, seen from outside: its allocator, its command line.
#include <gtest/gtest.h>

#include "tests/support/process.h"

namespace quantstream::test_support {
namespace {

class EveryService : public testing::TestWithParam<const char*> {
 protected:
  const std::string binary_ = Binary(GetParam());
};

TEST_P(EveryService, IsReallyLinkedWithMimalloc) {
  if (std::string(QUANTSTREAM_SANITIZED) == "yes") return;  // sanitizers bring their own allocator
  const auto result = RunCommand({"ldd", binary_});
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("libmimalloc.so"), std::string::npos) << result.output;
}

TEST_P(EveryService, TellsItsVersionAndItsOptions) {
  const auto version = RunCommand({binary_, "--version"});
  EXPECT_EQ(version.exit_code, 0) << version.output;
  EXPECT_NE(version.output.find(QUANTSTREAM_VERSION), std::string::npos) << version.output;
  const auto help = RunCommand({binary_, "--help"});
  EXPECT_EQ(help.exit_code, 0) << help.output;
  EXPECT_NE(help.output.find("--config"), std::string::npos) << help.output;
}

TEST_P(EveryService, ExitsWith2AndNamesAConfigurationThatIsMissing) {
  const auto result = RunCommand({binary_, "--config", "/nonexistent/service.yaml"});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_NE(result.output.find("/nonexistent/service.yaml"), std::string::npos) << result.output;
}

TEST_P(EveryService, PrintsEveryProblemOfItsConfigurationAtOnce) {
  const TempDir dir;
  const std::string file = dir.Write("service.yaml", "no_such_option: 1\nadmin_port: many\n");
  const auto result = RunCommand({binary_, "--config", file});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_NE(result.output.find(file + ":1"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find(file + ":2"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("no_such_option"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("admin_port"), std::string::npos) << result.output;
}

TEST_P(EveryService, RefusesASecretInYamlAndDoesNotRepeatIt) {
  const TempDir dir;
  const std::string file = dir.Write("service.yaml", "kafka:\n  sasl.password: hunter2\n");
  const auto result = RunCommand({binary_, "--config", file});
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_NE(result.output.find(file), std::string::npos) << result.output;
  EXPECT_EQ(result.output.find("hunter2"), std::string::npos) << result.output;
}

std::string ShortName(const testing::TestParamInfo<const char*>& info) {
  return std::string(info.param).substr(std::string("quantstream-").size());
}

INSTANTIATE_TEST_SUITE_P(Binaries, EveryService,
                         testing::Values("quantstream-ingest", "quantstream-processor",
                                         "quantstream-query", "quantstream-simulator"),
                         ShortName);

}  // namespace
}  // namespace quantstream::test_support
