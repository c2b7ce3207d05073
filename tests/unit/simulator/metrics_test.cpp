#include "ingest/simulator/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <fstream>
#include <iterator>
#include <set>

#include "tests/support/paths.h"

namespace quantstream::simulator {
namespace {

// Every name with the labels that it can have.
std::string NamesOf(const prometheus::Registry& registry) {
  std::set<std::string> names;
  for (const prometheus::MetricFamily& family : registry.Collect()) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      std::string name = family.name;
      for (const auto& label : metric.label) name += " " + label.name + "=" + label.value;
      names.insert(name);
    }
  }
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

TEST(SimulatorMetrics, TheirNamesAreTheDocumentedOnes) {
  prometheus::Registry registry;
  Metrics metrics(registry);
  metrics.ClientOpened();
  for (const char* why : {"client", "slow", "mute", "talkative", "lifetime", "request", "broken"}) {
    metrics.ClientClosed(why);
  }
  metrics.ConnectionRefused("limit");
  metrics.ConnectionRefused("rate");
  for (const char* kind : {"subscription", "rest", "control"}) metrics.RequestAnswered(kind);
  std::ifstream file(test_support::SourceDir() + "/tests/unit/simulator/testdata/metrics.txt");
  const std::string documented{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(NamesOf(registry), documented);
}

}  // namespace
}  // namespace quantstream::simulator
