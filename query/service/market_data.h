// The RPCs of quantstream.v1.MarketData: each one hands its call to a class of its own.
#pragma once

#include <memory>

#include "query/service/parts.h"

namespace grpc {
class Service;
}

namespace quantstream::query {

class MarketDataService {
 public:
  // `parts` outlives it.
  explicit MarketDataService(ServiceParts* parts);
  ~MarketDataService();

  grpc::Service* service();

  // New calls are refused from now on, open streams are told.
  void BeginDraining();
  // Ends what is still open with UNAVAILABLE.
  void EndStreams();
  bool HasStreams() const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace quantstream::query
