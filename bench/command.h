// What the programs of bench/run query share: arguments, clocks, percentiles, how they end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace quantstream::bench {

// --name value, as given.
class Arguments {
 public:
  Arguments(int argc, char** argv, int first);
  int64_t Number(const std::string& name, int64_t fallback) const;
  std::string Text(const std::string& name) const;

 private:
  std::map<std::string, std::string> given_;
};

int64_t SystemNowUs();
int64_t SteadyNowUs();

// Tells the driver that all is set up, on a line of its own.
void SayReady();

// Microseconds; sorts them. 0 of none.
double PercentileMs(std::vector<int64_t>* samples_us, double percent);

// Prints why and ends the program: no figure.
[[noreturn]] void Fail(const std::string& why);

}  // namespace quantstream::bench
