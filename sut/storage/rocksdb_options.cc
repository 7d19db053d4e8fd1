#include "sut/storage/rocksdb_options.h"

#include <cstdarg>
#include <memory>

#include "rocksdb/env.h"
#include "rocksdb/table.h"

namespace sut {
namespace {

// Without one, RocksDB writes a LOG file beside the data, also into directories that it opens read-only.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options CommonOptions(const StorageSeam& seam) {
  rocksdb::Options options;
  options.env = seam.env;  // OpenStore puts its own around it
  options.info_log = std::make_shared<SilentLogger>();
  options.create_if_missing = true;

  // Nothing by itself.
  options.disable_auto_compactions = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_file_opening_threads = 1;
  options.max_background_jobs = 2;
  options.write_buffer_size = size_t{1} << 30;
  // A failed flush leaves its buffer behind. A second one must not stop writers for ever: they are to get an error.
  options.max_write_buffer_number = 16;
  // Otherwise RocksDB starts threads of its own that try to resume. A store that has failed is closed.
  options.max_bgerror_resume_count = 0;
  // What was not flushed before a stop is replayed from the Raft log, as after a crash: one path, always taken.
  options.avoid_flush_during_shutdown = true;

  // Two levels, one file in the lower.
  options.num_levels = kBottomLevel + 1;
  options.target_file_size_base = uint64_t{1} << 40;
  options.compression = rocksdb::kNoCompression;

  // Cheap to open, and the same on every machine.
  options.fail_if_options_file_error = false;  // a file system may refuse OPTIONS files: nothing reads them back
  options.db_host_id = "";
  options.allow_fallocate = false;
  options.arena_block_size = 16 << 10;
  options.writable_file_max_buffer_size = 8 << 10;
  options.manifest_preallocation_size = 64 << 10;
  options.max_open_files = 64;
  options.table_cache_numshardbits = 0;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  options.verify_sst_unique_id_in_manifest = false;  // reads every table's properties twice; snapshots have checksums
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  table.enable_index_compression = false;
  table.checksum = kTableChecksum;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

rocksdb::Options TabletStoreOptions(const StorageSeam& seam) { return CommonOptions(seam); }

rocksdb::Options LogStoreOptions(const StorageSeam& seam) {
  rocksdb::Options options = CommonOptions(seam);
  // A torn tail is the trace of a crash before its sync; recovery ends in front of it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // What is recovered must be durable when Open returns, since the caller builds on it: after the death of a process
  // the log's tail may be in the page cache alone, and RocksDB never syncs a recovered log. Flushing it does.
  options.avoid_flush_during_recovery = false;
  return options;
}

rocksdb::EnvOptions PlainFileOptions() {
  rocksdb::EnvOptions options;
  options.use_mmap_writes = false;
  options.allow_fallocate = false;
  return options;
}

}  // namespace sut
