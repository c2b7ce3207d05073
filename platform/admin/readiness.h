// Is this process ready for work? Named conditions, each with the reason why it is not met.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace quantstream::admin {

struct UnmetCondition {
  std::string name{};
  std::string reason{};
};

// Thread-safe. Ready = every condition is met. A process without conditions is ready.
class Readiness {
 public:
  // Adds a condition that is not met yet ("starting"). Declare all of them before work starts.
  void Require(std::string_view name);

  // A condition that was not declared is added.
  void Met(std::string_view name);
  void Unmet(std::string_view name, std::string_view reason);

  bool ready() const;
  std::vector<UnmetCondition> unmet() const;  // by name

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> reasons_;  // empty reason = met
};

}  // namespace quantstream::admin
