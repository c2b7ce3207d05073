// An assertion that stays on in release builds: for programmers' mistakes, never for input.
#pragma once

namespace quantstream {

[[noreturn]] void PreconditionBroken(const char* what);

// Ends the process with `what` on stderr unless `holds`.
inline void Precondition(bool holds, const char* what) {
  if (!holds) [[unlikely]] {
    PreconditionBroken(what);
  }
}

}  // namespace quantstream
