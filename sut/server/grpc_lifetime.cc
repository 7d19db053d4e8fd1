#include "sut/server/grpc_lifetime.h"

#include <grpc/grpc.h>

namespace sut {

void KeepGrpcUp() {
  // Never matched by a grpc_shutdown.
  static const bool up = [] {
    grpc_init();
    return true;
  }();
  static_cast<void>(up);
}

}  // namespace sut
