#include "market/precondition.h"

#include <cstdio>
#include <cstdlib>

namespace quantstream {

void PreconditionBroken(const char* what) {
  std::fprintf(stderr, "level=error msg=\"broken precondition\" what=\"%s\"\n", what);
  std::abort();
}

}  // namespace quantstream
