#include "harness/sim/sim_directory_tree.h"

#include <algorithm>
#include <set>
#include <utility>

#include "sut/base/check.h"
#include "sut/base/prng.h"

namespace holdfast::sim {
namespace {

using rocksdb::IOStatus;

// RocksDB takes a bad record at the end of a MANIFEST for the corruption of the store, not for a torn tail
// (tried, 7.8.3), and relies on the file system for more than it promises: its MANIFESTs are ordered files, or every
// garbled tail of one would be a finding against RocksDB. Its write-ahead logs are written for any tail.
constexpr std::string_view kManifestPrefix = "MANIFEST-";

enum ChangeKind : uint64_t { kCreate, kMakeDirectory, kLink, kRename, kUnlink, kRemoveDirectory };

IOStatus NoSuchPath(std::string_view path) { return IOStatus::PathNotFound(rocksdb::Slice(path.data(), path.size())); }

IOStatus Refuse(std::string_view path, const char* why) {
  return IOStatus::IOError(rocksdb::Slice(path.data(), path.size()), why);
}

// Cuts the first component off `path`; empty at the end of the path.
std::string_view NextComponent(std::string_view& path) {
  const size_t begin = std::min(path.find_first_not_of('/'), path.size());
  const size_t end = std::min(path.find('/', begin), path.size());
  const std::string_view component = path.substr(begin, end - begin);
  path.remove_prefix(end);
  return component;
}

bool IsBelow(std::string_view path, std::string_view ancestor) {
  while (true) {
    const std::string_view expected = NextComponent(ancestor);
    if (expected.empty()) return true;
    if (NextComponent(path) != expected) return false;
  }
}

const DirectoryPtr* AsDirectory(const Node* node) {
  return node == nullptr ? nullptr : std::get_if<DirectoryPtr>(node);
}
const FilePtr* AsFile(const Node* node) { return node == nullptr ? nullptr : std::get_if<FilePtr>(node); }

bool IsAddition(const Node& node) { return !std::holds_alternative<std::monostate>(node); }

void AddLinks(const Node& node, int64_t links) {
  if (const FilePtr* file = AsFile(&node)) (*file)->set_link_count((*file)->link_count() + links);
}

void Walk(const Entries& entries, const std::string& prefix,
          const std::function<void(const std::string& path, const Node& node)>& visit) {
  for (const auto& [name, node] : entries) {
    const std::string path = prefix + "/" + name;
    visit(path, node);
    if (const DirectoryPtr* directory = AsDirectory(&node)) Walk((*directory)->written, path, visit);
  }
}

}  // namespace

SimDirectoryTree::SimDirectoryTree() : root_(std::make_shared<SimDirectory>(SimDirectory{1, {}, {}})) {}

SimDirectoryTree::~SimDirectoryTree() = default;

SimDirectoryTree::Location SimDirectoryTree::Locate(std::string_view path) const {
  // Nearly every path that RocksDB names is a file in a directory that was named just before.
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash + 1 == path.size()) return WalkTo(path);
  const std::string_view parent = path.substr(0, slash);
  // Debian's absl::string_view is a type of its own.
  const auto known = parents_.find(absl::string_view(parent.data(), parent.size()));
  if (known == parents_.end()) {
    const Location at = WalkTo(path);
    if (at.directory != nullptr && !at.name.empty()) parents_.emplace(parent, at.directory);
    return at;
  }
  const Entries& entries = (*known->second)->written;
  const std::string_view name = path.substr(slash + 1);
  const auto found = entries.find(name);
  return {known->second, name, found == entries.end() ? nullptr : &found->second};
}

SimDirectoryTree::Location SimDirectoryTree::WalkTo(std::string_view path) const {
  Location at{&root_, {}, nullptr};
  std::string_view name = NextComponent(path);
  while (!name.empty()) {
    const Entries& entries = (*at.directory)->written;
    const auto found = entries.find(name);
    at.name = name;
    at.node = found == entries.end() ? nullptr : &found->second;
    name = NextComponent(path);
    if (name.empty()) break;
    const DirectoryPtr* next = AsDirectory(at.node);
    if (next == nullptr) return {};
    at.directory = next;
  }
  return at;
}

Node SimDirectoryTree::Find(std::string_view path) const {
  const Location at = Locate(path);
  if (at.directory != nullptr && at.name.empty()) return root_;
  return at.node == nullptr ? Node() : *at.node;
}

FilePtr SimDirectoryTree::FindFile(std::string_view path) const {
  const Location at = Locate(path);
  const FilePtr* file = AsFile(at.node);
  return file == nullptr ? nullptr : *file;
}

DirectoryPtr SimDirectoryTree::FindDirectory(std::string_view path) const {
  const Location at = Locate(path);
  if (at.directory != nullptr && at.name.empty()) return root_;
  const DirectoryPtr* directory = AsDirectory(at.node);
  return directory == nullptr ? nullptr : *directory;
}

IOStatus SimDirectoryTree::PrepareCreate(std::string_view path, Change* change) {
  const Location at = Locate(path);
  if (at.directory == nullptr) return NoSuchPath(path);
  if (at.name.empty() || at.node != nullptr) return Refuse(path, "exists");
  const uint64_t identity = sut::MixString(path);
  auto file = std::make_shared<SimFile>(
      SimFile::Id{.inode = next_inode_++, .identity = identity, .ordered = at.name.starts_with(kManifestPrefix)});
  change->entries = {{*at.directory, std::string(at.name), std::move(file)}};
  change->identity = sut::Mix({kCreate, identity});
  return IOStatus::OK();
}

IOStatus SimDirectoryTree::PrepareMakeDirectory(std::string_view path, Change* change) {
  const Location at = Locate(path);
  if (at.directory == nullptr) return NoSuchPath(path);
  if (at.name.empty() || at.node != nullptr) return Refuse(path, "exists");
  auto directory = std::make_shared<SimDirectory>(SimDirectory{next_inode_++, {}, {}});
  change->made = directory;
  change->entries = {{*at.directory, std::string(at.name), std::move(directory)}};
  change->identity = sut::Mix({kMakeDirectory, sut::MixString(path)});
  return IOStatus::OK();
}

IOStatus SimDirectoryTree::PrepareLink(SourceAndTarget paths, Change* change) const {
  const Location source = Locate(paths.source);
  const Location target = Locate(paths.target);
  if (source.node == nullptr) return NoSuchPath(paths.source);
  if (AsFile(source.node) == nullptr) return Refuse(paths.source, "hard link to a directory");
  if (target.directory == nullptr) return NoSuchPath(paths.target);
  if (target.name.empty() || target.node != nullptr) return Refuse(paths.target, "exists");
  change->entries = {{*target.directory, std::string(target.name), *source.node}};
  change->identity = sut::Mix({kLink, sut::MixString(paths.source), sut::MixString(paths.target)});
  return IOStatus::OK();
}

IOStatus SimDirectoryTree::PrepareRename(SourceAndTarget paths, Change* change) const {
  const Location source = Locate(paths.source);
  const Location target = Locate(paths.target);
  if (source.node == nullptr) return NoSuchPath(paths.source);
  if (target.directory == nullptr) return NoSuchPath(paths.target);
  if (target.name.empty()) return Refuse(paths.target, "is the root");
  if (target.node != nullptr && *source.node == *target.node) return IOStatus::OK();  // Two names of one inode.
  const DirectoryPtr* replaced = AsDirectory(target.node);
  if (AsDirectory(source.node) != nullptr) {
    if (IsBelow(paths.target, paths.source)) return Refuse(paths.target, "lies below the renamed directory");
    if (AsFile(target.node) != nullptr) return Refuse(paths.target, "is a file");
    if (replaced != nullptr && !(*replaced)->written.empty()) return Refuse(paths.target, "directory not empty");
  } else if (replaced != nullptr) {
    return Refuse(paths.target, "is a directory");
  }
  change->entries = {{*source.directory, std::string(source.name), Node()},
                     {*target.directory, std::string(target.name), *source.node}};
  if (replaced != nullptr) change->emptied = *replaced;
  change->entered = *target.directory;
  change->moves_directory_across = AsDirectory(source.node) != nullptr && *source.directory != *target.directory;
  change->identity = sut::Mix({kRename, sut::MixString(paths.source), sut::MixString(paths.target)});
  return IOStatus::OK();
}

IOStatus SimDirectoryTree::PrepareUnlink(std::string_view path, Change* change) const {
  const Location at = Locate(path);
  if (at.node == nullptr) return NoSuchPath(path);
  if (AsFile(at.node) == nullptr) return Refuse(path, "is a directory");
  change->entries = {{*at.directory, std::string(at.name), Node()}};
  change->identity = sut::Mix({kUnlink, sut::MixString(path)});
  return IOStatus::OK();
}

IOStatus SimDirectoryTree::PrepareRemoveDirectory(std::string_view path, Change* change) const {
  const Location at = Locate(path);
  const DirectoryPtr* directory = AsDirectory(at.node);
  if (at.node == nullptr) return NoSuchPath(path);
  if (directory == nullptr) return Refuse(path, "is a file");
  if (!(*directory)->written.empty()) return Refuse(path, "directory not empty");
  change->entries = {{*at.directory, std::string(at.name), Node()}};
  change->emptied = *directory;
  change->identity = sut::Mix({kRemoveDirectory, sut::MixString(path)});
  return IOStatus::OK();
}

void SimDirectoryTree::Commit(Change change) {
  for (const Change::EntryChange& entry : change.entries) {
    const auto old = entry.directory->written.find(entry.name);
    if (old != entry.directory->written.end()) AddLinks(old->second, -1);
    const Node* const before = old == entry.directory->written.end() ? nullptr : &old->second;
    if (AsDirectory(&entry.node) != nullptr || AsDirectory(before) != nullptr) parents_.clear();
    AddLinks(entry.node, +1);
    SetEntry(entry.directory->written, entry.name, entry.node);
  }
  journal_.push_back(std::move(change));
}

void SimDirectoryTree::SetEntry(Entries& entries, const std::string& name, const Node& node) {
  if (IsAddition(node)) {
    entries.insert_or_assign(name, node);
  } else {
    entries.erase(name);
  }
}

bool SimDirectoryTree::IsNeeded(const Change& change, const Needs& needs) {
  const auto contains = [](const std::vector<const SimDirectory*>& directories, const DirectoryPtr& directory) {
    return directory != nullptr && std::ranges::find(directories, directory.get()) != directories.end();
  };
  if (contains(needs.makings, change.made)) return true;
  if (needs.directory_moves && change.moves_directory_across) return true;
  return std::ranges::any_of(change.entries, [&](const Change::EntryChange& entry) {
    return contains(needs.directories, entry.directory) ||
           (IsAddition(entry.node) && contains(needs.additions, entry.directory)) ||
           std::ranges::any_of(needs.names, [&](const Change::EntryChange* name) {
             return name->directory == entry.directory && name->name == entry.name;
           });
  });
}

void SimDirectoryTree::AddNeeds(const Change& change, const SimDirectory& synced, Needs& needs) {
  for (const Change::EntryChange& entry : change.entries) {
    if (entry.directory.get() == &synced) continue;  // All of its changes are taken anyway.
    needs.names.push_back(&entry);
    if (std::ranges::find(needs.makings, change.made.get()) != needs.makings.end()) {
      needs.makings.push_back(entry.directory.get());
    }
  }
  if (change.emptied != nullptr) needs.directories.push_back(change.emptied.get());
  if (change.entered != nullptr) {
    needs.additions.push_back(change.entered.get());
    const bool within_one_directory = change.entries.front().directory == change.entered;
    if (!within_one_directory) needs.makings.push_back(change.entered.get());
  }
  needs.directory_moves = needs.directory_moves || change.moves_directory_across;
}

void SimDirectoryTree::SyncDirectory(const SimDirectory& directory) {
  Needs needs;
  needs.directories.push_back(&directory);
  std::vector<bool> taken(journal_.size(), false);
  for (size_t i = journal_.size(); i-- > 0;) {
    taken[i] = IsNeeded(journal_[i], needs);
    if (taken[i]) AddNeeds(journal_[i], directory, needs);
  }
  std::vector<Change> rest;
  for (size_t i = 0; i < journal_.size(); ++i) {
    if (!taken[i]) {
      rest.push_back(std::move(journal_[i]));
      continue;
    }
    for (const auto& entry : journal_[i].entries) SetEntry(entry.directory->durable, entry.name, entry.node);
  }
  journal_ = std::move(rest);
}

// The changes that a loss of power has taken so far, as far as later ones stand on them.
struct SimDirectoryTree::Losses {
  std::set<std::pair<uint64_t, std::string>> names;  // (inode of the directory, name)
  std::set<uint64_t> changed_directories;            // a change in them is lost
  std::set<uint64_t> directories_added_to;           // an addition to them is lost
  std::set<uint64_t> unmade_directories;             // their mkdir is lost, so nothing in them can be reached
  bool directory_move = false;

  // True when the change cannot survive without a lost one.
  bool Include(const Change& change) const {
    if (change.emptied != nullptr && changed_directories.contains(change.emptied->inode)) return true;
    if (change.entered != nullptr && directories_added_to.contains(change.entered->inode)) return true;
    if (change.moves_directory_across && directory_move) return true;
    return std::ranges::any_of(change.entries, [&](const Change::EntryChange& entry) {
      return unmade_directories.contains(entry.directory->inode) ||
             names.contains({entry.directory->inode, entry.name});
    });
  }

  void Add(const Change& change) {
    for (const auto& entry : change.entries) {
      names.insert({entry.directory->inode, entry.name});
      changed_directories.insert(entry.directory->inode);
      if (IsAddition(entry.node)) directories_added_to.insert(entry.directory->inode);
    }
    if (change.made != nullptr) unmade_directories.insert(change.made->inode);
    directory_move = directory_move || change.moves_directory_across;
  }
};

void SimDirectoryTree::LosePower(uint64_t seed) {
  // Some losses of power keep nearly everything, some next to nothing; those in between split what belongs together.
  const uint64_t survivors_of_4 = sut::Below(sut::Mix({seed, 1}), 5);
  Losses losses;
  for (const Change& change : journal_) {
    const bool drawn = sut::Below(sut::Mix({seed, 2, change.identity}), 4) >= survivors_of_4;
    if (drawn || losses.Include(change)) {
      losses.Add(change);
    } else {
      for (const auto& entry : change.entries) SetEntry(entry.directory->durable, entry.name, entry.node);
    }
  }
  journal_.clear();
  parents_.clear();
  const std::function<void(SimDirectory&)> settle = [&](SimDirectory& directory) {
    directory.written = directory.durable;
    for (auto& [name, node] : directory.written) {
      if (const FilePtr* file = AsFile(&node)) (*file)->LosePower(seed);
      if (const DirectoryPtr* child = AsDirectory(&node)) settle(**child);
    }
  };
  settle(*root_);
  RecountLinks();
}

void SimDirectoryTree::Clear() {
  root_->written.clear();
  root_->durable.clear();
  journal_.clear();
  parents_.clear();
}

void SimDirectoryTree::RecountLinks() {
  ForEach([](const std::string&, const Node& node) {
    if (const FilePtr* file = AsFile(&node)) (*file)->set_link_count(0);
  });
  ForEach([](const std::string&, const Node& node) { AddLinks(node, +1); });
}

void SimDirectoryTree::ForEach(const std::function<void(const std::string& path, const Node& node)>& visit) const {
  Walk(root_->written, "", visit);
}

uint64_t SimDirectoryTree::StateHash() const {
  const std::function<uint64_t(const Node&)> node_hash = [&](const Node& node) -> uint64_t {
    if (const FilePtr* file = AsFile(&node)) return (*file)->StateHash();
    if (const DirectoryPtr* directory = AsDirectory(&node)) return (*directory)->inode;
    return 0;
  };
  uint64_t hash = next_inode_;
  const auto add_entries = [&](const SimDirectory& directory) {
    for (const auto& [name, node] : directory.written)
      hash = sut::Mix({hash, 1, sut::MixString(name), node_hash(node)});
    for (const auto& [name, node] : directory.durable)
      hash = sut::Mix({hash, 2, sut::MixString(name), node_hash(node)});
  };
  add_entries(*root_);
  ForEach([&](const std::string&, const Node& node) {
    if (const DirectoryPtr* directory = AsDirectory(&node)) add_entries(**directory);
  });
  for (const Change& change : journal_) {
    hash = sut::Mix({hash, 3, change.identity});
    for (const auto& entry : change.entries) hash = sut::Mix({hash, entry.directory->inode, node_hash(entry.node)});
  }
  return hash;
}

}  // namespace holdfast::sim
