#include "harness/sim/sim_env.h"

#include <sys/sysinfo.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "sut/base/check.h"
#include "sut/base/prng.h"

// The simulated machines have one core. RocksDB sizes memory arenas by the number of cores, so the real number would
// make what a store counts as used memory differ between machines; and it asks the kernel again some ten times for each
// store that is opened, which is a fifth of the time that opening takes. This definition takes the place of the C
// library's for std::thread::hardware_concurrency in every binary that links the simulator;
// sysconf(_SC_NPROCESSORS_ONLN) still tells the real number.
extern "C" int get_nprocs() noexcept { return 1; }

namespace holdfast::sim {
namespace {

using rocksdb::Status;

constexpr int64_t kMicrosecondsPerSecond = 1'000'000;
// Far more than one event of the loop can queue; more means that a job queues itself for ever.
constexpr int kJobsPerDrainMax = 100'000;

// The harness's time, plus what was "slept": RocksDB waits in loops for its clock to pass a moment.
class SimClock final : public rocksdb::SystemClock {
 public:
  explicit SimClock(std::function<uint64_t()> now_us) : now_us_(std::move(now_us)) {}

  const char* Name() const override { return "SimClock"; }
  uint64_t NowMicros() override { return now_us_() + slept_us_; }
  void SleepForMicroseconds(int micros) override { slept_us_ += static_cast<uint64_t>(std::max(micros, 0)); }
  Status GetCurrentTime(int64_t* unix_time_s) override {
    *unix_time_s = static_cast<int64_t>(NowMicros()) / kMicrosecondsPerSecond;
    return Status::OK();
  }
  std::string TimeToString(uint64_t time_s) override { return std::to_string(time_s) + "s"; }

 private:
  const std::function<uint64_t()> now_us_;
  uint64_t slept_us_ = 0;
};

}  // namespace

SimEnv::SimEnv(Config config)
    : EnvWrapper(rocksdb::NewCompositeEnv(config.file_system)), host_name_(std::move(config.host_name)) {
  // Stores take these two from the Env and use them directly, not through the Env's own methods.
  file_system_ = std::move(config.file_system);
  system_clock_ = std::make_shared<SimClock>(std::move(config.now_us));
}

SimEnv::~SimEnv() { SUT_CHECK(jobs_.empty(), "background jobs of a store that is still open"); }

void SimEnv::Drain() {
  for (int ran = 0; !jobs_.empty(); ++ran) {
    SUT_CHECK(ran < kJobsPerDrainMax, "background jobs do not come to an end");
    const Job job = jobs_.front();
    jobs_.pop_front();
    job.function(job.argument);
  }
}

void SimEnv::Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                      void (*unschedule)(void*)) {
  jobs_.push_back({function, argument, priority, tag, unschedule});
}

int SimEnv::UnSchedule(void* tag, Priority priority) {
  std::deque<Job> kept;
  std::deque<Job> removed;
  for (const Job& job : jobs_) (job.tag == tag && job.priority == priority ? removed : kept).push_back(job);
  jobs_ = std::move(kept);
  for (const Job& job : removed) {
    if (job.unschedule != nullptr) job.unschedule(job.argument);
  }
  return static_cast<int>(removed.size());
}

void SimEnv::StartThread(void (*function)(void*), void* argument) {
  Schedule(function, argument, USER, nullptr, nullptr);
}

unsigned int SimEnv::GetThreadPoolQueueLen(Priority priority) const {
  return static_cast<unsigned int>(
      std::ranges::count_if(jobs_, [&](const Job& job) { return job.priority == priority; }));
}

uint64_t SimEnv::NowMicros() { return system_clock_->NowMicros(); }
uint64_t SimEnv::NowNanos() { return system_clock_->NowNanos(); }
void SimEnv::SleepForMicroseconds(int micros) { system_clock_->SleepForMicroseconds(micros); }
Status SimEnv::GetCurrentTime(int64_t* unix_time_s) { return system_clock_->GetCurrentTime(unix_time_s); }
std::string SimEnv::TimeToString(uint64_t time_s) { return system_clock_->TimeToString(time_s); }

Status SimEnv::NewLogger(const std::string& path, std::shared_ptr<rocksdb::Logger>* result) {
  return file_system_->NewLogger(path, rocksdb::IOOptions(), result, nullptr);
}

Status SimEnv::GetHostName(char* name, uint64_t length) {
  std::snprintf(name, length, "%s", host_name_.c_str());
  return Status::OK();
}

std::string SimEnv::GenerateUniqueId() { return host_name_ + "-" + std::to_string(++unique_ids_); }

}  // namespace holdfast::sim

// RocksDB names each opening of a store at random, and writes that name into its MANIFEST and its tables. Bytes at
// random on a disk that is being damaged make runs differ: a misdirected write hits other bytes, and one in 256 reads
// otherwise. The library asks its Env for nothing there, so this definition stands in front of the library's own: the
// name is made of an id of the Env, which is no more random than the Env is.
namespace rocksdb {

class DBImpl {
 public:
  static std::string GenerateDbSessionId(Env* env);
};

std::string DBImpl::GenerateDbSessionId(Env* env) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr size_t kUpperDigits = 8;  // and 12 of a number below 2^62 (db/unique_id.cc, EncodeSessionId)
  const std::string id = env->GenerateUniqueId();
  std::string name;
  uint64_t upper = sut::MixString(id);
  for (; name.size() < kUpperDigits; upper /= kDigits.size()) name += kDigits[upper % kDigits.size()];
  name += '0';
  uint64_t lower = sut::MixString(id, 1);
  for (; name.size() < kUpperDigits + 12; lower /= kDigits.size()) name += kDigits[lower % kDigits.size()];
  return name;
}

}  // namespace rocksdb
