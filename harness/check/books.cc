#include "harness/check/books.h"

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

std::string RequestKey(uint32_t client, uint64_t sequence) {
  return absl::StrCat("request ", sequence, " of client ", client);
}

}  // namespace

void Books::SetLowerBound(uint32_t client, uint64_t first_incomplete) {
  if (first_incomplete > 0) Set(absl::StrCat("lower bound of client ", client), absl::StrCat(first_incomplete));
}

void Books::Remember(uint32_t client, uint64_t sequence) { Set(RequestKey(client, sequence), "remembered"); }

void Books::Forget(uint32_t client, uint64_t sequence) {
  const auto fact = facts_.find(RequestKey(client, sequence));
  if (fact == facts_.end()) return;
  fingerprint_.Remove(fact->first, fact->second);
  facts_.erase(fact);
}

void Books::Fence(uint32_t client) { Set(absl::StrCat("session of client ", client), "closed"); }

void Books::MarkSnapshot(uint32_t snapshot, bool is_there) {
  Set(absl::StrCat("snapshot ", snapshot), is_there ? "made" : "removed");
}

void Books::MarkRestoration(uint32_t restoration) { Set(absl::StrCat("restoration ", restoration), "restored"); }

void Books::Close() { Set("tablet", "closed"); }

void Books::Set(const std::string& key, const std::string& value) {
  const auto [fact, inserted] = facts_.try_emplace(key, value);
  if (!inserted) {
    if (fact->second == value) return;
    fingerprint_.Remove(key, fact->second);
    fact->second = value;
  }
  fingerprint_.Add(key, value);
}

}  // namespace holdfast::check
