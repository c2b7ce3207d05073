#include "platform/kafka/client_properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/kafka/consumer.h"

namespace quantstream::kafka {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

config::Problems Apply(const std::string& yaml) {
  config::Properties kafka;
  config::OptionSet options("processor");
  options.AddSection(&kafka, ClientSection());
  config::Problems problems;
  const config::YamlFile file = config::ParseYaml("p.yaml", yaml, &problems);
  return options.Apply(&file, {});
}

TEST(ClientPropertiesTest, TheLibraryIsTheOneWePin) {
  const std::string version = LibraryVersion();
  const auto number = [&](size_t at) { return std::stoi(version.substr(at)); };
  EXPECT_TRUE(number(0) > 2 || number(2) >= 12) << version;
}

TEST(ClientPropertiesTest, AnyOtherPropertyPasses) {
  EXPECT_THAT(Apply("kafka:\n  bootstrap.servers: a:1\n  security.protocol: SASL_SSL\n"
                    "  sasl.mechanisms: SCRAM-SHA-512\n  sasl.username: me\n"),
              IsEmpty());
}

TEST(ClientPropertiesTest, WhatPromisesRestOnIsRefusedWithTheReason) {
  for (const char* name : {"acks", "enable.idempotence", "auto.offset.reset", "enable.auto.commit",
                           "group.id", "message.timeout.ms", "partitioner"}) {
    const config::Problems problems = Apply(std::string("kafka:\n  ") + name + ": 1\n");
    ASSERT_EQ(problems.size(), 1U) << name;
    EXPECT_THAT(problems[0].what, HasSubstr(std::string("kafka.") + name + ": may not be set: "));
  }
}

TEST(ClientPropertiesTest, EveryForbiddenPropertyExists) {
  const config::SectionOption section = ClientSection();
  for (const config::ForbiddenProperty& forbidden : section.forbidden) {
    const auto problem = section.check(forbidden.name, "nonsense");
    EXPECT_NE(problem.value_or(""), "is no librdkafka property") << forbidden.name;
  }
  for (const std::string& secret : section.secrets) {
    EXPECT_NE(section.check(secret, "x").value_or(""), "is no librdkafka property") << secret;
  }
}

TEST(ClientPropertiesTest, UnknownPropertiesAndBadValuesAreProblems) {
  EXPECT_THAT(Apply("kafka:\n  no.such: 1\n")[0].what, HasSubstr("is no librdkafka property"));
  EXPECT_THAT(Apply("kafka:\n  socket.timeout.ms: soon\n")[0].what, HasSubstr("socket.timeout.ms"));
}

TEST(ClientPropertiesTest, APropertyThatTheClientRefusesIsNamed) {
  ConsumerOptions options;
  options.topic = "t";
  options.client = {{"socket.timeout.ms", "soon"}};
  const auto consumer = Consumer::MakeReader(options);
  EXPECT_THAT(std::string(consumer.status().message()), HasSubstr("socket.timeout.ms"));
}

}  // namespace
}  // namespace quantstream::kafka
