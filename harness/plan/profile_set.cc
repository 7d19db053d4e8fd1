#include "harness/plan/profile_set.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::plan {
namespace {

bool LooksForTrouble(const Profile& profile) { return profile.name != "plain" && profile.name != "small"; }

absl::Status Unknown(const std::string& name) {
  return absl::InvalidArgumentError(
      absl::StrCat("--profile ", name, ": no such profile; known ones are: ", ProfileNamesText(), ", all"));
}

}  // namespace

ProfileSet::ProfileSet(Profile profile) : name_(profile.name) { Add(std::move(profile)); }

absl::StatusOr<ProfileSet> ProfileSet::Named(const std::string& names) {
  std::vector<Profile> profiles;
  if (names == "all") {
    for (const std::string_view name : ProfileNames()) {
      if (Profile profile = *ProfileNamed(name); LooksForTrouble(profile)) profiles.push_back(std::move(profile));
    }
  } else {
    for (const std::string& name : std::vector<std::string>(absl::StrSplit(names, ','))) {
      std::optional<Profile> profile = ProfileNamed(name);
      if (!profile) return Unknown(name);
      profiles.push_back(*std::move(profile));
    }
  }
  ProfileSet set(std::move(profiles.front()));
  for (size_t i = 1; i < profiles.size(); ++i) set.Add(std::move(profiles[i]));
  set.name_ = names;
  return set;
}

void ProfileSet::Add(Profile profile) {
  for (const std::string& floor : profile.floors) {
    if (std::find(floors_.begin(), floors_.end(), floor) == floors_.end()) floors_.push_back(floor);
  }
  every_probe_ = every_probe_ || profile.every_probe;
  changes_groups_ = changes_groups_ || profile.changes_groups;
  floor_plans_ += profile.floor_plans;
  profiles_.push_back(std::move(profile));
}

}  // namespace holdfast::plan
