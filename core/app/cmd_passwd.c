/*
 * cmd_passwd.c - dragoman passwd FILE add|remove|list|verify [USER]
 *
 * Edits a users file as a careful person would: the rest of the file, comments
 * and all, stays byte for byte; the new one is written beside it, synced and
 * renamed over it, so that a reload never sees half a file; two at once wait
 * for each other.  A file that is wrong is not touched.  The password comes on
 * standard input, because arguments can be seen by everybody on the machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "commands.h"
#include "dragoman/auth/users.h"
#include "dragoman/base/enc.h"
#include "dragoman/base/errors.h"

#define MOST_BYTES    (16u << 20)
#define MOST_PASSWORD 512

enum {
	YES = 0,
	NO = 1,
	WRONG = 2
};

struct job {
	const char *file; /* as given, for messages */
	char *path;       /* behind symbolic links: what is renamed over */
	const char *action;
	const char *user; /* NULL for list */
	bool with_lm, with_scram_sha_1, without_nt;
	bool is_new;            /* the file is not there yet */
	struct stat st;         /* of the file, unless it is new */
	struct dg_buf text;     /* of the file */
	struct dg_users *users; /* the file, parsed */
	struct dg_secret password;
	int lock; /* on the directory, or -1 */
};

static int
complain(const struct job *j, const char *what)
{
	fprintf(stderr, "%s: %s\n", j->file, what);
	return WRONG;
}

static int
complain_errno(const struct job *j, const char *what)
{
	fprintf(stderr, "%s: cannot %s: %s\n", j->file, what, strerror(errno));
	return WRONG;
}

/* ---- the command line ---- */

static int
usage(void)
{
	fprintf(stderr,
	    "usage: dragoman passwd FILE add USER [--lm] "
	    "[--scram-sha-1] [--no-nt] | remove USER | list | verify USER\n"
	    "The password is read from standard input.\n");
	return WRONG;
}

static int
wrong_word(const char *kind, const char *word, const char *const *known)
{
	const char *near = dg_did_you_mean(dg_str(word), known);

	fprintf(stderr, "dragoman passwd: unknown %s \"%s\"%s%s%s\n", kind,
	    word, near != NULL ? "; did you mean \"" : "",
	    near != NULL ? near : "", near != NULL ? "\"?" : "");
	return usage();
}

static int
read_arguments(int argc, char **argv, struct job *j)
{
	static const char *const actions[] = { "add", "remove", "list",
		"verify", NULL };
	static const char *const options[] = { "--lm", "--scram-sha-1",
		"--no-nt", NULL };
	const char *words[3] = { NULL };
	size_t n = 0, action = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--lm") == 0) {
			j->with_lm = true;
		} else if (strcmp(argv[i], "--scram-sha-1") == 0) {
			j->with_scram_sha_1 = true;
		} else if (strcmp(argv[i], "--no-nt") == 0) {
			j->without_nt = true;
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			return wrong_word("option", argv[i], options);
		} else if (n == 3) {
			fprintf(stderr, "dragoman passwd: too many words; a "
					"password is given on standard input, "
					"never as an argument\n");
			return WRONG;
		} else {
			words[n++] = argv[i];
		}
	}
	if (n < 2)
		return usage();
	while (
	    actions[action] != NULL && strcmp(actions[action], words[1]) != 0)
		action++;
	if (actions[action] == NULL)
		return wrong_word("action", words[1], actions);
	j->file = words[0];
	j->action = actions[action];
	j->user = words[2];
	if ((strcmp(j->action, "list") == 0) != (j->user == NULL) ||
	    ((j->with_lm || j->with_scram_sha_1 || j->without_nt) &&
		strcmp(j->action, "add") != 0) ||
	    (j->with_lm && j->without_nt))
		return usage();
	return YES;
}

/* Names that the file can hold and a login can find. */
static int
check_user(const struct job *j)
{
	struct dg_str u = dg_str(j->user);

	if (dg_str_find(u, '\\') < u.n || dg_str_find(u, '@') < u.n)
		return complain(j,
		    "give the user's name alone: the domain that a client "
		    "sends is no part of the look-up");
	if (u.n == 0 || u.n > 256 || u.p[0] == '#' || !dg_utf8_is_valid(u) ||
	    dg_str_trim(u).n != u.n || dg_str_find(u, ':') < u.n)
		return complain(j,
		    "a user's name has no \":\", no \"#\" in front, no blanks "
		    "around it");
	for (size_t i = 0; i < u.n; i++) {
		if ((unsigned char)u.p[i] < 0x20 || u.p[i] == 0x7f)
			return complain(j,
			    "a user's name has no control characters");
	}
	return YES;
}

/* ---- the password ---- */

/* One line; what the terminal shows of it is nothing. */
static ssize_t
read_line(char *line, size_t room)
{
	struct termios old, silent;
	bool is_terminal = tcgetattr(STDIN_FILENO, &old) == 0;
	size_t n = 0;
	ssize_t got = 0;

	if (is_terminal) {
		fprintf(stderr, "Password: ");
		silent = old;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	while (n < room) { /* by the byte: what follows is not ours */
		got = read(STDIN_FILENO, line + n, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || line[n] == '\n')
			break;
		n++;
	}
	if (is_terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fprintf(stderr, "\n");
	}
	return got < 0 ? -1 : (ssize_t)n;
}

static int
read_password(struct job *j)
{
	char line[MOST_PASSWORD + 1];
	ssize_t n = read_line(line, sizeof(line));
	struct dg_str s = dg_str_of(line, n > 0 ? (size_t)n : 0);
	const char *wrong = NULL;

	if (n < 0)
		wrong = "the password cannot be read from standard input";
	else if (n == 0)
		wrong = "no password on standard input";
	else if (n > MOST_PASSWORD)
		wrong = "the password is too long";
	else if (!dg_utf8_is_valid(s))
		wrong = "the password is not UTF-8";
	for (size_t i = 0; i < s.n && wrong == NULL; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			wrong = "the password has a control character (a line "
				"end of another system?)";
	}
	if (wrong == NULL)
		dg_secret_set(&j->password, s);
	dg_wipe(line, sizeof(line));
	return wrong != NULL ? complain(j, wrong) : YES;
}

/* ---- the file ---- */

static int
read_all(struct job *j, int fd)
{
	for (;;) {
		ssize_t n;

		if (dg_buf_reserve(&j->text, 65536) != DG_OK)
			return complain(j, "too large for a users file");
		n = read(fd, j->text.p + j->text.n, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complain_errno(j, "read");
		if (n == 0)
			return YES;
		j->text.n += (size_t)n;
	}
}

static int
read_file(struct job *j)
{
	int fd = open(j->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int code;

	if (fd < 0 && errno == ENOENT && strcmp(j->action, "add") == 0) {
		j->is_new = true;
		return YES;
	}
	if (fd < 0)
		return complain_errno(j, "open");
	if (fstat(fd, &j->st) != 0) {
		code = complain_errno(j, "look at");
	} else if (!S_ISREG(j->st.st_mode)) {
		code = complain(j, "not a regular file");
	} else if ((j->st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		fprintf(stderr,
		    "%s: others can read it (mode %04o), so it is refused; "
		    "say: chmod 600 %s\n",
		    j->file, (unsigned)j->st.st_mode & 07777u, j->file);
		code = WRONG;
	} else {
		code = read_all(j, fd);
	}
	close(fd);
	return code;
}

struct lines {
	struct dg_errors errors;
	const char *file;
};

static void
on_line_error(void *ctx, unsigned line, unsigned column, const char *what)
{
	struct lines *l = ctx;

	dg_errors_add(&l->errors, l->file, line, column, false, "%s", what);
}

/* NULL: said what is wrong with each line. */
static struct dg_users *
parse(const char *file, struct dg_str text)
{
	struct lines l = { .file = file };
	struct dg_users *users;
	struct dg_buf out;

	dg_errors_init(&l.errors);
	dg_buf_init(&out, 1u << 20);
	users = dg_users_parse(text, on_line_error, &l);
	dg_errors_add_to(&l.errors, &out);
	fputs(dg_buf_z(&out), stderr);
	dg_buf_fini(&out);
	dg_errors_fini(&l.errors);
	return users;
}

/* Hold the file's directory until we end: the directory, because the file is
 * replaced. */
static int
lock(struct job *j)
{
	struct dg_str p = dg_str(j->path);
	size_t slash = dg_str_rfind(p, '/');
	char *dir;

	dir = slash == p.n ? dg_strdup(".")
			   : dg_str_dup(dg_str_sub(p, 0, slash + 1));
	j->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (j->lock < 0)
		return complain_errno(j, "open its directory");
	while (flock(j->lock, LOCK_EX) != 0) {
		if (errno != EINTR)
			return complain_errno(j, "lock its directory");
	}
	return YES;
}

static bool
write_all(int fd, struct dg_str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			s = dg_str_from(s, (size_t)n);
	}
	return true;
}

/* Under its own name only when every byte of it is on disk. */
static int
replace_file(struct job *j, struct dg_str text)
{
	char *fresh = dg_sprintf("%s.XXXXXX", j->path);
	int fd = mkstemp(fresh); /* mode 0600 */
	int code = YES;

	if (fd < 0) {
		code = complain_errno(j, "write a file beside it");
		free(fresh);
		return code;
	}
	if (!j->is_new && (fchown(fd, j->st.st_uid, j->st.st_gid) != 0 ||
			      fchmod(fd, j->st.st_mode & 07770u) != 0))
		code = complain_errno(j, "keep its owner and mode");
	else if (!write_all(fd, text) || fsync(fd) != 0)
		code = complain_errno(j, "write");
	else if (rename(fresh, j->path) != 0)
		code = complain_errno(j, "replace");
	else if (fsync(j->lock) != 0)
		code = complain_errno(j, "sync its directory");
	close(fd);
	if (code != YES)
		(void)unlink(fresh); /* gone already when only fsync failed */
	free(fresh);
	return code;
}

/* ---- lines ---- */

/* As dg_users_find compares. */
static bool
is_same_user(struct dg_str a, struct dg_str b)
{
	struct dg_buf x, y;
	bool is_same;

	dg_buf_init(&x, 4096);
	dg_buf_init(&y, 4096);
	is_same = dg_upper_add(&x, a) == DG_OK &&
		  dg_upper_add(&y, b) == DG_OK &&
		  dg_str_eq(dg_buf_str(&x), dg_buf_str(&y));
	dg_buf_fini(&x);
	dg_buf_fini(&y);
	return is_same;
}

static bool
is_line_of(struct dg_str line, const char *user)
{
	struct dg_str s = dg_str_trim(line);

	return s.n > 0 && s.p[0] != '#' &&
	       is_same_user(dg_str_trim(dg_str_sub(s, 0, dg_str_find(s, ':'))),
		   dg_str(user));
}

/* The file with the user's line replaced by `line`, or without it (NULL); a
 * user who was not there gets his at the end. */
static void
edit(const struct job *j, const char *line, struct dg_buf *out)
{
	struct dg_str rest = dg_buf_str(&j->text);
	bool is_done = line == NULL;

	while (rest.n > 0) {
		size_t end = dg_str_find(rest, '\n');
		struct dg_str old = dg_str_sub(rest, 0, end);

		rest = dg_str_from(rest, end + 1);
		if (!is_line_of(old, j->user)) {
			(void)dg_buf_add(out, old);
			(void)dg_buf_addc(out, '\n');
		} else if (!is_done) {
			(void)dg_buf_addf(out, "%s\n", line);
			is_done = true;
		}
	}
	if (!is_done)
		(void)dg_buf_addf(out, "%s\n", line);
}

/* Write what edit() made, unless it would not be taken. */
static int
save(struct job *j, const char *line, bool must_find)
{
	struct dg_buf text;
	struct dg_users *users;
	int code = WRONG;

	dg_buf_init(&text, MOST_BYTES + 65536);
	edit(j, line, &text);
	users = parse(j->file, dg_buf_str(&text));
	if (users != NULL &&
	    (dg_users_find(users, dg_str(j->user)) != NULL) != must_find)
		code = complain(j, "not changed: the result would be wrong");
	else if (users != NULL)
		code = replace_file(j, dg_buf_str(&text));
	dg_users_free(users);
	dg_buf_wipe(&text);
	dg_buf_fini(&text);
	return code;
}

/* ---- actions ---- */

static int
no_such_user(const struct job *j)
{
	size_t n = dg_users_count(j->users);
	const char **names = dg_alloc0((n + 1) * sizeof(*names));
	const char *near;

	for (size_t i = 0; i < n; i++)
		names[i] = dg_users_name(j->users, i);
	near = dg_did_you_mean(dg_str(j->user), names);
	fprintf(stderr, "%s: no user \"%s\"%s%s%s\n", j->file, j->user,
	    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
	    near != NULL ? "\"?" : "");
	free(names);
	return NO;
}

/* {nt} for NTLM, {scram-sha-256} for those who can do better. */
static enum dg_rc
make_credential(const struct job *j, struct dg_credential *c, struct dg_err *e)
{
	struct dg_str password = dg_str_of(j->password.p, j->password.n);
	enum dg_rc rc = dg_credential_make(password, j->with_lm, c, e);

	if (rc != DG_OK)
		return rc;
	if (!dg_credential_add_scram(c, DG_SHA_256, password,
		DG_SCRAM_ITERATIONS)) {
		if (j->without_nt || j->with_scram_sha_1)
			return dg_fail(e, DG_E_CONFIG, 0, NULL,
			    "the password has characters that SCRAM does not "
			    "take");
		fprintf(stderr,
		    "%s: note: the password has characters that SCRAM does "
		    "not take; only {nt} is stored\n",
		    j->file);
	}
	if (j->with_scram_sha_1)
		(void)dg_credential_add_scram(c, DG_SHA_1, password,
		    DG_SCRAM_ITERATIONS);
	if (j->without_nt)
		dg_wipe(c->nt, sizeof(c->nt));
	c->has_nt = !j->without_nt;
	return DG_OK;
}

static int
act_add(struct job *j)
{
	bool was_there = dg_users_find(j->users, dg_str(j->user)) != NULL;
	struct dg_credential c = { .has_nt = false };
	struct dg_buf line;
	struct dg_err e = { .text = "its line would be too long" };
	int code = WRONG;

	dg_buf_init(&line, 4096);
	if (make_credential(j, &c, &e) != DG_OK ||
	    dg_users_line(&line, dg_str(j->user), &c) != DG_OK) {
		code = complain(j, e.text);
	} else {
		code = save(j, dg_buf_z(&line), true);
	}
	if (code == YES)
		printf("%s: %s \"%s\"\n", j->file,
		    was_there ? "replaced" : "added", j->user);
	dg_wipe(&c, sizeof(c));
	dg_buf_wipe(&line);
	dg_buf_fini(&line);
	return code;
}

static int
act_remove(struct job *j)
{
	int code;

	if (dg_users_find(j->users, dg_str(j->user)) == NULL)
		return no_such_user(j);
	code = save(j, NULL, false);
	if (code == YES)
		printf("%s: removed \"%s\"\n", j->file, j->user);
	return code;
}

static int
act_list(struct job *j)
{
	for (size_t i = 0; i < dg_users_count(j->users); i++)
		puts(dg_users_name(j->users, i));
	return YES;
}

static int
act_verify(struct job *j)
{
	const struct dg_credential *c =
	    dg_users_find(j->users, dg_str(j->user));
	int code = NO;

	if (c == NULL)
		return no_such_user(j);
	if (dg_credential_is_of(c, dg_str_of(j->password.p, j->password.n)))
		code = YES;
	printf("%s: the password of \"%s\" is %s\n", j->file, j->user,
	    code == YES ? "right" : "wrong");
	return code;
}

static int
run(struct job *j)
{
	bool is_add = strcmp(j->action, "add") == 0;
	bool is_verify = strcmp(j->action, "verify") == 0;
	bool is_remove = strcmp(j->action, "remove") == 0;
	int code = j->user != NULL ? check_user(j) : YES;

	/* The password before the lock: a person may be typing it. */
	if (code == YES && (is_add || is_verify))
		code = read_password(j);
	j->path = realpath(j->file, NULL);
	if (j->path == NULL)
		j->path = dg_strdup(j->file);
	if (code == YES && (is_add || is_remove))
		code = lock(j);
	if (code == YES)
		code = read_file(j);
	if (code != YES)
		return code;
	j->users = parse(j->file, dg_buf_str(&j->text));
	if (j->users == NULL)
		return WRONG;
	if (is_add)
		return act_add(j);
	if (is_verify)
		return act_verify(j);
	return is_remove ? act_remove(j) : act_list(j);
}

int
dg_cmd_passwd(int argc, char **argv)
{
	struct job j = { .lock = -1 };
	int code = read_arguments(argc, argv, &j);

	dg_buf_init(&j.text, MOST_BYTES);
	if (code == YES)
		code = run(&j);
	dg_users_free(j.users);
	dg_secret_fini(&j.password);
	dg_buf_wipe(&j.text);
	dg_buf_fini(&j.text);
	free(j.path);
	if (j.lock >= 0)
		close(j.lock);
	return code;
}
