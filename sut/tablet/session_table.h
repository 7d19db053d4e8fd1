// The table of remembered requests of one group: what makes a retried request take effect once (Lee et al.,
// "Implementing Linearizability at Large Scale and Low Latency", SOSP 2015, the RIFL design).
//
// It is replicated state: a function of the applied entries, stored with the rows in the same batch, and cached here.
// Loop rule: on the node's loop.

#ifndef SUT_TABLET_SESSION_TABLE_H_
#define SUT_TABLET_SESSION_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>

#include "absl/status/status.h"
#include "sut/base/ids.h"
#include "sut/proto/command.pb.h"
#include "sut/proto/service.pb.h"
#include "sut/proto/tablet.pb.h"
#include "sut/storage/tablet_store.h"

namespace sut {

class SessionTable {
 public:
  // Replaces the cache by what the store holds. DataLoss if it does not parse.
  absl::Status Load(const TabletStore& store);

  // The answer to a request that must not be applied: remembered, stale, or of a closed session. None: apply it, then
  // Remember. REQUIRES: ValidRequest(request).
  std::optional<proto::Reply> Lookup(const proto::RequestId& request) const;
  // Remembers the reply of a request that was applied, or refused by apply, and forgets those it acknowledges.
  void Remember(const proto::RequestId& request, const proto::Reply& reply, StoreBatch* batch);
  // Closes a session for ever. The result tells which of its requests are remembered as applied.
  proto::Reply Close(const ClientId& client, StoreBatch* batch);

 private:
  struct Session {
    proto::SessionRecord record;
    std::map<uint64_t, proto::Reply> replies;  // by sequence
  };
  std::map<ClientId, Session> sessions_;
};

// A client of 16 bytes and a sequence from 1 that is not below its own first_incomplete.
bool ValidRequest(const proto::RequestId& request);

}  // namespace sut

#endif  // SUT_TABLET_SESSION_TABLE_H_
