// One function per subcommand: its flags, and what it does with them.
#pragma once

#include "cli/command.h"

namespace whet {

Command make_run_command();
Command make_serve_command();
Command make_eval_command();
Command make_tasks_command();
Command make_compare_command();
Command make_report_command();
Command make_diff_command();
Command make_recommend_command();
Command make_adapt_vocab_mine_command();
Command make_adapt_vocab_apply_command();
Command make_adapt_larosa_command();
Command make_adapt_magnitudes_command();
Command make_bench_command();
Command make_bench_serve_command();
Command make_perplexity_command();
Command make_show_command();
Command make_verify_command();
Command make_tokenize_command();
Command make_doctor_command();
Command make_synth_command();
Command make_pull_command();
Command make_ls_command();
Command make_rm_command();
Command make_ps_command();
Command make_imatrix_command();
Command make_quantize_command();
Command make_convert_command();

}  // namespace whet
