// Folds logs that it reads as text and prints the rows they end in, for a comparison with another
// implementation.
//
// Input, a line each, times in ticks of 100 ms:
//   I 1 2 6                         intervals in seconds; begins a log
//   R log_time node session seq     begins a record
//   T venue symbol id time receive price quantity      id 0 = none
//   B venue time                    time - = none yet
//   E                               ends the log: its rows are printed, then a line with a dot
#include <iostream>
#include <sstream>
#include <string>

#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {
namespace {

std::string Text(__int128 value) {
  const bool negative = value < 0;
  unsigned __int128 rest =
      negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  return negative ? "-" + digits : digits;
}

void Print(const EdgeTrade& edge) {
  std::cout << ' ' << edge.key.time.us / kTick_us << ' ' << edge.key.id << ' '
            << edge.price.ToString();
}

void Print(const CandleKey& key, const Candle& candle) {
  const CandleValues& values = candle.values;
  std::cout << key.instrument << ' ' << key.interval.seconds << ' ' << key.open_time.us / kTick_us
            << ' ' << values.trade_count << ' ' << values.volume.ToString() << ' '
            << values.quote_volume.ToString();
  Print(values.first);
  Print(values.last);
  std::cout << ' ' << values.high.ToString() << ' ' << values.low.ToString() << ' ';
  if (values.returns) {
    std::cout << values.returns->count << ',' << Text(values.returns->sum) << ','
              << Text(values.returns->sum_of_squares);
  } else {
    std::cout << '-';
  }
  std::cout << ' ' << static_cast<int>(candle.completeness) << ' ' << static_cast<int>(candle.state)
            << ' ' << candle.revision << ' ' << candle.version << ' ';
  if (candle.lineage) {
    std::cout << candle.lineage->first.value << ',' << candle.lineage->last.value;
  } else {
    std::cout << '-';
  }
  std::cout << '\n';
}

void FoldAndPrint(const SimLog& log, const FoldOptions& options) {
  const Straight straight(log, 0, options, Rules{});
  for (const auto& [key, candle] : straight.rows) Print(key, candle);
  std::cout << '.' << std::endl;
}

SimTrade ReadTrade(std::istream& in) {
  SimTrade trade;
  in >> trade.venue >> trade.symbol >> trade.id >> trade.time >> trade.receive >> trade.price >>
      trade.quantity;
  return trade;
}

SimBeat ReadBeat(std::istream& in) {
  SimBeat beat;
  std::string time;
  in >> beat.venue >> time;
  if (time != "-") beat.time = std::stoll(time);
  return beat;
}

int Run() {
  FoldOptions options;
  SimLog log;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    char kind = 0;
    in >> kind;
    if (kind == 'I') {
      std::vector<Interval> intervals;
      for (int32_t seconds = 0; in >> seconds;) intervals.push_back(Interval{seconds});
      options = SimOptions(intervals);
      log.clear();
    } else if (kind == 'R') {
      SimRecord& record = log.emplace_back();
      in >> record.log_time >> record.node >> record.session >> record.sequence;
    } else if (kind == 'T' && !log.empty()) {
      log.back().trades.push_back(ReadTrade(in));
    } else if (kind == 'B' && !log.empty()) {
      log.back().beats.push_back(ReadBeat(in));
    } else if (kind == 'E') {
      FoldAndPrint(log, options);
    } else {
      std::cerr << "fold_log: cannot read: " << line << '\n';
      return 2;
    }
  }
  return 0;
}

}  // namespace
}  // namespace quantstream::processor::simulation

int main() {
  return quantstream::processor::simulation::Run();
}
