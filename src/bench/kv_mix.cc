#include "bench/kv_mix.h"

#include <algorithm>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/checked_math.h"
#include "base/rng.h"
#include "kv/kv_arena.h"
#include "kv/prefix_index.h"

namespace whet {
namespace {

constexpr int64_t kPrefillChunk = 128;
constexpr int64_t kPagePositions = 16;

struct MixRequest {
  int64_t arrival;  // steps since the beginning
  std::vector<int32_t> prompt;
  int64_t n_answer;  // tokens of each sample
  int64_t n_samples = 1;
  bool follows = false;  // its prompt goes on where the request before it ended
};

struct Mix {
  std::string name;
  std::vector<MixRequest> requests;
  int64_t max_live;  // sequences
  int64_t max_kept;  // blocks of the prefix index
  int64_t longest;   // positions
};

std::vector<int32_t> random_ids(const CounterRng& rng, uint64_t stream, int64_t n) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < n; ++i) {
    ids.push_back(static_cast<int32_t>(rng.bits(stream << 32 | static_cast<uint64_t>(i)) >> 40));
  }
  return ids;
}

Mix samples_of_one_prompt() {
  const CounterRng rng(1, 0);
  return {"16 samples of a 1,024-token prompt, 256 tokens each",
          {{0, random_ids(rng, 0, 1024), 256, 16}},
          16,
          0,
          1280};
}

Mix chat() {
  const CounterRng rng(1, 1);
  Mix mix{"20-turn chat, 60 tokens in and 140 out", {}, 1, 64, 20 * 200};
  for (uint64_t turn = 0; turn < 20; ++turn) {
    mix.requests.push_back({0, random_ids(rng, turn, 60), 140, 1, turn > 0});
  }
  return mix;
}

Mix shared_system_prompt() {
  const CounterRng rng(1, 2);
  Mix mix{"32 requests, 8 at a time, one 700-token system prompt", {}, 8, 16, 0};
  const std::vector<int32_t> system = random_ids(rng, 0, 700);
  for (uint64_t i = 0; i < 32; ++i) {
    std::vector<int32_t> prompt = system;
    const auto user = random_ids(rng, i + 1, 40 + static_cast<int64_t>(rng.bits(i) % 160));
    prompt.insert(prompt.end(), user.begin(), user.end());
    const auto n_answer = static_cast<int64_t>(80 + rng.bits(100 + i) % 160);
    mix.longest = std::max(mix.longest, static_cast<int64_t>(prompt.size()) + n_answer);
    mix.requests.push_back({static_cast<int64_t>(i) * 10, std::move(prompt), n_answer});
  }
  return mix;
}

Mix random_trace() {
  const CounterRng rng(1, 3);
  Mix mix{"random: 48 requests, 1 to 8 samples, 16 sequences at a time", {}, 16, 32, 0};
  for (uint64_t i = 0; i < 48; ++i) {
    const uint64_t bits = rng.bits(i);
    MixRequest request{static_cast<int64_t>(i * 25),
                       random_ids(rng, i + 1, static_cast<int64_t>(16 + bits % 1000)),
                       static_cast<int64_t>(8 + bits / 1024 % 300),
                       int64_t{1} << (bits / 1048576 % 4)};
    mix.longest =
        std::max(mix.longest, static_cast<int64_t>(request.prompt.size()) + request.n_answer);
    mix.requests.push_back(std::move(request));
  }
  return mix;
}

/// Positions that pages of a size take where equal beginnings share full pages.
class Pages {
 public:
  explicit Pages(int64_t page) : page_(page) {}
  /// A live sequence now has n positions, the last of which completes the text `hash`.
  void add(int64_t n, uint64_t hash) {
    if ((n - 1) % page_ == 0) ++n_partial_;  // begins
    if (n % page_ != 0) return;
    --n_partial_;  // is full
    n_full_ += holders_[hash]++ == 0 ? 1 : 0;
  }
  void remove(const std::vector<uint64_t>& hashes) {
    for (size_t i = 0; i < hashes.size(); ++i) {
      if ((static_cast<int64_t>(i) + 1) % page_ == 0 && --holders_[hashes[i]] == 0) {
        holders_.erase(hashes[i]);
        --n_full_;
      }
    }
    if (static_cast<int64_t>(hashes.size()) % page_ != 0) --n_partial_;
  }
  int64_t positions() const { return (n_full_ + n_partial_) * page_; }

 private:
  int64_t page_;
  std::unordered_map<uint64_t, int64_t> holders_;  // of full pages
  int64_t n_full_ = 0, n_partial_ = 0;
};

struct Live {
  const MixRequest* request;
  KvSequence kv;
  std::vector<int32_t> ids;      // prompt and answer so far; their positions in kv may follow
  std::vector<uint64_t> hashes;  // of the text up to each position of kv
  size_t n_prompt;
  bool leads;  // has samples to branch off
};

class Replay {
 public:
  Replay(const Mix& mix, KvArena& arena) : mix_(mix), arena_(arena), index_(arena, mix.max_kept) {
    result_.name = mix.name;
    result_.n_requests = static_cast<int64_t>(mix.requests.size());
    result_.longest = mix.longest;
    int64_t widest = 0;
    for (const KvLayerShape& layer : arena.shape().layers) {
      widest = std::max({widest, layer.key_dim, layer.value_dim});
    }
    const CounterRng rng(2, 0);
    for (int64_t i = 0; i < widest; ++i) {
      row_.push_back(static_cast<float>(rng.uniform(static_cast<uint64_t>(i))) - 0.5f);
    }
  }

  Result<KvMixResult> run(const CancelFlag* cancel) {
    for (step_ = 0; next_ < mix_.requests.size() || !live_.empty(); ++step_) {
      if (cancel != nullptr && cancel->cancelled()) {
        return Error(ErrorCode::kCancelled, "cancelled");
      }
      WHET_TRY_STATUS(admit());
      for (Live& live : live_) WHET_TRY_STATUS(advance(live));
      live_.splice(live_.end(), born_);
      measure();
      for (auto it = live_.begin(); it != live_.end();) {
        const size_t n_last = it->n_prompt + static_cast<size_t>(it->request->n_answer);
        const bool done = it->hashes.size() == n_last;
        if (done) finish(*it);
        it = done ? live_.erase(it) : std::next(it);
      }
    }
    return result_;
  }

 private:
  Status admit() {
    while (next_ < mix_.requests.size()) {
      const MixRequest& request = mix_.requests[next_];
      int64_t n_live = n_waiting_samples_ + static_cast<int64_t>(live_.size());
      if (request.arrival > step_ || n_live + request.n_samples > mix_.max_live) break;
      std::vector<int32_t> prompt;
      if (request.follows) prompt = last_text_;
      prompt.insert(prompt.end(), request.prompt.begin(), request.prompt.end());
      WHET_TRY(KvSequence kv, index_.open("", std::span(prompt).first(prompt.size() - 1)));
      result_.n_prompt += static_cast<int64_t>(prompt.size());
      result_.n_computed += static_cast<int64_t>(prompt.size()) - kv.size();
      const int64_t n_found = kv.size();
      const size_t n_prompt = prompt.size();
      live_.push_back(
          {&request, std::move(kv), std::move(prompt), {}, n_prompt, request.n_samples > 1});
      note(live_.back(), n_found);
      n_waiting_samples_ += request.n_samples - 1;
      ++next_;
    }
    return ok_status();
  }

  /// The next chunk of the prompt or the next token of the answer.
  Status advance(Live& live) {
    const size_t size = live.hashes.size();
    if (size >= live.n_prompt) {
      live.ids.push_back(static_cast<int32_t>(CounterRng(3, n_drawn_++).bits(0) >> 40));
    }
    const auto n = static_cast<int64_t>(live.ids.size() - size);
    WHET_TRY_STATUS(write(live, std::min(n, kPrefillChunk)));
    if (live.hashes.size() != live.n_prompt) return ok_status();
    const size_t whole = live.n_prompt / KvLayout::kBlock * KvLayout::kBlock;
    index_.insert("", std::span(live.ids).first(whole), live.kv);
    if (!std::exchange(live.leads, false)) return ok_status();
    for (int64_t i = 1; i < live.request->n_samples; ++i) {
      WHET_TRY(KvSequence kv, arena_.branch(live.kv, live.kv.size()));
      born_.push_back({live.request, std::move(kv), live.ids, {}, live.n_prompt, false});
      note(born_.back(), live.kv.size());
      --n_waiting_samples_;
    }
    return ok_status();
  }

  void finish(Live& live) {
    index_.insert("", live.ids, live.kv);
    last_text_ = live.ids;
    needed_.remove(live.hashes);
    paged_.remove(live.hashes);
  }

  Status write(Live& live, int64_t n) {
    WHET_TRY_STATUS(live.kv.prepare(n));
    for (size_t l = 0; l < arena_.shape().layers.size(); ++l) {
      const KvLayer layer = live.kv.layer(static_cast<int64_t>(l));
      for (int64_t head = 0; head < layer.shape.n_heads; ++head) {
        kernels::kernels().append_kv({.type = layer.type,
                                      .k = row_.data(),
                                      .k_stride = 0,
                                      .v = row_.data(),
                                      .v_stride = 0,
                                      .n_tokens = static_cast<size_t>(n),
                                      .key_dim = static_cast<size_t>(layer.shape.key_dim),
                                      .value_dim = static_cast<size_t>(layer.shape.value_dim),
                                      .position = static_cast<size_t>(live.kv.size()),
                                      .k_cache = layer.keys(head),
                                      .v_cache = layer.values(head),
                                      .block_stride = layer.block_stride});
      }
    }
    live.kv.extend(n);
    note(live, n);
    return ok_status();
  }

  /// Accounts for n more positions of a live sequence.
  void note(Live& live, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t before = live.hashes.empty() ? 0 : live.hashes.back();
      const auto id = static_cast<uint64_t>(live.ids[live.hashes.size()]);
      live.hashes.push_back(splitmix64(before ^ splitmix64(id)));
      needed_.add(static_cast<int64_t>(live.hashes.size()), live.hashes.back());
      paged_.add(static_cast<int64_t>(live.hashes.size()), live.hashes.back());
    }
  }

  void measure() {
    const uint64_t position = arena_.shape().bytes_per_position();
    const auto bytes = [&](int64_t n) { return static_cast<uint64_t>(n) * position; };
    const auto raise = [](auto& peak, auto now) { peak = std::max(peak, now); };
    int64_t naive = 0;
    for (const Live& live : live_) naive += live.kv.size();
    const auto n_live = static_cast<int64_t>(live_.size());
    raise(result_.n_sequences, n_live);
    raise(result_.needed_bytes, bytes(needed_.positions()));
    raise(result_.naive_bytes, bytes(naive));
    raise(result_.static_bytes, bytes(n_live * mix_.longest));
    raise(result_.paged_bytes, bytes(paged_.positions()));
    const KvStats stats = arena_.stats();
    if (stats.committed_bytes > result_.committed_bytes) {
      result_.committed_bytes = stats.committed_bytes;
      result_.kept_bytes = static_cast<uint64_t>(stats.n_kept) * arena_.layout().block_bytes();
    }
  }

  const Mix& mix_;
  KvArena& arena_;
  PrefixIndex index_;
  std::list<Live> live_;
  std::list<Live> born_;    // branches that begin with the next step
  std::vector<float> row_;  // keys and values of every position
  Pages needed_{1}, paged_{kPagePositions};
  std::vector<int32_t> last_text_;
  size_t next_ = 0;
  int64_t n_waiting_samples_ = 0;
  int64_t step_ = 0;
  uint64_t n_drawn_ = 0;
  KvMixResult result_;
};

}  // namespace

Result<std::vector<KvMixResult>> measure_kv_mixes(const KvShape& shape, const CancelFlag* cancel) {
  std::vector<KvMixResult> results;
  for (const Mix& mix : {samples_of_one_prompt(), chat(), shared_system_prompt(), random_trace()}) {
    KvShape longest = shape;
    longest.capacity = mix.longest;
    WHET_TRY(const KvLayout layout, KvLayout::in_blocks(longest));
    const int64_t n_blocks = mix.max_live * KvArena::blocks_for(mix.longest) + mix.max_kept;
    WHET_TRY(const auto arena,
             KvArena::create(longest, static_cast<uint64_t>(n_blocks) * layout.block_bytes()));
    Replay replay(mix, *arena);
    WHET_TRY(results.emplace_back(), replay.run(cancel));
  }
  return results;
}

}  // namespace whet
