// The master's front: takes the requests addressed to kMasterTablet, and owns the coordinator.
//
// Contract: what is malformed is refused with BAD_REQUEST before anything is appended; a well-formed change goes
// through the log and is answered by its apply; a list is linearizable with the changes. Loop rule: all calls on the
// node's loop.

#ifndef SUT_MASTER_MASTER_SERVICE_H_
#define SUT_MASTER_MASTER_SERVICE_H_

#include <functional>

#include "sut/master/catalogue.h"
#include "sut/master/coordinator.h"
#include "sut/master/placement_check.h"
#include "sut/runtime/node_options.h"
#include "sut/runtime/seams.h"
#include "sut/tablet/state_machine.h"

namespace sut {

class MasterService {
 public:
  // Everything outlives the service.
  struct World {
    ReplicatedGroup* group = nullptr;
    Catalogue* catalogue = nullptr;
    Clock* clock = nullptr;
    Timers* timers = nullptr;
    RequestSender* sender = nullptr;
    ProbeSink* probes = nullptr;
  };
  // Takes the catalogue's on_changed for itself.
  MasterService(const NodeOptions& options, const World& world);
  ~MasterService();

  // Catalogue changes and lists; fences and maintenance are the replica's own. `done` is called once, unless the node
  // dies first, with the request's id and attempt filled in.
  void Handle(const proto::Request& request, std::function<void(proto::Reply)> done);
  // Leadership of the master's group may have changed. Speeds up the take-over; it does happen without.
  void Wake() { coordinator_.Wake(); }

 private:
  void HandleChange(const proto::Request& request, std::function<void(proto::Reply)> done);
  // What was placed for an imported snapshot is looked at before its first restoration is proposed.
  void HandleRestore(const proto::Request& request, std::function<void(proto::Reply)> done);
  void HandleList(const proto::Request& request, std::function<void(proto::Reply)> done);

  const BugSet bugs_;
  World world_;
  Coordinator coordinator_;
  PlacementCheck placement_;
};

}  // namespace sut

#endif  // SUT_MASTER_MASTER_SERVICE_H_
