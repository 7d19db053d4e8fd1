// Ids that no two processes share: of client sessions, and of what tools create.

#ifndef SUT_SERVER_CLIENT_ID_H_
#define SUT_SERVER_CLIENT_ID_H_

#include <cstdint>
#include <random>

#include "sut/base/ids.h"

namespace sut {

template <typename Id>
Id RandomId() {
  std::random_device random;
  const auto word = [&random] { return static_cast<uint64_t>(random()) << 32 | random(); };
  Id id;
  // Nil and the master's tablet are not to be drawn, unlikely as they are.
  do {
    id = Id{word(), word()};
  } while (id.hi == 0);
  return id;
}

inline ClientId RandomClientId() { return RandomId<ClientId>(); }

}  // namespace sut

#endif  // SUT_SERVER_CLIENT_ID_H_
