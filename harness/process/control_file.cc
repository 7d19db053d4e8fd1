#include "harness/process/control_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"

namespace holdfast::process {
namespace {

constexpr uint32_t kAnyNode = 0;  // nodes count from 1
constexpr int kReadAttemptsMax = 1'000;

enum State : uint32_t { kFree, kArmed, kStruck };

absl::Status Failed(const std::string& file) {
  return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(errno)));
}

// The same for all processes of the machine.
int64_t MonotonicUs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

// What a trap does to the process that has run into it.
void Strike(TrapAction action, uint32_t pause_us) {
  switch (action) {
    case TrapAction::kDie:
      kill(getpid(), SIGKILL);
      while (true) pause();  // the signal is on its way
    case TrapAction::kStop:
      raise(SIGSTOP);
      return;
    case TrapAction::kPause:
      usleep(pause_us);
      return;
  }
}

}  // namespace

// Invariant: all but `state` is written by the harness while the slot is free, except `hits_left` and `struck_node`,
// which belong to the processes while it is armed.
struct ControlFile::Slot {
  std::atomic<uint32_t> state;
  std::atomic<uint32_t> probe;
  std::atomic<uint32_t> node;
  std::atomic<uint32_t> action;
  std::atomic<uint32_t> pause_us;
  std::atomic<int32_t> hits_left;
  std::atomic<uint32_t> struck_node;
};

// Written by the harness alone. Invariant: odd while it is being written, so that a reader takes all of it or none.
struct ControlFile::ClockSlot {
  std::atomic<uint32_t> version;
  std::atomic<int32_t> drift_permille;
  std::atomic<int64_t> jump_us;
  std::atomic<int64_t> since_us;
};

struct ControlFile::Page {
  std::array<Slot, kTrapsMax> slots;
  std::array<ClockSlot, kNodesMax + 1> clocks;  // by node
};

static_assert(std::atomic<uint32_t>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free);

absl::StatusOr<std::unique_ptr<ControlFile>> ControlFile::Map(const std::string& file, int flags) {
  const int fd = open(file.c_str(), flags, 0600);
  if (fd < 0) return Failed(file);
  // A new file is all zeros: every slot free.
  if ((flags & O_CREAT) != 0 && ftruncate(fd, sizeof(Page)) != 0) {
    const absl::Status status = Failed(file);
    close(fd);
    return status;
  }
  void* const mapped = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const absl::Status status = mapped == MAP_FAILED ? Failed(file) : absl::OkStatus();
  close(fd);
  if (!status.ok()) return status;
  return std::unique_ptr<ControlFile>(new ControlFile(static_cast<Page*>(mapped)));
}

absl::StatusOr<std::unique_ptr<ControlFile>> ControlFile::Create(const std::string& file) {
  return Map(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC);
}

absl::StatusOr<std::unique_ptr<ControlFile>> ControlFile::Open(const std::string& file) {
  return Map(file, O_RDWR | O_CLOEXEC);
}

ControlFile::~ControlFile() { munmap(page_, sizeof(Page)); }

absl::StatusOr<size_t> ControlFile::Arm(const Trap& trap) {
  for (size_t i = 0; i < kTrapsMax; ++i) {
    Slot& slot = page_->slots[i];
    if (slot.state.load() != kFree) continue;
    slot.probe = static_cast<uint32_t>(trap.probe);
    slot.node = trap.node.value_or(kAnyNode);
    slot.action = static_cast<uint32_t>(trap.action);
    slot.pause_us = trap.pause_us;
    slot.hits_left = static_cast<int32_t>(trap.nth);
    slot.struck_node = kAnyNode;
    slot.state = kArmed;
    return i;
  }
  return absl::ResourceExhaustedError(absl::StrCat(kTrapsMax, " probes are armed already"));
}

std::optional<uint32_t> ControlFile::Struck(size_t trap) const {
  SUT_CHECK(trap < kTrapsMax, "a trap that was armed");
  const Slot& slot = page_->slots[trap];
  if (slot.state.load() != kStruck) return std::nullopt;
  return slot.struck_node.load();
}

std::optional<uint32_t> ControlFile::Disarm(size_t trap) {
  SUT_CHECK(trap < kTrapsMax, "a trap that was armed");
  uint32_t armed = kArmed;
  // Whoever changes the state first decides whether it has struck.
  if (page_->slots[trap].state.compare_exchange_strong(armed, kFree)) return std::nullopt;
  const std::optional<uint32_t> struck = Struck(trap);
  page_->slots[trap].state = kFree;
  return struck;
}

absl::Status ControlFile::DisturbClock(uint32_t node, const ClockError& error) {
  if (node < 1 || node > kNodesMax) return absl::InvalidArgumentError("no such node");
  if (error.drift_permille <= -1000) return absl::InvalidArgumentError("a clock that stands still or runs backwards");
  ClockSlot& slot = page_->clocks[node];
  slot.version.fetch_add(1);
  slot.jump_us = error.jump_us;
  slot.drift_permille = error.drift_permille;
  slot.since_us = MonotonicUs();
  slot.version.fetch_add(1);
  return absl::OkStatus();
}

ControlFile::ClockReading ControlFile::ReadClock(uint32_t node) const {
  SUT_CHECK(node >= 1 && node <= kNodesMax, "a node of the cluster");
  const ClockSlot& slot = page_->clocks[node];
  // The harness writes three words at a time. If it died in between, its nodes are about to.
  for (int attempt = 0; attempt < kReadAttemptsMax; ++attempt) {
    const uint32_t version = slot.version.load();
    const int64_t jump_us = slot.jump_us.load();
    const int64_t since_us = slot.since_us.load();
    const int32_t drift_permille = slot.drift_permille.load();
    if (version % 2 != 0 || slot.version.load() != version) continue;
    return {jump_us + (MonotonicUs() - since_us) * drift_permille / 1000, drift_permille};
  }
  return {};
}

void ControlFile::OnHit(uint32_t node, sut::Probe probe) {
  for (Slot& slot : page_->slots) {
    if (slot.state.load(std::memory_order_acquire) != kArmed || slot.probe.load() != static_cast<uint32_t>(probe)) {
      continue;
    }
    const uint32_t wanted = slot.node.load();
    if (wanted != kAnyNode && wanted != node) continue;
    if (slot.hits_left.fetch_sub(1) != 1) continue;
    slot.struck_node = node;
    uint32_t armed = kArmed;
    const auto action = static_cast<TrapAction>(slot.action.load());
    const uint32_t pause_us = slot.pause_us.load();
    if (slot.state.compare_exchange_strong(armed, kStruck)) Strike(action, pause_us);
  }
}

}  // namespace holdfast::process
