// A splice and a merger against a store, a topic and a client in memory, in random interleavings:
// trades, late trades, closing, commits, lost places, restarts, streams that resume, reads that
// lag. In the end the client holds the merge of what is stored; on the way no version goes down and
// no PARTIAL follows a FINAL. QUANTSTREAM_MERGE_INTERLEAVINGS says how many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "tests/simulation/merge_stream.h"

namespace quantstream::query::testing {
namespace {

constexpr int kSteps = 400;

uint64_t Interleavings() {
  const char* wanted = std::getenv("QUANTSTREAM_MERGE_INTERLEAVINGS");
  return wanted == nullptr ? 1000 : std::strtoull(wanted, nullptr, 10);
}

struct Case {
  const char* interval;
  int32_t part_s;
};

// Runs one interleaving; what went wrong, or nothing.
std::string Interleave(uint64_t seed, const Case& of, MergeRules rules) {
  std::mt19937_64 random(seed);
  const WindowGrid grid = *WindowGrid::Parse(of.interval, {Interval{of.part_s}});
  MergeWorld world(&random, of.part_s);
  Client client;
  for (int i = 0; i < 60; ++i) world.Step();
  const int32_t last = static_cast<int32_t>(random() % 8) - 4;  // below 0: all
  auto stream = std::make_unique<Stream>(grid, &world, &client, &random, rules, last, std::nullopt);
  for (int i = 0; i < kSteps && client.wrong().empty(); ++i) {
    switch (random() % 16) {
      case 0:
        stream->AskHistory();
        break;
      case 1:
        stream->AnswerHistory();
        break;
      case 2:
        stream->AskRead();
        break;
      case 3:
        stream->AnswerRead();
        break;
      case 4:
        stream->TakeOpen();
        break;
      case 5:
        if (random() % 10 == 0) stream->LosePlace();
        break;
      case 6:
        if (const auto token = stream->Resumable(); token && random() % 10 == 0) {
          stream = std::make_unique<Stream>(grid, &world, &client, &random, rules, last, *token);
        }
        break;
      case 7:
      case 8:
      case 9:
      case 10:
        stream->Advance();
        break;
      default:
        world.Step();
    }
    if (stream->merger().parts_apart() > 2 * (8 + 400)) return "too much is kept";
  }
  world.Finish();
  stream->Finish();
  if (!client.wrong().empty()) return client.wrong();

  for (const std::string& instrument : kInstruments) {
    const EventTime from = *stream->merger().from(instrument);
    constexpr EventTime kEnd{std::numeric_limits<int64_t>::max()};
    for (const Update& expected :
         MergedRows(grid, world.commits.back().rows, instrument, from, kEnd)) {
      const auto seen = client.seen().find(expected->key);
      if (seen == client.seen().end()) return "never sent: " + Text(expected);
      if (seen->second->message.get() != expected->message.get()) {
        return "sent " + Text(seen->second) + ", stored " + Text(expected);
      }
    }
  }
  return "";
}

constexpr Case kIntervals[] = {{"7s", 1}, {"3m", 60}, {"1d@America/New_York", 3600}};

TEST(MergeSimulation, TheClientEndsWithTheMergeOfWhatIsStored) {
  for (uint64_t seed = 1; seed <= Interleavings(); ++seed) {
    ASSERT_EQ(Interleave(seed, kIntervals[seed % 3], {}), "") << "seed " << seed;
  }
}

// What chance does not reach is told in merge_test.cpp and merge_restart_test.cpp;
// tests/simulation/RULES.md lists all.
struct Broken {
  const char* name;
  bool MergeRules::*rule;
};

class MergeWithoutARule : public ::testing::TestWithParam<Broken> {};

TEST_P(MergeWithoutARule, BreaksAPromise) {
  MergeRules without;
  without.*GetParam().rule = false;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    const std::string broken = Interleave(seed, kIntervals[seed % 3], without);
    if (broken.empty()) continue;
    EXPECT_EQ(Interleave(seed, kIntervals[seed % 3], {}), "") << "with the rule, seed " << seed;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), broken.c_str());
    return;
  }
  FAIL() << "1000 interleavings did not need this rule";
}

const Broken kBroken[] = {
    {"Rule22_TheVersionIsTheGreatestOfTheParts", &MergeRules::version_is_the_greatest},
    {"Rule22_AnEqualVersionReplaces", &MergeRules::equal_version_replaces},
    {"Rule22_AWindowIsFinalWhenAllItsPartsAre", &MergeRules::final_waits_for_progress},
    {"Rule22_AFoldedPartThatIsRevisedIsRead", &MergeRules::folded_revisions_are_read},
    {"Rule22_AForgottenWindowThatIsRevisedIsRead", &MergeRules::forgotten_windows_are_read},
    {"Rule22_AReadThatLagsIsMadeAgain", &MergeRules::lagging_read_waits},
    {"Rule22_WhatWasOpenIsReadAgainAfterARestart", &MergeRules::restart_reads_unsettled_windows},
};

INSTANTIATE_TEST_SUITE_P(Rules, MergeWithoutARule, ::testing::ValuesIn(kBroken),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace quantstream::query::testing
