#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "bench/roofline.h"
#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "eval/sandbox.h"
#include "eval/toolchain.h"
#include "kernels/isa.h"
#include "sys/json_text.h"
#include "sys/machine.h"

namespace whet {
namespace {

using Json = nlohmann::ordered_json;

struct DoctorFlags {
  int threads = 0;
  bool json = false;
};

struct MachineSpeed {
  int threads;
  Ceilings ceilings;
};

MachineSpeed measure_machine(int threads) {
  ThreadPool pool(threads);
  return {threads, measure_ceilings(pool)};
}

std::string available_isas() {
  std::string names;
  for (kernels::Isa isa : kernels::kAllIsas) {
    if (!kernels::isa_supported(isa)) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", kernels::isa_name(isa));
  }
  return names;
}

std::string state_of(const auto& result) {
  return result.ok() ? "works" : "missing: " + result.error().message();
}

Json to_json(const MachineSpeed& measured) {
  const Ceilings& c = measured.ceilings;
  const auto& read = c.read_bytes_per_second;
  return {{"threads", measured.threads},
          {"read_gb_per_second", read ? Json(*read * 1e-9) : Json(nullptr)},
          {"int8_gmac_per_second", c.arithmetic.int8_macs_per_second * 1e-9},
          {"float_gmac_per_second", c.arithmetic.float_macs_per_second * 1e-9},
          {"bf16_gmac_per_second", c.arithmetic.bf16_macs_per_second * 1e-9}};
}

int run_doctor(const DoctorFlags& options) {
  auto isa = kernels::configured_isa();
  if (!isa.ok()) return fail(isa.error());
  const MachineInfo machine = machine_info();
  const auto available = available_memory_bytes();  // before anything is measured
  const CpuLimits limits = cpu_limits();
  const int threads = options.threads > 0 ? options.threads : limits.usable_threads();
  std::vector<MachineSpeed> all{measure_machine(1)};
  if (threads > 1) all.push_back(measure_machine(threads));
  const std::pair<std::string_view, std::string> graders[] = {
      {"sandbox", state_of(eval::Sandbox::of_this_machine())},
      {"Python", state_of(eval::toolchain_of(eval::AnswerKind::kPython))},
      {"Rust", state_of(eval::toolchain_of(eval::AnswerKind::kRust))},
      {"C++", state_of(eval::toolchain_of(eval::AnswerKind::kCpp))}};

  if (options.json) {
    Json measured = Json::array(), grading = Json::object();
    for (const MachineSpeed& m : all) measured.push_back(to_json(m));
    for (const auto& [name, state] : graders) grading[std::string(name)] = state;
    const Json quota = limits.quota_cpus ? Json(*limits.quota_cpus) : Json(nullptr);
    const Json document = {{"schema", "whet-doctor/1"},
                           {"build_commit", commit_string()},
                           {"cpu", machine.cpu_name},
                           {"kernel", machine.kernel},
                           {"memory_bytes", machine.memory_bytes},
                           {"available_bytes", available ? Json(*available) : Json(nullptr)},
                           {"affinity_cpus", limits.affinity_cpus},
                           {"quota_cpus", quota},
                           {"usable_threads", limits.usable_threads()},
                           {"isa", kernels::isa_name(*isa)},
                           {"available_isas", available_isas()},
                           {"ceilings", measured},
                           {"code_grading", grading}};
    fmt::print("{}\n", json_text(document, 2));
    return 0;
  }
  const auto line = [](std::string_view key, const std::string& value) {
    fmt::print("{:<16}{}\n", key, value);
  };
  line("CPU", machine.cpu_name);
  const auto gib = [](uint64_t bytes) {
    return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
  };
  line("system", fmt::format("{}, {} of memory{}", machine.kernel, gib(machine.memory_bytes),
                             available ? ", " + gib(*available) + " available" : ""));
  line("CPUs to use",
       fmt::format("{} (affinity {}, cgroup quota {})", limits.usable_threads(),
                   limits.affinity_cpus,
                   limits.quota_cpus ? fmt::format("{:.2f}", *limits.quota_cpus) : "none"));
  line("kernels", fmt::format("{} (available: {}; WHET_ISA forces one)", kernels::isa_name(*isa),
                              available_isas()));
  fmt::print("\n{:<16}{:>14}{:>15}{:>15}{:>15}\n", "ceilings", "read GB/s", "int8 GMAC/s",
             "float GMAC/s", "bf16 GMAC/s");
  for (const auto& [n, c] : all) {
    const ArithmeticPeak& peak = c.arithmetic;
    const auto& read = c.read_bytes_per_second;
    fmt::print("{:<16}{:>14}{:>15.1f}{:>15.1f}{:>15.1f}\n",
               fmt::format("{} thread{}", n, n == 1 ? "" : "s"),
               read ? fmt::format("{:.1f}", *read * 1e-9) : "none",
               peak.int8_macs_per_second * 1e-9, peak.float_macs_per_second * 1e-9,
               peak.bf16_macs_per_second * 1e-9);
  }
  if (!all.front().ceilings.read_bytes_per_second) {
    fmt::print("{:<16}{}\n", "",
               "(reading is measured where 128 MiB of memory are left, or caches would answer)");
  }
  fmt::print("{:<16}{}\n", "",
             "decode reads all weights per step; prefill multiplies all of them per token");
  fmt::print("{:<16}{}\n\n", "",
             kernels::kernels().bf16_pairs
                 ? "(int8: quantised weights; float: F32 and F16; bf16: pairs of BF16)"
                 : "(int8: quantised weights; float: F32, F16; BF16 is multiplied in f32 here)");
  for (const auto& [name, state] : graders) line(name, state);
  return 0;
}

}  // namespace

Command make_doctor_command() {
  auto options = std::make_shared<DoctorFlags>();
  Command command("doctor",
                  "What this machine offers: CPUs, kernels, measured ceilings, code grading");
  command
      .add("-t,--threads", &options->threads,
           "threads to measure with (0 = as many as this process may use)")
      .between(0, kMaxThreads);
  command.add("--json", &options->json, "one JSON object");
  command.action([options] { return run_doctor(*options); });
  return command;
}

}  // namespace whet
