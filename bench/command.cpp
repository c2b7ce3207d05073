#include "bench/command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace quantstream::bench {

Arguments::Arguments(int argc, char** argv, int first) {
  for (int i = first; i + 1 < argc; i += 2) given_[argv[i]] = argv[i + 1];
}

int64_t Arguments::Number(const std::string& name, int64_t fallback) const {
  const auto found = given_.find("--" + name);
  return found == given_.end() ? fallback : std::atoll(found->second.c_str());
}

std::string Arguments::Text(const std::string& name) const {
  const auto found = given_.find("--" + name);
  return found == given_.end() ? "" : found->second;
}

int64_t SystemNowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t SteadyNowUs() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void SayReady() {
  std::printf("ready\n");
  std::fflush(stdout);
}

double PercentileMs(std::vector<int64_t>* samples_us, double percent) {
  if (samples_us->empty()) return 0;
  const auto at = static_cast<size_t>(static_cast<double>(samples_us->size() - 1) * percent / 100);
  std::nth_element(samples_us->begin(), samples_us->begin() + static_cast<std::ptrdiff_t>(at),
                   samples_us->end());
  return static_cast<double>((*samples_us)[at]) / 1e3;
}

void Fail(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

}  // namespace quantstream::bench
