#include "harness/run/time_profile.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include <atomic>

namespace holdfast::run {
namespace {

constexpr int kIntervalUs = 1'000;
// How far up the stack the nearest caller is looked for.
constexpr int kStackWordsMax = 512;
constexpr int kFramesMax = 128;

struct TextRange {
  uintptr_t begin = 0;
  uintptr_t end = 0;
  bool contains(uintptr_t address) const { return address >= begin && address < end; }
};

struct Texts {
  TextRange program;
  TextRange rocksdb;
};

// A signal handler has no other way to what it needs.
Texts texts;
const uintptr_t* stack_end = nullptr;
std::atomic<uint64_t> rocksdb_count{0};
std::atomic<uint64_t> total_count{0};

int AddModule(dl_phdr_info* module, size_t, void* found) {
  auto* out = static_cast<Texts*>(found);
  const char* name = module->dlpi_name;
  const bool is_program = name[0] == '\0' && out->program.end == 0;
  const bool is_rocksdb = strstr(name, "librocksdb") != nullptr;
  if (!is_program && !is_rocksdb) return 0;
  TextRange& range = is_program ? out->program : out->rocksdb;
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const auto& header = module->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    range = {module->dlpi_addr + header.p_vaddr, module->dlpi_addr + header.p_vaddr + header.p_memsz};
  }
  return 0;
}

// Whether this program's code was called by RocksDB (its disk, for instance): this program keeps frame pointers, so its
// frames can be walked down to the first that is not its own.
__attribute__((no_sanitize("address"))) bool CalledByRocksdb(uintptr_t frame, uintptr_t stack) {
  for (int i = 0; i < kFramesMax; ++i) {
    const auto* words = reinterpret_cast<const uintptr_t*>(frame);
    if (frame < stack || frame % sizeof(uintptr_t) != 0 || words + 1 >= stack_end) return false;
    if (texts.rocksdb.contains(words[1])) return true;
    if (!texts.program.contains(words[1]) || words[0] <= frame) return false;
    frame = words[0];
  }
  return false;
}

// Reads words of the stack that are nobody's variables, which a sanitizer must not mind.
__attribute__((no_sanitize("address"))) void OnSample(int, siginfo_t*, void* context) {
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  const auto instruction = static_cast<uintptr_t>(registers.gregs[REG_RIP]);
  const auto stack = static_cast<uintptr_t>(registers.gregs[REG_RSP]);
  const auto frame = static_cast<uintptr_t>(registers.gregs[REG_RBP]);
#elif defined(__aarch64__)
  const auto instruction = static_cast<uintptr_t>(registers.pc);
  const auto stack = static_cast<uintptr_t>(registers.sp);
  const auto frame = static_cast<uintptr_t>(registers.regs[29]);
#endif
  uintptr_t address = instruction;
  const auto* words = reinterpret_cast<const uintptr_t*>(stack);
  for (int i = 0; i < kStackWordsMax && words + i < stack_end; ++i) {
    if (texts.program.contains(address) || texts.rocksdb.contains(address)) break;
    address = words[i];
  }
  total_count.fetch_add(1, std::memory_order_relaxed);
  const bool inside = texts.rocksdb.contains(address) || CalledByRocksdb(frame, stack);
  if (inside) rocksdb_count.fetch_add(1, std::memory_order_relaxed);
}

// Where the calling thread's stack ends; null if that can't be said.
const uintptr_t* FindStackEnd() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return nullptr;
  void* begin = nullptr;
  size_t bytes = 0;
  pthread_attr_getstack(&attributes, &begin, &bytes);
  pthread_attr_destroy(&attributes);
  return reinterpret_cast<const uintptr_t*>(static_cast<char*>(begin) + bytes);
}

}  // namespace

bool TimeProfile::Start() {
  texts = {};
  dl_iterate_phdr(AddModule, &texts);
  stack_end = FindStackEnd();
  if (texts.rocksdb.end == 0 || texts.program.end == 0) return false;
  rocksdb_count = total_count = 0;
  struct sigaction action = {};
  action.sa_sigaction = OnSample;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGPROF, &action, nullptr);
  const itimerval interval{{0, kIntervalUs}, {0, kIntervalUs}};
  running_ = setitimer(ITIMER_PROF, &interval, nullptr) == 0;
  return running_;
}

void TimeProfile::Stop() {
  if (!running_) return;
  const itimerval none{};
  setitimer(ITIMER_PROF, &none, nullptr);
  signal(SIGPROF, SIG_IGN);
  running_ = false;
  rocksdb_samples_ = rocksdb_count;
  samples_ = total_count;
}

}  // namespace holdfast::run
