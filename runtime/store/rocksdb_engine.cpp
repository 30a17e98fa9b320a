#include "runtime/store/encryption.hpp"
#include "runtime/store/engine.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <spdlog/spdlog.h>

#include <charconv>
#include <cstdlib>

namespace thespis::runtime {

namespace {

// Keys: "o" resource NUL namespace NUL name -> the object's bytes; "m/revision" -> decimal.
constexpr char object_prefix = 'o';
const std::string revision_key = "m/revision";

/// Objects rewritten by one synced write.
constexpr size_t rewrite_batch = 256;

/// The resource in an object's key.
std::string_view resource_of(std::string_view key) {
  return key.substr(1, key.find('\0') - 1);
}

std::string key_of(const std::string& resource, const std::string& ns, const std::string& name) {
  std::string res;
  res.reserve(resource.size() + ns.size() + name.size() + 3);
  res += object_prefix;
  res += resource;
  res += '\0';
  res += ns;
  res += '\0';
  res += name;
  return res;
}

rocksdb::Options make_options() {
  rocksdb::Options res;
  res.create_if_missing = true;
  // A torn tail of the log was never acknowledged; anything before it was.
  res.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  res.track_and_verify_wals_in_manifest = true;
  res.paranoid_checks = true;
  // The cluster's state is small and read from memory: keep the engine small, too.
  res.write_buffer_size = 4 << 20;
  res.max_write_buffer_number = 3;
  res.max_total_wal_size = 64 << 20;
  res.max_background_jobs = 2;
  res.keep_log_file_num = 2;
  res.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(4 << 20);
  res.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return res;
}

class rocksdb_engine final : public engine {
public:
  rocksdb_engine(rocksdb::DB* db, std::shared_ptr<const encryption> sealing)
      : db_(db), sealing_(std::move(sealing)) {}

  /// Whether every value can be read; those that lie in another form than they should are
  /// rewritten. A crash in between leaves both forms, which both can be read.
  api::result<void> unify() {
    const encryption none;
    const auto& sealing = sealing_ ? *sealing_ : none;
    size_t rewritten = 0;
    rocksdb::WriteBatch batch;
    const std::unique_ptr<rocksdb::Iterator> it{db_->NewIterator({})};
    for (it->Seek({&object_prefix, 1}); it->Valid() && it->key()[0] == object_prefix; it->Next()) {
      const std::string_view key{it->key().data(), it->key().size()};
      const std::string_view stored{it->value().data(), it->value().size()};
      if (sealing.is_current(resource_of(key), stored) && !encryption::is_sealed(stored))
        continue;
      auto plain = sealing.open(resource_of(key), key, std::string{stored});
      if (!plain)
        return api::fail(
            api::internal_error(shown(key) + " cannot be read: " + plain.error().message));
      if (sealing.is_current(resource_of(key), stored))
        continue;
      batch.Put(it->key(), sealing.seal(resource_of(key), key, *plain));
      if (++rewritten % rewrite_batch == 0 && !write(batch))
        return api::fail(api::internal_error("cannot rewrite encrypted objects"));
    }
    if (rewritten == 0)
      return {};
    if (!write(batch) || !purge())
      return api::fail(api::internal_error("cannot rewrite encrypted objects"));
    spdlog::info("store: {} objects rewritten as the encryption configuration has them", rewritten);
    return {};
  }

  void commit(const std::vector<stored_change>& changes, uint64_t revision) override {
    rocksdb::WriteBatch batch;
    for (const auto& change : changes) {
      const auto key = key_of(change.resource, change.ns, change.name);
      if (change.object)
        batch.Put(key, sealing_ ? sealing_->seal(change.resource, key, change.object->bytes())
                                : change.object->bytes());
      else
        batch.Delete(key);
    }
    batch.Put(revision_key, std::to_string(revision));
    rocksdb::WriteOptions options;
    options.sync = true;
    const auto status = db_->Write(options, &batch);
    if (!status.ok()) {
      spdlog::critical("store: cannot commit revision {}: {}", revision, status.ToString());
      std::abort();
    }
  }

  uint64_t load(const std::function<void(api::object_ptr)>& visit) override {
    uint64_t revision = 1;
    std::string digits;
    if (db_->Get({}, revision_key, &digits).ok())
      std::from_chars(digits.data(), digits.data() + digits.size(), revision);
    const std::unique_ptr<rocksdb::Iterator> it{db_->NewIterator({})};
    for (it->Seek({&object_prefix, 1}); it->Valid() && it->key()[0] == object_prefix; it->Next()) {
      const auto key = it->key().ToString();
      auto bytes = it->value().ToString();
      if (sealing_ && encryption::is_sealed(bytes)) {
        auto plain = sealing_->open(resource_of(key), key, std::move(bytes));
        if (!plain) {
          spdlog::critical("store: {}: {}", shown(key), plain.error().message);
          std::abort();
        }
        bytes = std::move(*plain);
      }
      auto object = api::load_object(resource_of(key), std::move(bytes));
      if (!object) {
        spdlog::critical("store: damaged object at {}: {}", key, object.error().message);
        std::abort();
      }
      visit(std::move(*object));
    }
    if (!it->status().ok()) {
      spdlog::critical("store: cannot read: {}", it->status().ToString());
      std::abort();
    }
    return revision;
  }

private:
  /// "secrets default/a", for people.
  static std::string shown(std::string_view key) {
    std::string text{key.substr(1)};
    std::replace(text.begin(), text.end(), '\0', '/');
    return text;
  }

  bool write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions options;
    options.sync = true;
    const bool ok = db_->Write(options, &batch).ok();
    batch.Clear();
    return ok;
  }

  /// Old values stay in log and tables until they are merged away.
  bool purge() {
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    return db_->Flush({}).ok() && db_->CompactRange(options, nullptr, nullptr).ok();
  }

  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<const encryption> sealing_;
};

class memory_engine final : public engine {
public:
  void commit(const std::vector<stored_change>&, uint64_t) override {}
  uint64_t load(const std::function<void(api::object_ptr)>&) override { return 1; }
};

} // namespace

api::result<std::unique_ptr<engine>>
open_rocksdb_engine(const std::string& directory, std::shared_ptr<const encryption> sealing) {
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(make_options(), directory, &db);
  if (!status.ok())
    return api::fail(
        api::internal_error("cannot open the store in " + directory + ": " + status.ToString()));
  auto made = std::make_unique<rocksdb_engine>(db, std::move(sealing));
  if (auto ok = made->unify(); !ok)
    return api::fail(api::internal_error("the store in " + directory + ": " + ok.error().message));
  return made;
}

std::unique_ptr<engine> make_memory_engine() {
  return std::make_unique<memory_engine>();
}

} // namespace thespis::runtime
