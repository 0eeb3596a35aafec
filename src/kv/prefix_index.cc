#include "kv/prefix_index.h"

#include <algorithm>

#include "base/check.h"

namespace whet {
namespace {

constexpr int64_t kHashedBlock = KvLayout::kBlock;

int64_t common_length(std::span<const int32_t> a, std::span<const int32_t> b) {
  const auto end = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(end), b.begin()).first -
         a.begin();
}

}  // namespace

/// A block of a text behind those of its ancestors; a root is the empty text of a scope.
struct PrefixIndex::Node {
  Node* parent = nullptr;
  int64_t depth = 0;
  std::string scope;         // of a root
  std::vector<int32_t> ids;  // 1 to kBlock, fewer than kBlock only without children
  int64_t block = -1;
  uint64_t last_use = 0;
  bool saved = false;
  std::string key;  // empty until it is asked for
  std::vector<std::unique_ptr<Node>> children;
  std::map<int64_t, StateValues> states;  // behind so many of the ids

  /// The last state behind at most n of the ids; null, and 0, where there is none.
  std::pair<int64_t, StateValues> last_state(int64_t n) const {
    auto behind = states.upper_bound(n);
    if (behind == states.begin()) return {};
    return *std::prev(behind);
  }
  bool whole() const { return static_cast<int64_t>(ids.size()) == kHashedBlock; }
  Use use() const { return {last_use, -depth}; }

  /// The child that agrees with the beginning of `text` for longest, and how long.
  std::pair<Node*, int64_t> longest(std::span<const int32_t> text) const {
    std::pair<Node*, int64_t> best{nullptr, 0};
    for (const auto& child : children) {
      const int64_t n = common_length(child->ids, text);
      if (n > best.second) best = {child.get(), n};
    }
    return best;
  }
};

PrefixIndex::PrefixIndex(KvArena& arena, int64_t max_blocks)
    : arena_(arena), max_blocks_(max_blocks) {
  arena_.set_reclaim([this] { return reclaim(); });
}

PrefixIndex::~PrefixIndex() {
  arena_.set_reclaim(nullptr);
  ++now_;
  while (evict()) {
  }
}

PrefixIndex::Node& PrefixIndex::root(std::string_view scope) {
  auto found = roots_.find(scope);
  if (found == roots_.end()) {
    found = roots_.emplace(std::string(scope), std::make_unique<Node>()).first;
    found->second->scope = scope;
  }
  return *found->second;
}

const PrefixIndex::Node* PrefixIndex::find_root(std::string_view scope) const {
  const auto found = roots_.find(scope);
  return found == roots_.end() ? nullptr : found->second.get();
}

void PrefixIndex::touch(Node& node) {
  auto entry = uses_.extract(node.use());
  node.last_use = now_;
  entry.key() = node.use();
  WHET_CHECK(uses_.insert(std::move(entry)).inserted);
}

PrefixIndex::Node& PrefixIndex::add(Node& parent, std::span<const int32_t> ids, int64_t block) {
  auto node = std::make_unique<Node>();
  node->parent = &parent;
  node->depth = parent.depth + 1;
  node->ids.assign(ids.begin(), ids.end());
  node->block = block;
  node->last_use = now_;
  WHET_CHECK(uses_.emplace(node->use(), node.get()).second);
  ++stats_.n_blocks;
  parent.children.push_back(std::move(node));
  return *parent.children.back();
}

bool PrefixIndex::remove(Node& node) {
  WHET_CHECK(node.children.empty() && node.parent != nullptr);
  const bool freed = arena_.drop(node.block);
  uses_.erase(node.use());
  stats_.n_states -= static_cast<int64_t>(node.states.size());
  --stats_.n_blocks;
  std::erase_if(node.parent->children, [&](const auto& child) { return child.get() == &node; });
  return freed;
}

bool PrefixIndex::evict() {
  if (uses_.empty() || uses_.begin()->second->last_use == now_) return false;
  remove(*uses_.begin()->second);
  ++stats_.n_evicted;
  return true;
}

bool PrefixIndex::reclaim() {
  bool freed = false;
  while (!uses_.empty() && !freed) {
    freed = remove(*uses_.begin()->second);
    ++stats_.n_evicted;
  }
  forget_empty_scopes();
  return freed;
}

void PrefixIndex::forget_empty_scopes() {
  std::erase_if(roots_, [](const auto& root) { return root.second->children.empty(); });
}

int64_t PrefixIndex::find(std::string_view scope, std::span<const int32_t> ids) const {
  const Node* node = find_root(scope);
  int64_t n = 0, n_stateful = 0;
  while (node != nullptr) {
    const auto [child, agreeing] = node->longest(ids.subspan(static_cast<size_t>(n)));
    const int64_t state = child == nullptr ? 0 : child->last_state(agreeing).first;
    if (state > 0) n_stateful = n + state;
    n += agreeing;
    node = agreeing == kHashedBlock ? child : nullptr;
  }
  return has_states() ? n_stateful : n;
}

void PrefixIndex::keep_states(Node& node, int64_t first, int64_t n, const KvSequence& sequence) {
  for (const int64_t position : sequence.state().known()) {
    if (position <= first || position > first + n) continue;
    if (node.states.emplace(position - first, sequence.state().at(position)).second) {
      ++stats_.n_states;
    }
  }
}

void PrefixIndex::evict_states() {
  for (auto use = uses_.begin(); use != uses_.end() && stats_.n_states > arena_.max_states();
       ++use) {
    stats_.n_states -= static_cast<int64_t>(use->second->states.size());
    use->second->states.clear();
  }
}

Result<KvSequence> PrefixIndex::open(std::string_view scope, std::span<const int32_t> ids) {
  ++now_;
  ids = ids.first(std::min(ids.size(), static_cast<size_t>(arena_.shape().capacity)));
  KvPrefix prefix, stateful;
  Node* node = &root(scope);
  while (true) {
    const auto rest = ids.subspan(static_cast<size_t>(prefix.n));
    auto [child, agreeing] = node->longest(rest);
    if (agreeing < kHashedBlock && files_ && static_cast<int64_t>(rest.size()) >= kHashedBlock) {
      if (Node* loaded = load(*node, rest.first(kHashedBlock))) {
        child = loaded;
        agreeing = kHashedBlock;
      }
    }
    if (agreeing == 0) break;
    if (child->last_use != now_) touch(*child);
    prefix.blocks.push_back(child->block);
    if (auto [behind, values] = child->last_state(agreeing); behind > 0) {
      stateful = {prefix.blocks, prefix.n + behind, std::move(values)};
    }
    prefix.n += agreeing;
    if (agreeing < kHashedBlock) break;
    node = child;
  }
  if (has_states()) prefix = std::move(stateful);
  note_use_of_files(*node);
  forget_empty_scopes();
  stats_.n_found_tokens += prefix.n;
  return arena_.adopt(prefix);
}

void PrefixIndex::note_use_of_files(const Node& last) const {
  for (const Node* node = &last; files_ && node->parent != nullptr; node = node->parent) {
    if (node->saved) files_->touch(node->key);
  }
}

PrefixIndex::Node* PrefixIndex::load(Node& parent, std::span<const int32_t> ids) {
  const std::string& parent_key = key_of(parent);
  auto key = PrefixFiles::key_of(parent_key, ids);
  if (parent_key.empty() || !key.ok() || !files_->contains(*key)) return nullptr;
  if (stats_.n_blocks >= max_blocks_ && !evict()) return nullptr;
  auto block = arena_.take_kept(kHashedBlock);
  while (!block.ok() && evict()) block = arena_.take_kept(kHashedBlock);
  if (!block.ok()) return nullptr;
  if (!files_->load(*key, ids, arena_.block_data(*block)).ok()) {
    arena_.drop(*block);
    files_->remove(*key);
    ++stats_.n_rejected;
    return nullptr;
  }
  Node& node = add(parent, ids, *block);
  node.key = std::move(key).value();
  node.saved = true;
  ++stats_.n_loaded;
  return &node;
}

void PrefixIndex::insert(std::string_view scope, std::span<const int32_t> ids,
                         KvSequence& sequence) {
  WHET_CHECK(static_cast<int64_t>(ids.size()) <= sequence.size());
  if (ids.empty() || max_blocks_ == 0) return;
  ++now_;
  const KvPrefix prefix = arena_.prefix_of(sequence, static_cast<int64_t>(ids.size()));
  Node* node = &root(scope);
  for (size_t i = 0; i < prefix.blocks.size(); ++i) {
    const auto rest = ids.subspan(i * static_cast<size_t>(kHashedBlock));
    const auto own = rest.first(std::min(rest.size(), static_cast<size_t>(kHashedBlock)));
    const auto [child, agreeing] = node->longest(own);
    const int64_t first = static_cast<int64_t>(i) * kHashedBlock;
    if (agreeing == static_cast<int64_t>(own.size())) {
      touch(*child);
      node = child;
      keep_states(*node, first, agreeing, sequence);
      continue;
    }
    if (arena_.kept(prefix.blocks[i])) break;  // for another text, of which this has a part
    // Partial blocks that are the beginning of this one say nothing more. There is at most one, as
    // of two one would have been the beginning of the other.
    std::map<int64_t, StateValues> states;
    if (child != nullptr && agreeing == static_cast<int64_t>(child->ids.size())) {
      states = child->states;
      remove(*child);
    }
    if (stats_.n_blocks >= max_blocks_ && !evict()) break;
    arena_.keep(sequence, static_cast<int64_t>(i));
    node = &add(*node, own, prefix.blocks[i]);
    stats_.n_states += static_cast<int64_t>(states.size());
    node->states = std::move(states);
    keep_states(*node, first, static_cast<int64_t>(own.size()), sequence);
  }
  evict_states();
  forget_empty_scopes();
}

const std::string& PrefixIndex::key_of(Node& node) {
  if (node.key.empty()) {
    auto key = node.parent == nullptr ? files_->root_key(node.scope)
                                      : PrefixFiles::key_of(key_of(*node.parent), node.ids);
    if (key.ok()) node.key = std::move(key).value();
  }
  return node.key;
}

Result<int64_t> PrefixIndex::save(int64_t max_blocks) {
  WHET_CHECK(files_.has_value());
  int64_t n = 0;
  // Ancestors before descendants: without them a file could not be found.
  for (auto use = uses_.rbegin(); use != uses_.rend() && n < max_blocks; ++use) {
    Node& node = *use->second;
    if (node.saved || !node.whole()) continue;
    const std::string& key = key_of(node);
    if (key.empty()) return Error(ErrorCode::kInternal, "cannot hash tokens");
    if (!files_->contains(key)) {
      WHET_TRY_STATUS(files_->store(key, node.ids, arena_.block_data(node.block)));
      ++n;
      ++stats_.n_saved;
    }
    node.saved = true;
    note_use_of_files(node);
  }
  if (n < max_blocks) WHET_TRY_STATUS(files_->prune());
  return n;
}

}  // namespace whet
