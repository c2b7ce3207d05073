#include "platform/require.h"

#include <cstdio>
#include <cstdlib>

namespace quantstream {

void RequirementBroken(const char* what, const std::source_location& site) {
  std::fprintf(stderr, "level=error msg=\"broken precondition\" what=\"%s\" at=%s:%u\n", what,
               site.file_name(), site.line());
  std::abort();
}

}  // namespace quantstream
