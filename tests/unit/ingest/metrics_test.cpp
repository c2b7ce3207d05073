#include "ingest/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/support/paths.h"

namespace quantstream::ingest {
namespace {

// Names and labels are what dashboards and alarms rest on. After a wanted change: REWRITE=1 and
// look at the difference.
TEST(Metrics, AreThoseOfTheGoldenFile) {
  prometheus::Registry registry;
  Metrics metrics(registry);
  metrics.TradeRefused("price");
  metrics.ConnectionLost("mute");
  std::set<std::string> lines;
  for (const auto& family : registry.Collect()) {
    std::set<std::string> labels;
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) labels.insert(label.name);
    }
    std::string line = family.name;
    for (const auto& label : labels) line += " " + label;
    lines.insert(line + " | " + family.help);
  }
  std::string actual;
  for (const auto& line : lines) actual += line + "\n";
  const std::string path = test_support::SourceDir() + "/tests/unit/ingest/testdata/metrics.txt";
  if (std::getenv("REWRITE") != nullptr) std::ofstream(path) << actual;
  std::ifstream in(path);
  std::stringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(actual, golden.str());
}

}  // namespace
}  // namespace quantstream::ingest
