#include "sys/cgroup.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sys/number_file.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUsualMount = "/sys/fs/cgroup";

std::string content_of(const char* path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool contains(std::string_view list, std::string_view item) {
  const auto items = split(list, ',');
  return std::find(items.begin(), items.end(), item) != items.end();
}

/// Spaces and the like stand as "\040" in mountinfo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view digits = text.substr(std::min(i + 1, text.size()), 3);
    const bool octal = text[i] == '\\' && digits.size() == 3 &&
                       digits.find_first_not_of("01234567") == std::string_view::npos;
    out += octal
               ? static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + digits[2] - '0')
               : text[i];
    if (octal) i += 3;
  }
  return out;
}

struct Mount {
  std::string root;  // the group that is seen at `point`
  std::string point;
};

/// Of the file system `type`, with `option` if it is not "".
std::optional<Mount> find_mount(std::string_view mounts, std::string_view type,
                                std::string_view option) {
  for (std::string_view line : split(mounts, '\n')) {
    const size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto before = split(line.substr(0, dash), ' ');
    const auto after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3 || after[0] != type) continue;
    if (!option.empty() && !contains(after[2], option)) continue;
    return Mount{unescaped(before[3]), unescaped(before[4])};
  }
  return std::nullopt;
}

/// The directories of group `path` and its ancestors under a mount.
std::vector<std::string> directories_of(const Mount& mount, std::string_view path) {
  // A container may see its own group as the mount's root, under a path that is the host's.
  const std::string root = mount.root == "/" ? "" : mount.root;
  const bool is_under_root =
      path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
  std::string below(is_under_root ? path.substr(root.size()) : "");
  std::vector<std::string> directories;
  while (true) {
    while (below.ends_with('/')) below.pop_back();
    directories.push_back(mount.point + below);
    if (below.empty()) return directories;
    below.resize(below.find_last_of('/'));
  }
}

/// The path of this process's group: of the hierarchy with `controller`, or of version 2 for "".
std::optional<std::string_view> group_path(std::string_view groups, std::string_view controller) {
  for (std::string_view line : split(groups, '\n')) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool wanted =
        controller.empty() ? controllers.empty() : contains(controllers, controller);
    if (wanted) return line.substr(second + 1);
  }
  return std::nullopt;
}

template <typename Value, typename Read>
std::optional<Value> tightest(const std::vector<CgroupHierarchy>& hierarchies, Read read) {
  std::optional<Value> least;
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    for (const std::string& directory : hierarchy.directories) {
      const std::optional<Value> value = read(hierarchy.version, directory);
      if (value) least = std::min(least.value_or(*value), *value);
    }
  }
  return least;
}

}  // namespace

std::vector<CgroupHierarchy> parse_cgroups(std::string_view controller, std::string_view groups,
                                           std::string_view mounts) {
  std::vector<CgroupHierarchy> hierarchies;
  if (const auto path = group_path(groups, "")) {
    const auto mount = find_mount(mounts, "cgroup2", "");
    hierarchies.push_back(
        {2, directories_of(mount.value_or(Mount{"/", std::string(kUsualMount)}), *path)});
  }
  if (const auto path = group_path(groups, controller)) {
    const auto mount = find_mount(mounts, "cgroup", controller);
    const Mount usual{"/", fmt::format("{}/{}", kUsualMount, controller)};
    hierarchies.push_back({1, directories_of(mount.value_or(usual), *path)});
  }
  return hierarchies;
}

std::vector<CgroupHierarchy> cgroup_hierarchies(std::string_view controller) {
  const std::string groups = content_of("/proc/self/cgroup");
  auto hierarchies = parse_cgroups(controller, groups, content_of("/proc/self/mountinfo"));
  const auto usual = parse_cgroups(controller, groups, "");
  for (size_t i = 0; i < hierarchies.size(); ++i) {
    const auto is_missing = [](const std::string& directory) {
      std::error_code error;
      return !fs::is_directory(directory, error);
    };
    std::erase_if(hierarchies[i].directories, is_missing);
    // A mount that something else covers, or none that is listed.
    if (hierarchies[i].directories.empty()) {
      hierarchies[i] = usual[i];
      std::erase_if(hierarchies[i].directories, is_missing);
    }
  }
  return hierarchies;
}

std::optional<double> cgroup_cpu_quota(const std::vector<CgroupHierarchy>& hierarchies) {
  return tightest<double>(hierarchies, [](int version, const std::string& directory) {
    std::optional<double> quota, period;
    if (version == 2) {
      const std::string line = first_line(directory + "/cpu.max");
      quota = parse_number(line);
      const size_t space = line.find(' ');
      if (space != std::string::npos)
        period = parse_number(std::string_view(line).substr(space + 1));
    } else {
      quota = parse_number(first_line(directory + "/cpu.cfs_quota_us"));  // -1: none
      period = parse_number(first_line(directory + "/cpu.cfs_period_us"));
    }
    if (!quota || !period || *quota <= 0 || *period <= 0) return std::optional<double>();
    return std::optional(*quota / *period);
  });
}

std::optional<uint64_t> cgroup_memory_left(const std::vector<CgroupHierarchy>& hierarchies) {
  return tightest<uint64_t>(hierarchies, [](int version, const std::string& directory) {
    const auto limit = parse_number(
        first_line(directory + (version == 2 ? "/memory.max" : "/memory.limit_in_bytes")));
    const auto anonymous =
        number_after(directory + "/memory.stat", version == 2 ? "anon " : "total_rss ");
    // Version 1 writes "no limit" as a number near 2^63.
    if (!limit || !anonymous || *limit >= 0x1p62) return std::optional<uint64_t>();
    return std::optional(static_cast<uint64_t>(std::max(*limit - *anonymous, 0.0)));
  });
}

}  // namespace whet
