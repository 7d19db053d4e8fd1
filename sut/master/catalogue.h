// The master's state machine: the catalogue's rows in the store, one for each keyspace, table, snapshot and restoration, and a
// copy of them in memory.
//
// Contract: state() is exactly what the committed entries made of it; an entry whose batch was not committed has left
// no trace in it. Loop rule: all calls on the node's loop.

#ifndef SUT_MASTER_CATALOGUE_H_
#define SUT_MASTER_CATALOGUE_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "sut/master/catalogue_state.h"
#include "sut/tablet/state_machine.h"

namespace sut {

class Catalogue : public StateMachine {
 public:
  explicit Catalogue(BugSet bugs) : bugs_(bugs) {}

  absl::Status Load(const TabletStore& store) override;
  absl::StatusOr<proto::Reply> Apply(const proto::Command& command, OpId op, HybridTime time, const TabletStore& store,
                                     StoreBatch* batch) override;
  void Committed() override;

  const CatalogueState& state() const { return state_; }
  // Rises with every change of state().
  uint64_t version() const { return version_; }
  // Called after every change, possibly deep inside the replica's apply loop: it must not call back into the group.
  void set_on_changed(std::function<void()> on_changed) { on_changed_ = std::move(on_changed); }

  // Apply without the parts that it does not need.
  proto::Reply ApplyCommand(const proto::CatalogueCommand& command, StoreBatch* batch);

 private:
  void Changed();

  BugSet bugs_;
  CatalogueState state_;
  std::optional<Transition> staged_;  // decided, and not yet known to be committed
  uint64_t version_ = 0;
  std::function<void()> on_changed_;
};

}  // namespace sut

#endif  // SUT_MASTER_CATALOGUE_H_
