// What makes a request to the master well-formed, whatever the catalogue holds.

#ifndef SUT_MASTER_REQUEST_VALIDATION_H_
#define SUT_MASTER_REQUEST_VALIDATION_H_

#include "absl/status/status.h"
#include "sut/proto/service.pb.h"

namespace sut {

// InvalidArgument, with what is wrong, unless a client may ask for this change: ids are 16 bytes and not nil, names are
// not empty, tablets cover the hash space in order, replicas and nodes are named once, and the change is not one of
// those that only the coordinator makes.
absl::Status ValidateChange(const proto::CatalogueCommand& change);

// InvalidArgument unless the id names a client and a sequence number above 0.
absl::Status ValidateRequestId(const proto::RequestId& id);

}  // namespace sut

#endif  // SUT_MASTER_REQUEST_VALIDATION_H_
