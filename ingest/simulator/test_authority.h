// A certificate authority for tests: trusts nobody, is trusted by whoever is told to. Never for a
// real venue.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace quantstream::simulator {

struct TestCertificate {
  std::string authority_file{};    // ca.pem: what clients must trust
  std::string certificate_file{};  // server.pem: for localhost, 127.0.0.1 and ::1
  std::string key_file{};          // server.key: readable by its owner only
};

// Uses the three files in `folder` when they are there and valid for another day; otherwise makes
// the folder and all three. The authority's own key is not kept.
absl::StatusOr<TestCertificate> EnsureTestCertificate(const std::string& folder);

}  // namespace quantstream::simulator
