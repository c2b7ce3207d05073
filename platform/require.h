// An assertion that stays on in release builds: for programmers' mistakes, never for input.
#pragma once

#include <source_location>

namespace quantstream {

[[noreturn]] void RequirementBroken(const char* what, const std::source_location& site);

// Ends the process with `what` and the place on stderr unless `holds`.
inline void Require(bool holds, const char* what,
                    const std::source_location& site = std::source_location::current()) {
  if (!holds) [[unlikely]] {
    RequirementBroken(what, site);
  }
}

}  // namespace quantstream
