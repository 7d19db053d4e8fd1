// Metadata keys of the peers' streams.

#ifndef SUT_SERVER_GRPC_NAMES_H_
#define SUT_SERVER_GRPC_NAMES_H_

namespace sut {

inline constexpr char kFromMetadata[] = "sut-from";  // the caller's node id
inline constexpr char kToMetadata[] = "sut-to";      // the node id that it means to reach

}  // namespace sut

#endif  // SUT_SERVER_GRPC_NAMES_H_
