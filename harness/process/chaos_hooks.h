// What the chaos build of the server puts in place of the real thing (Server::Hooks): it keeps the apply ledger, and
// tells the control file of every probe, which may be where the process dies.
//
// Thread rule: probes are hit on the node's loop and on its workers; all else on the loop.

#ifndef HARNESS_PROCESS_CHAOS_HOOKS_H_
#define HARNESS_PROCESS_CHAOS_HOOKS_H_

#include <cstdint>

#include "harness/process/control_file.h"
#include "harness/process/ledger_file.h"
#include "sut/base/probe.h"
#include "sut/runtime/seams.h"

namespace holdfast::process {

class ChaosHooks final : public sut::ProbeSink, public sut::ApplyObserver {
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

 private:
  const uint32_t node_;
  LedgerWriter* const ledger_;
  ControlFile* const control_;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_CHAOS_HOOKS_H_
