// What is wrong with a configuration: collected, then shown all at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace quantstream::config {

struct Problem {
  std::string where{};  // "processor.yaml:12", "QUANTSTREAM_PROCESSOR_GRACE_MS", "--frobnicate"
  std::string what{};   // "unknown key 'grcae_ms'; did you mean 'grace_ms'?"

  bool operator==(const Problem&) const = default;
};

using Problems = std::vector<Problem>;

// One line per problem: "where: what".
std::string Describe(const Problems& problems);

// The known name nearest to `name` by edit distance, empty when none is near enough to be what was
// meant.
std::string NearestName(std::string_view name, const std::vector<std::string>& known);

}  // namespace quantstream::config
