#include "processor/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "market/trade.h"

namespace quantstream::processor {
namespace {

void CallEveryVerb(Metrics& metrics) {
  FoldCounters now;
  now.records = 1;
  metrics.Folded({}, now);
  metrics.CommitLanded(Metrics::Duration(1), 1, 1);
  metrics.CommitEnded("landed");
  metrics.UpsertFellBack(1);
  metrics.ReadBackDone(Metrics::Duration(1), 1);
  metrics.RecordsReread(1);
  metrics.DatabaseConnected();
  metrics.PartitionTaken(Metrics::Duration(1));
  metrics.PartitionFenced();
  metrics.PartitionStopped(0, "data_loss", true);
  metrics.PartitionOwned(0, true);
  metrics.LagIs(0, 1);
  metrics.SourceFailed("transport");
  metrics.ConsumerRenewed();
  metrics.MessageDelivered("closed", 1);
  metrics.MessageFailed();
  metrics.EventDropped();
  metrics.UnpublishedIs(0, 1);
  metrics.PublisherQueueIs(0, 1, 1);
}

// One line per metric: its name and the names of its labels.
std::string NamesOf(prometheus::Registry& registry) {
  std::set<std::string> lines;
  for (const auto& family : registry.Collect()) {
    std::string labels;
    for (const auto& label : family.metric.at(0).label) {
      labels += (labels.empty() ? "" : ",") + label.name;
    }
    lines.insert(family.name + (labels.empty() ? "" : "{" + labels + "}"));
  }
  std::string text;
  for (const std::string& line : lines) {
    text += line + "\n";
  }
  return text;
}

// With REWRITE=1 in the environment the list is written anew.
TEST(ProcessorMetricsTest, NamesAreThoseOfTheList) {
  auto registry = std::make_shared<prometheus::Registry>();
  Metrics metrics(registry);
  CallEveryVerb(metrics);
  std::string path = std::string(std::getenv("QUANTSTREAM_SOURCE_DIR")) +
                     "/tests/unit/processor_shell/testdata/metrics.txt";
  if (std::getenv("REWRITE") != nullptr) {
    std::ofstream(path) << NamesOf(*registry);
  }
  std::ostringstream listed;
  listed << std::ifstream(path).rdbuf();
  EXPECT_EQ(NamesOf(*registry), listed.str());
}

TEST(ProcessorMetricsTest, RefusedTradesAreCountedByReason) {
  auto registry = std::make_shared<prometheus::Registry>();
  Metrics metrics(registry);
  FoldCounters now;
  now.trades_duplicate = 3;
  now.trades_conflicting = 1;
  now.trades_refused[static_cast<size_t>(Refusal::kPrice)] = 5;
  metrics.Folded({}, now);
  std::map<std::string, double> refused;
  for (const auto& family : registry->Collect()) {
    if (family.name == "quantstream_processor_trades_refused_total") {
      for (const auto& metric : family.metric) {
        refused[metric.label.at(0).value] = metric.counter.value;
      }
    }
  }
  EXPECT_EQ(refused["duplicate"], 2);
  EXPECT_EQ(refused["conflicting"], 1);
  EXPECT_EQ(refused["price"], 5);
}

}  // namespace
}  // namespace quantstream::processor
