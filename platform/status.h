// What every room does with an absl::Status: add context on the way up. Not a status type of its
// own.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace quantstream {

// The same code and payloads, with "context: " before the message. An OK status stays as it is.
absl::Status Annotate(const absl::Status& status, std::string_view context);

// The message of a status as a std::string, empty when it is OK.
std::string Message(const absl::Status& status);

}  // namespace quantstream
