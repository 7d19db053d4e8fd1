// Probes that are armed in running processes, and errors of their clocks: a small file that the harness and all its
// nodes map into memory.
//
// The harness arms a trap: the n-th hit of a probe, counted over all nodes or on one, does something to the process
// that hits it, before the hit returns: it dies as by SIGKILL, stops as by SIGSTOP until it is continued, or pauses.
// Each trap strikes at most once, and whoever disarms one knows whether it has struck.
//
// Thread rule: one process arms and disarms, from one thread; hits come from any thread of any process. Traps are held
// in lock-free atomics: a process may die at any instruction without leaving the others stuck.

#ifndef HARNESS_PROCESS_CONTROL_FILE_H_
#define HARNESS_PROCESS_CONTROL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/probe.h"

namespace holdfast::process {

enum class TrapAction : uint32_t { kDie, kStop, kPause };

struct Trap {
  sut::Probe probe = sut::Probe::kElectionStarted;
  std::optional<uint32_t> node = std::nullopt;  // none: on any
  uint32_t nth = 1;                             // from 1, counted from the arming on
  TrapAction action = TrapAction::kDie;
  uint32_t pause_us = 0;  // kPause
};

class ControlFile {
 public:
  static absl::StatusOr<std::unique_ptr<ControlFile>> Create(const std::string& file);
  static absl::StatusOr<std::unique_ptr<ControlFile>> Open(const std::string& file);
  ~ControlFile();
  ControlFile(const ControlFile&) = delete;
  ControlFile& operator=(const ControlFile&) = delete;

  // ResourceExhausted: kTrapsMax are armed already.
  absl::StatusOr<size_t> Arm(const Trap& trap);
  // Frees the trap; gives the node that it has struck, if it has.
  std::optional<uint32_t> Disarm(size_t trap);
  // The node that it has struck, if it has.
  std::optional<uint32_t> Struck(size_t trap) const;

  // The node's clock is ahead by `jump_us`, and gains `drift_permille` of the time since now; zeros correct it.
  struct ClockError {
    int64_t jump_us = 0;
    int32_t drift_permille = 0;  // > -1000
  };
  // InvalidArgument: no such node, or a clock that would stand still.
  absl::Status DisturbClock(uint32_t node, const ClockError& error);
  // What is wrong with the node's clock now.
  struct ClockReading {
    int64_t ahead_us = 0;
    int32_t drift_permille = 0;
  };
  ClockReading ReadClock(uint32_t node) const;

  // In a node's process: a probe was hit. May not return.
  void OnHit(uint32_t node, sut::Probe probe);

  static constexpr size_t kTrapsMax = 64;
  static constexpr uint32_t kNodesMax = 64;

 private:
  struct Slot;
  struct ClockSlot;
  struct Page;
  explicit ControlFile(Page* page) : page_(page) {}
  static absl::StatusOr<std::unique_ptr<ControlFile>> Map(const std::string& file, int flags);
  Page* const page_;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_CONTROL_FILE_H_
