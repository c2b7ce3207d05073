#include "processor/config.h"

#include <gtest/gtest.h>

namespace quantstream::processor {
namespace {

config::Problems Apply(ProcessorConfig* config, const std::string& yaml) {
  config::OptionSet options = ProcessorOptions(config);
  config::Problems problems;
  config::YamlFile file = config::ParseYaml("processor.yaml", yaml, &problems);
  for (const config::Problem& problem : options.Apply(&file, {})) {
    problems.push_back(problem);
  }
  return problems;
}

TEST(ProcessorConfigTest, DefaultsAreThoseOfTheFold) {
  ProcessorConfig config;
  EXPECT_EQ(Apply(&config, ""), config::Problems{});
  EXPECT_EQ(config.ForWorker().fold, FoldOptions{});
}

TEST(ProcessorConfigTest, OptionsReachTheFold) {
  ProcessorConfig config;
  EXPECT_EQ(Apply(&config,
                  "intervals: [1m, 1s]\ngrace_ms: 250\nretention_s: {1m: 60}\n"
                  "on_data_loss: record_gap\npartial_interval_ms: 7\n"
                  "unpublished_bytes_max: 2097152\n"),
            config::Problems{});
  WorkerOptions options = config.ForWorker();
  EXPECT_EQ(options.fold.intervals, (std::vector<Interval>{{1}, {60}}));
  EXPECT_EQ(options.fold.retention_us, (std::vector<int64_t>{0, 60'000'000}));
  EXPECT_EQ(options.fold.grace_us, 250'000);
  EXPECT_TRUE(options.record_gap);
  EXPECT_EQ(options.partial_interval_us, 7'000);
  EXPECT_EQ(options.unpublished_bytes_max, 2'097'152u);
}

TEST(ProcessorConfigTest, RulesBetweenOptionsAreNamed) {
  ProcessorConfig config;
  config::Problems problems = Apply(&config,
                                    "intervals: [5s, 5s, 7x]\ncommit_interval_min_ms: 6000\n"
                                    "commit_interval_max_ms: 100\nretention_s: {1h: 0}\n");
  std::string text = config::Describe(problems);
  for (const char* part : {"7x: ", "5s stands there more than once", "1s must be among them",
                           "must not be above commit_interval_max_ms",
                           "1h is not one of the intervals", "'0' is not a number of seconds"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(ProcessorConfigTest, GroupInstanceIdIsOurs) {
  ProcessorConfig config;
  EXPECT_EQ(Apply(&config, "kafka: {group.instance.id: mine}\n").size(), 1u);
}

}  // namespace
}  // namespace quantstream::processor
