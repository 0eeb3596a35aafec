#include "serve/past_reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "strategy/registry.h"
#include "sys/file_bytes.h"

namespace whet::serve {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxReportBytes = 64 << 20;
constexpr std::string_view kShowPath = "/whet/reports/";

void add_report(const fs::path& directory, std::vector<PastReport>& reports) {
  std::error_code error;
  const fs::path page = directory / "report.html";
  if (!fs::is_regular_file(page, error)) return;
  const auto time = fs::last_write_time(page, error);
  if (error) return;
  const auto since = std::chrono::file_clock::to_sys(time).time_since_epoch();
  reports.push_back({fs::absolute(directory, error).lexically_normal().filename().string(),
                     page.string(),
                     std::chrono::duration_cast<std::chrono::seconds>(since).count()});
}

}  // namespace

std::vector<PastReport> past_reports(const std::string& directory) {
  std::vector<PastReport> reports;
  if (directory.empty()) return reports;
  std::error_code error;
  add_report(directory, reports);
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.is_directory(error)) add_report(entry.path(), reports);
  }
  std::ranges::sort(reports, std::greater(), &PastReport::modified);
  return reports;
}

void list_reports(Exchange& exchange) {
  Json list = Json::array();
  for (const PastReport& report : past_reports(exchange.server.options().reports_directory)) {
    list.push_back({{"name", report.name}, {"modified", report.modified}});
  }
  exchange.send(200, {{"reports", std::move(list)}});
}

void show_report(Exchange& exchange) {
  // A name is looked up among those listed; it never becomes a path.
  const std::string name = exchange.request.path.substr(kShowPath.size());
  for (const PastReport& report : past_reports(exchange.server.options().reports_directory)) {
    if (report.name != name) continue;
    auto page = read_file(report.path, kMaxReportBytes);
    if (!page.ok()) return exchange.fail(api_error(page.error()));
    // It holds what models wrote: it runs nothing and calls nobody.
    exchange.headers.emplace_back(
        "Content-Security-Policy",
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    return exchange.reply.send(200, "text/html; charset=utf-8", std::move(*page), exchange.headers);
  }
  exchange.fail({404, fmt::format("there is no report \"{}\"; see /whet/reports", name)});
}

void list_strategies(Exchange& exchange) {
  Json list = Json::array();
  for (const strategy::StrategyInfo& info : strategy::strategies()) {
    if (info.kind != strategy::Kind::kStrategy) continue;
    std::string slug = info.slug;
    std::ranges::replace(slug, '_', '-');
    list.push_back({{"slug", slug}, {"summary", info.summary}});
  }
  exchange.send(200, {{"strategies", std::move(list)}});
}

}  // namespace whet::serve
