// The state machine of a tablet: rows by key, with puts, deletes, increments and batches of them.
//
// A value is any bytes. An increment reads it as a decimal number (a missing row is 0) and is refused if it is none or
// would overflow; a refused mutation refuses its whole batch. Loop rule: on the node's loop.

#ifndef SUT_TABLET_ROW_MACHINE_H_
#define SUT_TABLET_ROW_MACHINE_H_

#include "sut/tablet/partition.h"
#include "sut/tablet/state_machine.h"

namespace sut {

class RowMachine : public StateMachine {
 public:
  explicit RowMachine(HashRange range) : range_(range) {}

  absl::Status Load(const TabletStore&) override { return absl::OkStatus(); }
  absl::StatusOr<proto::Reply> Apply(const proto::Command& command, OpId op, HybridTime time, const TabletStore& store,
                                     StoreBatch* batch) override;

  // Refuses a write before it is appended: no mutation, or a key outside the tablet's range. OK otherwise.
  absl::Status Validate(const proto::Write& write) const;
  const HashRange& range() const { return range_; }

 private:
  HashRange range_;
};

// A decimal int64 as the machine writes it: no plus sign, no leading zeros, no blanks. None for anything else.
std::optional<int64_t> ParseCounter(std::string_view value);

}  // namespace sut

#endif  // SUT_TABLET_ROW_MACHINE_H_
