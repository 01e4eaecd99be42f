/* The runs of the commands in commands.c; one file a group of commands. */
#ifndef CMD_RUN_COMMANDS_H
#define CMD_RUN_COMMANDS_H

#include "cmd/command.h"

/* The options wait and no-wait; the default is ten minutes. */
bool wait_option_read(struct invocation *in, int64_t *ret_ms);

enum exit_code renew_run(struct invocation *in);
enum exit_code issue_run(struct invocation *in);
enum exit_code deploy_run(struct invocation *in);
enum exit_code verify_run(struct invocation *in);
enum exit_code serve_run(struct invocation *in);
enum exit_code lock_run(struct invocation *in);
enum exit_code locks_list_run(struct invocation *in);

enum exit_code plan_run(struct invocation *in);
enum exit_code status_run(struct invocation *in);
enum exit_code show_run(struct invocation *in);
enum exit_code history_run(struct invocation *in);
enum exit_code limits_run(struct invocation *in);

enum exit_code init_run(struct invocation *in);
enum exit_code check_run(struct invocation *in);
enum exit_code revoke_run(struct invocation *in);
enum exit_code export_run(struct invocation *in);
enum exit_code provider_list_run(struct invocation *in);
enum exit_code provider_show_run(struct invocation *in);
enum exit_code provider_lint_run(struct invocation *in);
enum exit_code provider_new_run(struct invocation *in);
enum exit_code provider_test_run(struct invocation *in);
enum exit_code provider_txt_run(struct invocation *in);
enum exit_code account_show_run(struct invocation *in);
enum exit_code account_list_run(struct invocation *in);
enum exit_code token_new_run(struct invocation *in);
enum exit_code store_copy_run(struct invocation *in);
enum exit_code account_register_run(struct invocation *in);
enum exit_code account_update_run(struct invocation *in);
enum exit_code account_rollover_run(struct invocation *in);
enum exit_code account_deactivate_run(struct invocation *in);
enum exit_code account_import_run(struct invocation *in);
enum exit_code account_export_run(struct invocation *in);
enum exit_code persist_run(struct invocation *in);
enum exit_code documents_run(struct invocation *in);

#endif
