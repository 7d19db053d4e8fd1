// What a campaign draws its plans from: one profile, or several that take turns, since a bug that hides from one is
// often plain to another.

#ifndef HARNESS_PLAN_PROFILE_SET_H_
#define HARNESS_PLAN_PROFILE_SET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/plan/profile.h"

namespace holdfast::plan {

class ProfileSet {
 public:
  ProfileSet() : ProfileSet(DefaultProfile()) {}
  ProfileSet(Profile profile);  // NOLINT: one profile is a set of one

  // "disk"; "default,disk"; or "all", every profile that looks for trouble. InvalidArgument: a name that is unknown.
  static absl::StatusOr<ProfileSet> Named(const std::string& names);

  const std::string& name() const { return name_; }  // as asked for
  bool is_default() const { return name_ == "default"; }
  // The profile of a campaign's plan with this number.
  const Profile& Of(uint64_t number) const { return profiles_[number % profiles_.size()]; }

  // What the campaign must reach once it has run `floor_plans` plans: as much as each of its profiles asks for.
  const std::vector<std::string>& floors() const { return floors_; }
  bool every_probe() const { return every_probe_; }
  uint64_t floor_plans() const { return floor_plans_; }
  bool changes_groups() const { return changes_groups_; }  // see Profile

 private:
  void Add(Profile profile);

  std::string name_;
  std::vector<Profile> profiles_;  // Invariant: not empty
  std::vector<std::string> floors_;
  bool every_probe_ = false;
  bool changes_groups_ = false;
  uint64_t floor_plans_ = 0;
};

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_PROFILE_SET_H_
