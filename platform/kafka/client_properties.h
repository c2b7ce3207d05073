// The `kafka:` section of a service's configuration: any librdkafka property, those that our
// promises rest on excepted.
#pragma once

#include "platform/config/option.h"

namespace quantstream::kafka {

// For OptionSet::AddSection. Unknown properties and bad values are problems; properties that this
// library sets itself are forbidden, each with why. A service adds its own to `forbidden`.
// bootstrap.servers defaults to the local broker.
config::SectionOption ClientSection();

// The version of librdkafka that is linked in, "2.15.1".
std::string LibraryVersion();

}  // namespace quantstream::kafka
