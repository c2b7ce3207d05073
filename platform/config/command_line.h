// The command line that every service has: --config FILE, --help, --version, and nothing else.
//
//   int main(int argc, char** argv) {
//     ProcessorConfig config;
//     config::OptionSet options = ProcessorOptions(&config);
//     if (auto exit_code = config::Configure(argc, argv, "Makes candles of trades.", &options))
//     return *exit_code;
//     ...
#pragma once

#include <optional>
#include <ostream>
#include <string_view>

#include "platform/config/option.h"

namespace quantstream::config {

// Reads the command line, the file and the environment into the options' fields. Returns the exit
// code when the process must end now: 0 after --help and --version, 2 after all problems were
// printed. Nothing = go on.
std::optional<int> Configure(int argc, const char* const* argv, std::string_view summary,
                             OptionSet* options);

// The same with everything from outside handed in.
struct Surroundings {
  std::ostream& out;
  std::ostream& err;
  std::vector<std::pair<std::string, std::string>> environment;
};
std::optional<int> Configure(const std::vector<std::string>& arguments, std::string_view summary,
                             OptionSet* options, const Surroundings& surroundings);

}  // namespace quantstream::config
