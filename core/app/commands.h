#ifndef DRAGOMAN_CORE_APP_COMMANDS_H
#define DRAGOMAN_CORE_APP_COMMANDS_H

/* commands.h - one function a subcommand; argv[0] is its name; the result is
 * the program's exit code: 0 good, 1 no, 2 wrong usage or configuration. */
int dg_cmd_init(int argc, char **argv);
int dg_cmd_serve(int argc, char **argv);
int dg_cmd_check(int argc, char **argv);
int dg_cmd_passwd(int argc, char **argv);
int dg_cmd_reload(int argc, char **argv);
int dg_cmd_status(int argc, char **argv);
int dg_cmd_queue(int argc, char **argv);
int dg_cmd_policy_stats(int argc, char **argv);
int dg_cmd_policy(int argc, char **argv);
int dg_cmd_explain(int argc, char **argv);

#endif
