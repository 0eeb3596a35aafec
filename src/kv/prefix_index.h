// PrefixIndex: the texts whose keys and values are still there, as a tree of token ids in blocks.
// It keeps blocks of the arena alive, the least recently used go first, and with a directory it
// finds whole blocks of earlier processes too.
//
// A finished sequence may be kept with its last, partial block. open() takes from the tree as many
// whole blocks as agree and then the agreeing part of one more: the first step of the new sequence
// copies that part (KvSequence::prepare), so a text that goes on where another ended, or leaves it
// in the middle of a block, computes only its new tokens. Where layers have a state that is not per
// position, the nodes also keep states behind some of their positions, and a text can only go on
// from one of these: the end of a text that was kept, or of a block of a prompt.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kv/kv_arena.h"
#include "kv/prefix_files.h"

namespace whet {

struct PrefixStats {
  int64_t n_blocks = 0;        // in the tree now
  int64_t n_evicted = 0;       // blocks, since the beginning, likewise the next
  int64_t n_loaded = 0;        // from files
  int64_t n_saved = 0;         // to files
  int64_t n_rejected = 0;      // files that were not what their name says; they are removed
  int64_t n_found_tokens = 0;  // that open() found
  int64_t n_states = 0;        // of recurrent layers, in the tree now
};

class PrefixIndex {
 public:
  /// Keeps at most `max_blocks` of the arena's blocks, and gives those up that the arena asks for.
  /// `arena` must outlive it.
  PrefixIndex(KvArena& arena, int64_t max_blocks);
  ~PrefixIndex();
  PrefixIndex(const PrefixIndex&) = delete;
  PrefixIndex& operator=(const PrefixIndex&) = delete;

  /// From now on open() looks for whole blocks in these files too, and save() writes them.
  void attach(PrefixFiles files) { files_ = std::move(files); }

  /// A sequence that begins with the longest known prefix of `ids`; its size() tells how long that
  /// is. Texts of one scope are invisible in others. Pass all ids but the last where its logits are
  /// wanted. Errors: as KvArena::adopt().
  Result<KvSequence> open(std::string_view scope, std::span<const int32_t> ids);
  /// How much of it open() would find without files. Touches nothing.
  int64_t find(std::string_view scope, std::span<const int32_t> ids) const;
  /// Keeps the keys and values of `ids`, the first positions of `sequence`, which may go on or end.
  /// While it goes on, give whole blocks: a partial one it would have to copy before writing more.
  void insert(std::string_view scope, std::span<const int32_t> ids, KvSequence& sequence);

  /// Writes up to `max_blocks` whole blocks that are not in files yet, recently used ones first.
  /// Returns how many were written; after the last, old files are pruned. Errors: as
  /// PrefixFiles::store(); what is left can be tried again.
  Result<int64_t> save(int64_t max_blocks);

  const PrefixStats& stats() const { return stats_; }

 private:
  struct Node;
  /// Recently used nodes last; of those used together, deeper ones first. So the first has no
  /// children: whoever uses a node uses its ancestors.
  using Use = std::pair<uint64_t, int64_t>;

  bool has_states() const { return arena_.shape().state_bytes() > 0; }
  /// Keeps the states that the sequence knows behind positions first + 1 ... first + n, where the
  /// node begins behind `first`.
  void keep_states(Node& node, int64_t first, int64_t n, const KvSequence& sequence);
  /// Of the least recently used nodes, until there are no more than the arena has room for.
  void evict_states();

  Node& root(std::string_view scope);
  const Node* find_root(std::string_view scope) const;
  void touch(Node& node);
  Node& add(Node& parent, std::span<const int32_t> ids, int64_t block);
  /// Removes a node without children. True where its block is free now.
  bool remove(Node& node);
  /// Removes the least recently used node that the current call has not touched. False: there is
  /// none.
  bool evict();
  bool reclaim();
  void forget_empty_scopes();
  /// Marks the files of a node and its ancestors as used, ancestors last: they must not be pruned
  /// before what can only be found through them.
  void note_use_of_files(const Node& last) const;
  Node* load(Node& parent, std::span<const int32_t> ids);
  /// Names the node's block in the files; empty where hashing fails.
  const std::string& key_of(Node& node);

  KvArena& arena_;
  int64_t max_blocks_;
  std::optional<PrefixFiles> files_;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> roots_;  // by scope
  std::map<Use, Node*> uses_;
  uint64_t now_ = 0;
  PrefixStats stats_;
};

}  // namespace whet
