// What the chaos build of the server puts in place of the real thing (Server::Hooks): it keeps the apply ledger, tells
// the control file of every probe, which may be where the process dies, and shows the time that the control file says.
//
// Thread rule: probes are hit on the node's loop and on its workers; all else on the loop.

#ifndef HARNESS_PROCESS_CHAOS_HOOKS_H_
#define HARNESS_PROCESS_CHAOS_HOOKS_H_

#include <cstdint>

#include "harness/process/control_file.h"
#include "harness/process/ledger_file.h"
#include "sut/base/probe.h"
#include "sut/runtime/seams.h"
#include "sut/server/server.h"

namespace holdfast::process {

class ChaosHooks final : public sut::ProbeSink, public sut::ApplyObserver, public sut::Server::TimeHook {
 public:
  // Ledger and control file outlive the hooks.
  ChaosHooks(uint32_t node, LedgerWriter* ledger, ControlFile* control)
      : node_(node), ledger_(ledger), control_(control) {}

  void OnServing(int port);

  void Hit(sut::Probe probe, sut::TabletId tablet) override;
  void OnRecovered(sut::TabletId tablet, sut::ReplicaId replica, sut::OpId applied) override;
  void OnBegun(const Applied& applied) override;
  void OnApplied(const Applied& applied) override;
  void OnInstalled(sut::TabletId tablet, sut::ReplicaId replica, sut::OpId op) override;
  // Where the time would have to go back, it stands still until it is right again.
  int64_t NowUs(int64_t true_us) override;
  int64_t TrueDelayUs(int64_t delay_us) override;

 private:
  const uint32_t node_;
  LedgerWriter* const ledger_;
  ControlFile* const control_;
  int64_t last_us_ = 0;  // shown in this life
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_CHAOS_HOOKS_H_
