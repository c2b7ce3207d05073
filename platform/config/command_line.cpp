#include "platform/config/command_line.h"

#include <iostream>
#include <string>

extern char** environ;  // NOLINT(readability-identifier-naming): POSIX's name

namespace quantstream::config {
namespace {

constexpr int kConfigurationExitCode = 2;

std::vector<std::pair<std::string, std::string>> ProcessEnvironment() {
  std::vector<std::pair<std::string, std::string>> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) {
      environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

struct CommandLine {
  bool help = false;
  bool version = false;
  std::optional<std::string> config;
};

CommandLine Parse(const std::vector<std::string>& arguments, Problems* problems) {
  static const std::vector<std::string> flags = {"--config", "--help", "--version"};
  CommandLine line;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      line.help = true;
    } else if (argument == "--version") {
      line.version = true;
    } else if (argument.starts_with("--config=")) {
      line.config = argument.substr(std::string("--config=").size());
    } else if (argument == "--config" && i + 1 < arguments.size()) {
      line.config = arguments[++i];
    } else if (argument == "--config") {
      problems->push_back({argument, "needs the path of a YAML file"});
    } else {
      const std::string nearest = NearestName(argument, flags);
      problems->push_back(
          {argument, "unknown argument" +
                         (nearest.empty() ? "; see --help" : "; did you mean '" + nearest + "'?")});
    }
  }
  return line;
}

}  // namespace

std::optional<int> Configure(const std::vector<std::string>& arguments, std::string_view summary,
                             OptionSet* options, const Surroundings& surroundings) {
  const std::string binary = "quantstream-" + options->service();
  Problems problems;
  const CommandLine line = Parse(arguments, &problems);
  if (problems.empty() && line.help) {
    surroundings.out << binary << ": " << summary << "\n\nUsage: " << binary
                     << " [--config FILE] [--help] [--version]\n\n"
                     << options->HelpText() << std::flush;
    return 0;
  }
  if (problems.empty() && line.version) {
    surroundings.out << binary << " " << QUANTSTREAM_VERSION << std::endl;
    return 0;
  }
  YamlFile file;
  if (line.config) file = ReadYamlFile(*line.config, &problems);
  const bool unread = !problems.empty() && file.entries.empty();
  const Problems found =
      options->Apply(line.config ? &file : nullptr, surroundings.environment,
                     unread ? OptionSet::Rules::kLeaveOut : OptionSet::Rules::kCheck);
  problems.insert(problems.end(), found.begin(), found.end());
  if (problems.empty()) return std::nullopt;
  surroundings.err << binary << ": " << problems.size()
                   << (problems.size() == 1 ? " problem" : " problems") << " in the configuration\n"
                   << Describe(problems) << std::flush;
  return kConfigurationExitCode;
}

std::optional<int> Configure(int argc, const char* const* argv, std::string_view summary,
                             OptionSet* options) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return Configure(arguments, summary, options, {std::cout, std::cerr, ProcessEnvironment()});
}

}  // namespace quantstream::config
