// One run of a plan as a finding repeats it: with its crash point armed, and twice if two runs are what it is about.
//
// RunTrial runs in this process and so must be called in a child only: a failed check or a hang of the cluster under
// test is a result of the plan, not an end of the harness. isolated.h and worker_pool.h bring the child.

#ifndef HARNESS_RUN_TRIAL_H_
#define HARNESS_RUN_TRIAL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/run/trial.pb.h"

namespace holdfast::run {

// Where trials in processes find what they need.
struct ProcessPlaces {
  std::string server_binary;  // holdfast-sut-server
  std::string work_dir;       // clusters make their directories in it; empty: the system's for temporary files
  bool keep_directories = false;
};

// What changes nothing in the verdict.
struct TrialOptions {
  bool keep_history = false;
  bool keep_timeline = false;
  // Sample how much of the time RocksDB takes.
  bool profile_time = false;
  // For the test of the self-check alone: lets something into the nodes' clocks that is no function of the plan.
  std::function<int64_t()> clock_skew_us = nullptr;
  // For trials in processes.
  ProcessPlaces processes = {};
};

// REQUIRES: the plan validates; crash points, runs twice and profiles are of simulations only.
TrialReport RunTrial(const Trial& trial, const TrialOptions& options);

// Whether both runs came to the same verdict in the same way. What differs is added to `differences`, if given.
bool SameRun(const Result& a, const Result& b, std::vector<std::string>* differences);

// Whether this verdict makes a finding.
bool IsFailure(const Result& result);
// Whether both failed for the same reason, as far as that shows: by verdict, and by checker and invariant of what was
// found first. Keeps minimising from slipping from one bug to another.
bool SameFailure(const Result& a, const Result& b);

// "power loss of node 2 at its 17th file-system mutation"
// No crash, but an operation of the disk that fails.
bool IsFailedOperation(const CrashPoint& point);
std::string CrashPointText(const CrashPoint& point);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_TRIAL_H_
