// Another user's surroundings: language, time zone, terminal, settings of programs that we start.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <locale>
#include <map>
#include <optional>
#include <string>

namespace whet::report {

/// In force while it lives.
class ForeignSurroundings {
 public:
  ForeignSurroundings()
      : home_(testing::TempDir() + "whet_foreign_home_" + std::to_string(::getpid())) {
    std::filesystem::create_directories(home_);
    std::ofstream(home_ / ".gnuplot") << "exit gnuplot\n";
    for (const auto& [name, value] : std::map<std::string, std::string>{{"HOME", home_},
                                                                        {"TZ", "Pacific/Chatham"},
                                                                        {"LC_ALL", "de_DE.UTF-8"},
                                                                        {"LANG", "de_DE.UTF-8"},
                                                                        {"COLUMNS", "31"},
                                                                        {"TERM", "dumb"},
                                                                        {"NO_COLOR", "1"},
                                                                        {"GNUTERM", "dumb"},
                                                                        {"GNUPLOT_FONTPATH", home_},
                                                                        {"GNUPLOT_LIB", home_}}) {
      const char* before = std::getenv(name.c_str());
      before_[name] = before == nullptr ? std::nullopt : std::optional<std::string>(before);
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    ::tzset();
    std::locale::global(std::locale(locale_, new Commas));
  }
  ~ForeignSurroundings() {
    for (const auto& [name, value] : before_) {
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
    }
    ::tzset();
    std::locale::global(locale_);
    std::filesystem::remove_all(home_);
  }
  ForeignSurroundings(const ForeignSurroundings&) = delete;
  ForeignSurroundings& operator=(const ForeignSurroundings&) = delete;

 private:
  /// 1.234,5: that of Germany may not be installed.
  struct Commas : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };

  std::filesystem::path home_;
  std::map<std::string, std::optional<std::string>> before_;
  std::locale locale_;  // a copy of the global one
};

}  // namespace whet::report
