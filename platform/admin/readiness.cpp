#include "platform/admin/readiness.h"

#include <algorithm>

namespace quantstream::admin {

void Readiness::Require(std::string_view name) {
  Unmet(name, "starting");
}

void Readiness::Met(std::string_view name) {
  std::lock_guard lock(mutex_);
  reasons_[std::string(name)].clear();
}

void Readiness::Unmet(std::string_view name, std::string_view reason) {
  std::lock_guard lock(mutex_);
  reasons_[std::string(name)] = reason.empty() ? "no reason given" : reason;
}

bool Readiness::ready() const {
  std::lock_guard lock(mutex_);
  return std::all_of(reasons_.begin(), reasons_.end(),
                     [](const auto& condition) { return condition.second.empty(); });
}

std::vector<UnmetCondition> Readiness::unmet() const {
  std::lock_guard lock(mutex_);
  std::vector<UnmetCondition> found;
  for (const auto& [name, reason] : reasons_) {
    if (!reason.empty()) found.push_back({name, reason});
  }
  return found;
}

}  // namespace quantstream::admin
