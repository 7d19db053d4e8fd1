// How long gRPC itself lives: once it is up, until the process ends.
//
// Left alone it goes down with the last channel or server, and comes up again with the next. But a call counts as ended
// here when its callback has run, and at that moment the thread that ran it still holds references of gRPC's own, which
// it gives back on its way out, perhaps to a library that is no longer there. Thread rule: from anywhere.

#ifndef SUT_SERVER_GRPC_LIFETIME_H_
#define SUT_SERVER_GRPC_LIFETIME_H_

namespace sut {

// Whoever makes a channel or a server calls it first.
void KeepGrpcUp();

}  // namespace sut

#endif  // SUT_SERVER_GRPC_LIFETIME_H_
