/*
 * main.c - the command line: which subcommand, and the help for all.
 */
#include <stdio.h>

#include "commands.h"
#include "dragoman/base/str.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage, *help;
} commands[] = {
	{ "init", dg_cmd_init, "[NAME DIR]",
	    "begin with a copy of an example deployment; alone: list them" },
	{ "serve", dg_cmd_serve, "[-c FILE] [--set KEY=VALUE]...",
	    "run the relay in the foreground; SIGHUP reloads, SIGTERM ends" },
	{ "check", dg_cmd_check, "[-c FILE] [--set ...] [--print|--probe|--strict]",
	    "say all that is wrong with configuration and policy" },
	{ "reload", dg_cmd_reload, "[-c FILE] [--set ...]",
	    "have the running relay reload; waits, prints the verdict" },
	{ "status", dg_cmd_status, "[-c FILE] [--set ...]",
	    "generations, sessions, hops, spool and alerts" },
	{ "queue", dg_cmd_queue, "list|show|stats|check [-c FILE] [...]",
	    "what waits, since when, why, and what comes next" },
	{ "queue", dg_cmd_queue, "retry|hold|release|drop ID|--hop NAME|...",
	    "what becomes of it; --dry-run says what would be done" },
	{ "queue", dg_cmd_queue, "export FILE --all|... / import FILE",
	    "to another relay, or back after a disaster" },
	{ "explain", dg_cmd_explain,
	    "--from ADDRESS --rcpt RECIPIENT... | ID [-c FILE]",
	    "why the relay does what it does: for a made-up session, or for a "
	    "message" },
	{ "policy", dg_cmd_policy, "test [-k PATTERN] [-v] [--coverage] [FILE or DIR]...",
	    "run *_test.lua against the real machines, without a network" },
	{ "policy", dg_cmd_policy, "stats [-c FILE] [--set ...]",
	    "what each line of the running policy decided, how often, when last" },
	{ "passwd", dg_cmd_passwd, "FILE add|remove|list|verify [USER]",
	    "edit a users file; the password is read from standard input" },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void
help(FILE *f)
{
	fprintf(f,
	    "dragoman - an SMTP relay that lets peers which cannot "
	    "authenticate to each other\nexchange mail; what it says to whom "
	    "is Lua policy.\n\nusage:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  dragoman %-7s %s\n                     %s\n",
		    commands[i].name, commands[i].usage, commands[i].help);
	fprintf(f,
	    "\n  -c FILE          the configuration (default: dragoman.yaml)\n"
	    "  --set KEY=VALUE  overrules one of its keys, as in "
	    "--set vars.hq=10.0.0.5:25\n"
	    "  --help, --version\n\n"
	    "exit code: 0 good, 1 no, 2 wrong usage or configuration\n");
}

static int
unknown(const char *word)
{
	const char *names[COMMANDS + 1] = { NULL };
	const char *near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	near = dg_did_you_mean(dg_str(word), names);
	fprintf(stderr, "dragoman: no command \"%s\"%s%s%s; see dragoman "
	    "--help\n", word, near != NULL ? "; did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "");
	return 2;
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("dragoman %s\n", DG_VERSION);
		return 0;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return unknown(argv[1]);
}
