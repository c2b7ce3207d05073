// Random logs under random schedules: crashes, zombies, lost answers, moving partitions.
// QUANTSTREAM_SIMULATION_SEEDS says how many, QUANTSTREAM_SIMULATION_FIRST where they begin; a seed
// that fails fails again.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {
namespace {

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

std::string RunSeed(uint64_t seed) {
  Random random(seed);
  std::vector<SimLog> logs;
  const int64_t partitions = Chance(random, .25) ? 2 : 1;
  const int64_t ticks = Pick(random, std::vector<int64_t>{25, 50, 90});
  for (int64_t i = 0; i < partitions; ++i) {
    logs.push_back(RandomLog(random, ticks, seed % 3 == 0));
    // An instrument lives in one partition.
    for (SimRecord& record : logs.back()) {
      for (SimTrade& trade : record.trades) trade.symbol.append("-").append(std::to_string(i));
    }
  }
  Schedule schedule;
  schedule.seed = random();
  schedule.faults = Pick(random, std::vector<double>{0, .04, .12});
  schedule.options = SimOptions(Chance(random, .3) ? std::vector<Interval>{{1}, {5}, {60}}
                                                   : std::vector<Interval>{{1}, {2}, {6}});
  if (Chance(random, .2)) schedule.options.replay_records_max = 5;
  if (seed % 5 == 0) schedule.options.hold_us = 0;
  for (SimLog& log : logs) {
    if (seed % 7 == 0) LetLogTimesGoBack(random, log);
  }
  return RunSchedule(logs, schedule);
}

TEST(Schedules, EveryOneEndsInTheCandlesOfTheReference) {
  const int64_t first = FromEnvironment("QUANTSTREAM_SIMULATION_FIRST", 1);
  const int64_t seeds = FromEnvironment("QUANTSTREAM_SIMULATION_SEEDS", 300);
  for (int64_t seed = first; seed < first + seeds; ++seed) {
    const std::string wrong = RunSeed(static_cast<uint64_t>(seed));
    ASSERT_EQ(wrong, "") << "seed " << seed
                         << "; add it to tests/simulation/fold/testdata/failed_seeds.txt";
  }
  std::cout << seeds << " random schedules from seed " << first << ": nothing found\n";
}

TEST(Schedules, SeedsThatFailedOnceFailNoMore) {
  std::ifstream kept(std::string(std::getenv("QUANTSTREAM_SOURCE_DIR")) +
                     "/tests/simulation/fold/testdata/failed_seeds.txt");
  ASSERT_TRUE(kept.is_open());
  for (std::string line; std::getline(kept, line);) {
    if (line.empty() || line[0] == '#') continue;
    EXPECT_EQ(RunSeed(std::stoull(line)), "") << "seed " << line;
  }
}

}  // namespace
}  // namespace quantstream::processor::simulation
