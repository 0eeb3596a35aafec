#include "cli/kv_measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "bench/kv_mix.h"
#include "bench/kv_speed.h"
#include "cli/interrupt.h"
#include "cli/version.h"
#include "kernels/kernels.h"
#include "model/forward.h"
#include "stats/sample.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const KvMixResult& mix) {
  const auto ratio = [](uint64_t part, uint64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  return {{"mix", mix.name},
          {"n_requests", mix.n_requests},
          {"n_sequences", mix.n_sequences},
          {"longest", mix.longest},
          {"n_prompt_tokens", mix.n_prompt},
          {"n_computed_tokens", mix.n_computed},
          {"needed_bytes", mix.needed_bytes},
          {"committed_bytes", mix.committed_bytes},
          {"kept_bytes", mix.kept_bytes},
          {"naive_bytes", mix.naive_bytes},
          {"static_bytes", mix.static_bytes},
          {"paged_16_bytes", mix.paged_bytes},
          {"committed_over_naive", ratio(mix.committed_bytes, mix.naive_bytes)}};
}

double median(const std::vector<double>& sample) {
  return stats::median(sample).value();
}

/// Median of the ratios of measurements that were made one after the other.
double median_ratio(const std::vector<double>& seconds, const std::vector<double>& others) {
  std::vector<double> ratios;
  for (size_t i = 0; i < seconds.size(); ++i) ratios.push_back(others[i] / seconds[i]);
  return median(ratios);
}

double megabytes(const Json& bytes) {
  return bytes.get<double>() * 1e-6;
}

}  // namespace

Result<Json> bench_kv(const std::string& model, const StorageFlags& storage, DType cache_type,
                      int threads, int repetitions) {
  if (threads == 0) threads = cpu_limits().usable_threads();
  WHET_TRY(const LoadedModel loaded, storage.load(model, threads, ModelUse()));
  const KvShape shape = kv_shape_of(loaded.model.config, 1, cache_type);
  const CancelFlag* cancel = &interrupt_flag();
  WHET_TRY(const auto mixes, measure_kv_mixes(shape, cancel));
  WHET_TRY(const KvForkCost forks, measure_kv_forks(shape, std::max(repetitions, 20), cancel));
  ThreadPool pool(threads);
  WHET_TRY(const KvDecodeSpeed decode,
           measure_kv_decode(loaded.model, cache_type, repetitions, pool, cancel));
  Json rows = Json::array();
  for (const KvMixResult& mix : mixes) rows.push_back(to_json(mix));
  const auto side_by_side = [&](const KvCacheTimes& times) {
    const auto rate = [&](const std::vector<double>& seconds) {
      return static_cast<double>(decode.n_tokens) / median(seconds);
    };
    return Json{{"contiguous_ts", rate(times.contiguous)},
                {"blocks_ts", rate(times.blocks)},
                {"aliased_ts", rate(times.aliased)},
                {"blocks_over_contiguous", median_ratio(times.blocks, times.contiguous)},
                {"aliased_over_contiguous", median_ratio(times.aliased, times.contiguous)}};
  };
  return Json{{"schema", "whet-bench-kv/1"},
              {"build_commit", commit_string()},
              {"cpu_info", machine_info().cpu_name},
              {"isa", kernels::isa_name(kernels::kernels().isa)},
              {"model_filename", model},
              {"n_threads", threads},
              {"cache_type", cache_type_name(cache_type)},
              {"bytes_per_position", shape.bytes_per_position()},
              {"mixes", std::move(rows)},
              {"forks",
               {{"n_positions", forks.n_positions},
                {"branch_us", median(forks.branch_us)},
                {"first_prepare_us", median(forks.first_prepare_us)},
                {"copy_us", median(forks.copy_us)}}},
              {"decode",
               {{"n_positions", decode.n_positions},
                {"n_tokens", decode.n_tokens},
                {"n_samples", decode.model.contiguous.size()},
                {"model", side_by_side(decode.model)},
                {"attention", side_by_side(decode.attention)}}}};
}

void print_kv_markdown(const Json& r) {
  fmt::print("{}, {} ({}), {} threads; cache type {}, {} bytes per position\n\n",
             std::filesystem::path(r["model_filename"].get<std::string>()).filename().string(),
             r["cpu_info"].get<std::string>(), r["isa"].get<std::string>(),
             r["n_threads"].get<int>(), r["cache_type"].get<std::string>(),
             r["bytes_per_position"].get<uint64_t>());
  fmt::print(
      "| MB of keys and values at the peak | sequences | prompt tokens computed | needed "
      "| committed | of it kept | naive | static | paged 16 | committed / naive |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const Json& mix : r["mixes"]) {
    fmt::print(
        "| {} | {} | {} of {} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} % |\n",
        mix["mix"].get<std::string>(), mix["n_sequences"].get<int64_t>(),
        mix["n_computed_tokens"].get<int64_t>(), mix["n_prompt_tokens"].get<int64_t>(),
        megabytes(mix["needed_bytes"]), megabytes(mix["committed_bytes"]),
        megabytes(mix["kept_bytes"]), megabytes(mix["naive_bytes"]), megabytes(mix["static_bytes"]),
        megabytes(mix["paged_16_bytes"]), 100 * mix["committed_over_naive"].get<double>());
  }
  const Json& forks = r["forks"];
  fmt::print("\n| forking {} positions | µs, median |\n| --- | ---: |\n",
             forks["n_positions"].get<int64_t>());
  fmt::print("| branch | {:.1f} |\n| its first step copies the partial block | {:.1f} |\n",
             forks["branch_us"].get<double>(), forks["first_prepare_us"].get<double>());
  fmt::print("| a copy of all, into fresh memory | {:.1f} |\n", forks["copy_us"].get<double>());
  const Json& decode = r["decode"];
  fmt::print(
      "\n| decoding {} tokens behind {}, {} samples | tokens/s, median | over contiguous "
      "| attention alone, tokens/s | over contiguous |\n"
      "| --- | ---: | ---: | ---: | ---: |\n",
      decode["n_tokens"].get<int64_t>(), decode["n_positions"].get<int64_t>(),
      decode["n_samples"].get<size_t>());
  const Json &whole = decode["model"], &alone = decode["attention"];
  fmt::print("| contiguous streams | {:.2f} | | {:.0f} | |\n", whole["contiguous_ts"].get<double>(),
             alone["contiguous_ts"].get<double>());
  for (const auto& [row, key] : {std::pair("blocks of the arena", "blocks"),
                                 std::pair("blocks shared with the prompt", "aliased")}) {
    const auto rate = [kind = key](const Json& times) {
      return times[fmt::format("{}_ts", kind)].get<double>();
    };
    const auto ratio = [kind = key](const Json& times) {
      return times[fmt::format("{}_over_contiguous", kind)].get<double>();
    };
    fmt::print("| {} | {:.2f} | {:.3f} | {:.0f} | {:.3f} |\n", row, rate(whole), ratio(whole),
               rate(alone), ratio(alone));
  }
}

}  // namespace whet
