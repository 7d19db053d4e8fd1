// A binary heap of (time, sequence, slot) over a pool of slots.

#include "harness/sim/event_queue.h"

#include <algorithm>
#include <utility>

#include "sut/base/check.h"
#include "sut/base/prng.h"

namespace holdfast::sim {

void EventQueue::Schedule(int64_t time_us, Owner owner, Callback callback) {
  SUT_CHECK(heap_.size() < kEventsMax, "the event queue runs away");
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.push_back({std::move(callback), owner});
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot].callback = std::move(callback);
    slots_[slot].owner = owner;
  }
  heap_.push_back({std::max(time_us, now_us_), next_sequence_++, slot});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

void EventQueue::SetAlive(Owner owner) {
  SUT_CHECK(owner.node != kNobody && owner.incarnation != kAnyIncarnation, "a live node has both numbers");
  if (alive_.size() <= owner.node) alive_.resize(owner.node + 1, 0);
  alive_[owner.node] = owner.incarnation;
}

void EventQueue::SetDead(uint32_t node) {
  if (node < alive_.size()) alive_[node] = 0;
  const auto held = held_.extract(node);
  if (held.empty()) return;
  // What its process had not read yet is lost with it; the rest waits for Drop, since the node's code may be running.
  for (Slot& slot : held.mapped().slots) {
    if (slot.owner.incarnation != kAnyIncarnation) Schedule(now_us_, slot.owner, std::move(slot.callback));
  }
}

void EventQueue::Pause(uint32_t node, uint64_t salt) { held_.try_emplace(node, Held{.salt = salt, .slots = {}}); }

void EventQueue::Resume(uint32_t node) {
  const auto held = held_.extract(node);
  if (held.empty()) return;
  std::vector<Slot>& slots = held.mapped().slots;
  const auto rank = [salt = held.mapped().salt](const Slot& slot) { return sut::Mix({salt, slot.owner.stream}); };
  std::stable_sort(slots.begin(), slots.end(), [&](const Slot& a, const Slot& b) { return rank(a) < rank(b); });
  for (Slot& slot : slots) Schedule(now_us_, slot.owner, std::move(slot.callback));
}

void EventQueue::Drop(Owner owner) {
  // The heap entries stay, and find an empty callback when they are due: a heap can't lose its middle cheaply.
  for (Slot& slot : slots_) {
    if (slot.owner == owner) slot.callback = nullptr;
  }
  const auto held = held_.find(owner.node);
  if (held != held_.end()) std::erase_if(held->second.slots, [owner](const Slot& slot) { return slot.owner == owner; });
}

std::optional<EventQueue::Owner> EventQueue::RunNext(int64_t time_max_us) {
  SUT_CHECK(running_ == Owner{}, "events do not run inside one another");
  while (!heap_.empty() && heap_.front().time_us <= time_max_us) {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const HeapEntry entry = heap_.back();
    heap_.pop_back();
    const Owner owner = slots_[entry.slot].owner;
    Callback callback = std::move(slots_[entry.slot].callback);
    slots_[entry.slot] = Slot{};
    free_slots_.push_back(entry.slot);
    if (callback == nullptr || !IsAlive(owner)) {
      ++events_dropped_;
      continue;
    }
    if (const auto held = held_.find(owner.node); held != held_.end()) {
      held->second.slots.push_back({std::move(callback), owner});
      continue;
    }
    now_us_ = entry.time_us;
    ++events_run_;
    digest_ = sut::MixBits(digest_ ^ sut::MixBits(static_cast<uint64_t>(now_us_)) ^ owner.node);
    running_ = owner;
    callback();
    callback = nullptr;
    running_ = Owner{};
    return owner;
  }
  now_us_ = std::max(now_us_, time_max_us);
  return std::nullopt;
}

bool EventQueue::IsAlive(Owner owner) const {
  if (owner.node == kNobody) return true;
  if (owner.node >= alive_.size() || alive_[owner.node] == 0) return false;
  return owner.incarnation == kAnyIncarnation || owner.incarnation == alive_[owner.node];
}

}  // namespace holdfast::sim
