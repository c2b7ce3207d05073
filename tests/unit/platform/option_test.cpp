#include "platform/config/option.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace quantstream::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

using Environment = std::vector<std::pair<std::string, std::string>>;

// A service with one option of each kind.
class OptionTest : public ::testing::Test {
 protected:
  OptionTest() {
    options_.Add(&grace_ms_, {.name = "grace_ms",
                              .fallback = 1000,
                              .minimum = 0,
                              .maximum = 60000,
                              .unit = "ms",
                              .help = "how long a window waits"});
    options_.Add(&workers_, {.name = "workers", .fallback = 2, .minimum = 1});
    options_.Add(&ratio_, {.name = "ratio", .fallback = 0.5, .maximum = 1});
    options_.Add(&unsafe_, {.name = "allow_unsafe_database"});
    options_.Add(&level_,
                 {.name = "log_level", .fallback = "info", .choices = {"info", "warning"}});
    options_.Add(&api_key_, {.name = "api_key", .secret = true, .help = "of the venue"});
    options_.Add(&venues_, {.name = "venues", .fallback = {"binance"}, .items_max = 2});
    options_.Add(&urls_, {.name = "urls"});
    options_.AddSection(&kafka_,
                        {.name = "kafka",
                         .fallback = {{"bootstrap.servers", "127.0.0.1:19092"}},
                         .forbidden = {{"acks", "no record may be lost"}},
                         .secrets = {"sasl.password"},
                         .separator = '.',
                         .check = [](const std::string& name,
                                     const std::string& value) -> std::optional<std::string> {
                           if (name == "no.such") return "is no librdkafka property";
                           if (value == "bad") return "bad is a bad value";
                           return std::nullopt;
                         }});
  }

  Problems Apply(const std::string& yaml, const Environment& environment = {}) {
    Problems problems;
    const YamlFile file = ParseYaml("p.yaml", yaml, &problems);
    const Problems applied = options_.Apply(&file, environment);
    problems.insert(problems.end(), applied.begin(), applied.end());
    return problems;
  }

  int64_t grace_ms_ = 0;
  int workers_ = 0;
  double ratio_ = 0;
  bool unsafe_ = true;
  std::string level_;
  std::string api_key_;
  std::vector<std::string> venues_;
  Properties urls_;
  Properties kafka_;
  OptionSet options_{"processor"};
};

std::string SecretFile(const std::string& text) {
  const std::string path = ::testing::TempDir() + "secret." + std::to_string(getpid());
  std::ofstream(path) << text;
  return path;
}

TEST_F(OptionTest, FieldsHoldTheirDefaults) {
  EXPECT_THAT(Apply(""), IsEmpty());
  EXPECT_EQ(grace_ms_, 1000);
  EXPECT_EQ(workers_, 2);
  EXPECT_EQ(ratio_, 0.5);
  EXPECT_FALSE(unsafe_);
  EXPECT_THAT(venues_, ElementsAre("binance"));
  EXPECT_THAT(kafka_, ElementsAre(Pair("bootstrap.servers", "127.0.0.1:19092")));
}

TEST_F(OptionTest, YamlSetsEveryKind) {
  EXPECT_THAT(Apply("grace_ms: 5000\nworkers: 3\nratio: 0.25\nallow_unsafe_database: yes\n"
                    "log_level: warning\nvenues: [okx, coinbase]\nurls: {okx: 'ws://x'}\n"
                    "kafka:\n  bootstrap.servers: a:1\n  security.protocol: ssl\n"),
              IsEmpty());
  EXPECT_EQ(grace_ms_, 5000);
  EXPECT_EQ(workers_, 3);
  EXPECT_EQ(ratio_, 0.25);
  EXPECT_TRUE(unsafe_);
  EXPECT_EQ(level_, "warning");
  EXPECT_THAT(venues_, ElementsAre("okx", "coinbase"));
  EXPECT_THAT(urls_, ElementsAre(Pair("okx", "ws://x")));
  EXPECT_THAT(kafka_,
              ElementsAre(Pair("bootstrap.servers", "a:1"), Pair("security.protocol", "ssl")));
}

TEST_F(OptionTest, TheEnvironmentWinsOverYaml) {
  EXPECT_THAT(Apply("grace_ms: 5000\nvenues: [x]\n",
                    {{"QUANTSTREAM_PROCESSOR_GRACE_MS", "7"},
                     {"QUANTSTREAM_PROCESSOR_VENUES", "okx, coinbase"},
                     {"QUANTSTREAM_PROCESSOR_URLS", "okx=ws://x?a=b,c=d"},
                     {"QUANTSTREAM_PROCESSOR_KAFKA_BOOTSTRAP_SERVERS", "b:2"},
                     {"QUANTSTREAM_QUERY_GRACE_MS", "not ours"},
                     {"HOME", "/"}}),
              IsEmpty());
  EXPECT_EQ(grace_ms_, 7);
  EXPECT_THAT(venues_, ElementsAre("okx", "coinbase"));
  EXPECT_THAT(urls_, ElementsAre(Pair("c", "d"), Pair("okx", "ws://x?a=b")));
  EXPECT_THAT(kafka_, ElementsAre(Pair("bootstrap.servers", "b:2")));
}

TEST_F(OptionTest, AllProblemsAreFoundAtOnceWithFileAndLine) {
  EXPECT_THAT(
      Apply("grcae_ms: 5\n"
            "grace_ms: 60001\n"
            "workers: many\n"
            "ratio: 2\n"
            "allow_unsafe_database: perhaps\n"
            "log_level: loud\n"
            "venues: one\n"
            "urls: [a]\n"
            "kafka:\n  acks: 0\n  no.such: 1\n"),
      ElementsAre(
          Problem{"p.yaml:1", "unknown key 'grcae_ms'; did you mean 'grace_ms'?"},
          Problem{"p.yaml:2", "grace_ms: 60001 is out of range 0 .. 60000 ms"},
          Problem{"p.yaml:3", "workers: expected a whole number (1 .. 2147483647), got 'many'"},
          Problem{"p.yaml:4", "ratio: 2 is out of range 0 .. 1"},
          Problem{"p.yaml:5", "allow_unsafe_database: expected true or false, got 'perhaps'"},
          Problem{"p.yaml:6", "log_level: 'loud' is not one of info, warning"},
          Problem{"p.yaml:7", "venues: expected a list, got one value"},
          Problem{"p.yaml:8", "urls: expected a map, got a list"},
          Problem{"p.yaml:10", "kafka.acks: may not be set: no record may be lost"},
          Problem{"p.yaml:11", "kafka.no.such: is no librdkafka property"}));
  EXPECT_EQ(grace_ms_, 1000) << "a bad value changes nothing";
}

TEST_F(OptionTest, NumbersAreTakenWholeOrNotAtAll) {
  for (const char* text : {"1.5", "0x10", "1e3", "'5 '", "99999999999999999999", "''", "~"}) {
    EXPECT_THAT(Apply(std::string("grace_ms: ") + text + "\n"), ::testing::SizeIs(1)) << text;
  }
  EXPECT_THAT(Apply("ratio: nan\n"), ::testing::SizeIs(1));
}

TEST_F(OptionTest, ProblemsOfTheEnvironmentNameTheVariable) {
  EXPECT_THAT(Apply("", {{"QUANTSTREAM_PROCESSOR_GRACE_MS", "soon"},
                         {"QUANTSTREAM_PROCESSOR_GRACEMS", "1"},
                         {"QUANTSTREAM_PROCESSOR_KAFKA_ACKS", "0"}}),
              ElementsAre(Problem{"QUANTSTREAM_PROCESSOR_GRACE_MS",
                                  "expected a whole number (0 .. 60000 ms), got 'soon'"},
                          Problem{"QUANTSTREAM_PROCESSOR_GRACEMS",
                                  "unknown option 'gracems'; did you mean 'grace_ms'?"},
                          Problem{"QUANTSTREAM_PROCESSOR_KAFKA_ACKS",
                                  "kafka.acks: may not be set: no record may be lost"}));
}

TEST_F(OptionTest, VariablesOfKubernetesServicesAreNotOurs) {
  EXPECT_THAT(Apply("", {{"QUANTSTREAM_PROCESSOR_SERVICE_HOST", "10.0.0.1"},
                         {"QUANTSTREAM_PROCESSOR_PORT_9102_TCP", "tcp://10.0.0.1:9102"}}),
              IsEmpty());
}

TEST_F(OptionTest, ASecretInYamlIsAProblemThatDoesNotRepeatIt) {
  const Problems problems = Apply("api_key: hunter2\nkafka:\n  sasl.password: hunter2\n");
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0].what, HasSubstr("a secret never stands in YAML; set "
                                          "QUANTSTREAM_PROCESSOR_API_KEY or api_key_file"));
  EXPECT_THAT(problems[1].what, HasSubstr("QUANTSTREAM_PROCESSOR_KAFKA_SASL_PASSWORD"));
  EXPECT_THAT(Describe(problems), Not(HasSubstr("hunter2")));
  EXPECT_EQ(api_key_, "");
}

TEST_F(OptionTest, ASecretComesFromTheEnvironment) {
  EXPECT_THAT(Apply("", {{"QUANTSTREAM_PROCESSOR_API_KEY", "k"},
                         {"QUANTSTREAM_PROCESSOR_KAFKA_SASL_PASSWORD", "p"}}),
              IsEmpty());
  EXPECT_EQ(api_key_, "k");
  EXPECT_EQ(kafka_["sasl.password"], "p");
}

TEST_F(OptionTest, ASecretComesFromAFileWithoutItsLineEnd) {
  const std::string path = SecretFile("s3cret\n");
  EXPECT_THAT(Apply("api_key_file: " + path + "\nkafka:\n  sasl.password_file: " + path + "\n"),
              IsEmpty());
  EXPECT_EQ(api_key_, "s3cret");
  EXPECT_EQ(kafka_["sasl.password"], "s3cret");
  EXPECT_THAT(Apply("", {{"QUANTSTREAM_PROCESSOR_API_KEY_FILE", path},
                         {"QUANTSTREAM_PROCESSOR_KAFKA_SASL_PASSWORD_FILE", path}}),
              IsEmpty());
}

TEST_F(OptionTest, ABadSecretIsAProblemThatDoesNotRepeatIt) {
  EXPECT_THAT(Apply("", {{"QUANTSTREAM_PROCESSOR_KAFKA_SASL_PASSWORD", "bad"}}),
              ElementsAre(Problem{"QUANTSTREAM_PROCESSOR_KAFKA_SASL_PASSWORD",
                                  "kafka.sasl.password: the secret's text is not valid"}));
}

TEST_F(OptionTest, AMissingSecretFileIsAProblem) {
  EXPECT_THAT(Apply("api_key_file: /nowhere\n"),
              ElementsAre(Problem{"p.yaml:1", "api_key_file: cannot read '/nowhere'"}));
}

TEST_F(OptionTest, TooManyItemsAreAProblem) {
  EXPECT_THAT(Apply("venues: [a, b, c]\n"),
              ElementsAre(Problem{"p.yaml:1", "venues: 3 items is out of range 0 .. 2 items"}));
}

TEST_F(OptionTest, RulesBetweenOptionsRunOverTheFinalValues) {
  options_.AddCheck([this](Problems* problems) {
    if (grace_ms_ > 100 && workers_ > 3) problems->push_back({"workers", "too many for grace_ms"});
  });
  EXPECT_THAT(Apply("grace_ms: 200\nworkers: 4\n"),
              ElementsAre(Problem{"p.yaml:2", "workers: too many for grace_ms"}));
  EXPECT_THAT(Apply("workers: 4\n", {{"QUANTSTREAM_PROCESSOR_WORKERS", "5"}}),
              ElementsAre(Problem{"QUANTSTREAM_PROCESSOR_WORKERS",
                                  "workers: too many for grace_ms"}));
}

TEST_F(OptionTest, ARuleOverWhatWasNotGivenNamesTheOption) {
  options_.AddCheck([](Problems* problems) { problems->push_back({"urls", "must be given"}); });
  EXPECT_THAT(Apply("workers: 4\n"), ElementsAre(Problem{"urls", "must be given"}));
}

TEST_F(OptionTest, HelpAndTableNameDefaultRangeAndUnit) {
  const std::string help = options_.HelpText();
  EXPECT_THAT(help, HasSubstr("QUANTSTREAM_PROCESSOR_<OPTION>"));
  EXPECT_THAT(help, HasSubstr("  grace_ms\n      how long a window waits\n      default: 1000\n"
                              "      range: 0 .. 60000 ms\n"));
  EXPECT_THAT(help, HasSubstr("not acks: no record may be lost"));
  EXPECT_THAT(options_.MarkdownTable(),
              HasSubstr("| `grace_ms` | `1000` | 0 .. 60000 ms | how long a window waits |\n"));
}

TEST(NearestNameTest, OnlyNearNamesAreOffered) {
  const std::vector<std::string> known = {"grace_ms", "workers"};
  EXPECT_EQ(NearestName("graec_ms", known), "grace_ms");
  EXPECT_EQ(NearestName("worker", known), "workers");
  EXPECT_EQ(NearestName("bananas", known), "");
}

}  // namespace
}  // namespace quantstream::config
